// The real clients of the time consume and commit; kferry reads exactly what they wrote, and an
// upgraded consumer goes on with exactly the next record.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/trouble_fixture.h"

namespace kferry::trouble {
namespace {

using testenv::ChildProcess;
using testenv::Environment;
using testenv::run_kferry;

constexpr int kPartitions = 2;
constexpr int kRecords = 30;  // of each partition
// More than one partition holds.
constexpr const char* kConsumed = "40";

struct Client {
  std::string name;  // of its topic and, with "g-" before it, of its group
  std::string version;
  Arguments properties = {};
};

const std::vector<Client>& jvm_clients() {
  static const std::vector<Client> clients = {
      {"jvm-0_8_2_2", "0.8.2.2"},
      {"jvm-0_9_0_1", "0.9.0.1"},
      {"jvm-1_1_1", "1.1.1"},
      {"dual-0_9_0_1",
       "0.9.0.1",
       {"--property", "offsets.storage=kafka", "--property", "dual.commit.enabled=true"}},
  };
  return clients;
}

class LegacyClients : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    env = std::make_unique<Environment>(
        Environment::start({.source = "0.10.2.2", .chroot = "/kafka"}));
    Json topics = Json::array();
    for (const std::string& name : names())
      topics.push_back({{"name", name}, {"partitions", kPartitions}, {"records", kRecords}});
    env->workload({{"topics", topics}});
    // Side by side: a JVM takes seconds to start.
    for (const Client& client : jvm_clients())
      running.emplace(client.name, ChildProcess(testenv::java_command(
                                       "HighLevelConsumer", testenv::jars_dir(client.version),
                                       Arguments{"--zookeeper", env->zookeeper_connect(), "--group",
                                                 "g-" + client.name, "--topic", client.name,
                                                 "--consume", kConsumed} +
                                           client.properties)));
  }
  static void TearDownTestSuite() {
    running.clear();
    env.reset();
  }

  static std::vector<std::string> names() {
    std::vector<std::string> names = {"node", "locked"};
    for (const Client& client : jvm_clients()) names.push_back(client.name);
    return names;
  }

  // What the client says that it has consumed: "topic-0" -> the next record.
  static Json next_of(ChildProcess& client) {
    if (!client.wait_for_output("}}", 60'000))
      throw std::runtime_error("the client did not commit: " + client.err());
    return Json::parse(client.out()).at("next");
  }

  Json report_of(const Arguments& arguments, int exit_code) {
    const std::string path = folder / "report.json";
    const auto done = run_kferry(arguments + Arguments{"--report", path});
    EXPECT_EQ(done.exit_code, exit_code) << done.out << done.err;
    return read_json(path);
  }

  // While the client lives, and after it was stopped.
  void follow(const std::string& name, ChildProcess& client, const std::string& layout,
              const std::string& verdict) {
    const Json next = next_of(client);
    const std::string group = "g-" + name;
    expect_read(name, next, layout);
    const Arguments plan = connections(*env) + quick({group});
    const auto alive = run_kferry(Arguments{"plan"} + plan);
    EXPECT_EQ(alive.exit_code, verdict == "equal" ? 0 : 4) << alive.out << alive.err;
    client.send_signal(SIGTERM);
    ASSERT_TRUE(client.wait(20'000));
    const Json report = report_of(Arguments{"migrate", "--execute"} + plan, 0);
    for (int partition = 0; partition < kPartitions; ++partition)
      EXPECT_EQ(row_of(report, group, name, partition).value("verdict", ""), verdict)
          << ending(report, group, name, partition);
    expect_resumed(name, next);
  }

  // The scan shows what the client says.
  static void expect_read(const std::string& name, const Json& next, const std::string& layout) {
    const auto done = run_kferry(Arguments{"scan", "--format", "json"} + connections(*env) +
                                 Arguments{"--group", "g-" + name});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    const Json scan = Json::parse(done.out);
    const Json group = group_of(scan, "g-" + name);
    EXPECT_EQ(group.at("layout"), layout);
    EXPECT_EQ(group.at("registered_consumers").size(), 1U);
    EXPECT_EQ(group.at("owned_partitions"), kPartitions);
    EXPECT_EQ(group.at("problems"), Json::array());
    for (const auto& [partition, offset] : next.items())
      EXPECT_EQ(row_of(scan, "g-" + name, name, partition.back() - '0').at("zookeeper_offset"),
                offset)
          << partition;
  }

  // An upgraded consumer re-reads none and skips none.
  static void expect_resumed(const std::string& name, const Json& next) {
    const auto done = testenv::run_java(
        "ConsumeFrom", testenv::jars_dir("3.9.1"),
        {"--bootstrap", env->bootstrap_servers(), "--group", "g-" + name, "--topics", name});
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    std::istringstream lines(done.out);
    int seen = 0;
    for (std::string line; std::getline(lines, line); ++seen) {
      const Json start = Json::parse(line);
      const int64_t expected =
          next.value(fmt::format("{}-{}", name, start.at("partition").get<int>()), int64_t{0});
      EXPECT_EQ(start.at("position"), expected) << line;
      if (expected < kRecords) {
        EXPECT_EQ(start.at("first_offset"), expected) << line;
      }
    }
    EXPECT_EQ(seen, kPartitions);
  }

  inline static std::unique_ptr<Environment> env;
  inline static std::map<std::string, ChildProcess> running;
  const Folder folder;
};

TEST_F(LegacyClients, Jvm082) {
  follow("jvm-0_8_2_2", running.at("jvm-0_8_2_2"), "high-level-consumer", "create");
}

TEST_F(LegacyClients, Jvm09) {
  follow("jvm-0_9_0_1", running.at("jvm-0_9_0_1"), "high-level-consumer", "create");
}

TEST_F(LegacyClients, Jvm11) {
  follow("jvm-1_1_1", running.at("jvm-1_1_1"), "high-level-consumer", "create");
}

// The way that Kafka's own documentation went from ZooKeeper to Kafka: both have the offset.
TEST_F(LegacyClients, Jvm09WithDualCommit) {
  follow("dual-0_9_0_1", running.at("dual-0_9_0_1"), "high-level-consumer", "equal");
}

// Fetched through npm, which takes a while.
TEST_F(LegacyClients, KafkaNode) {
  if (std::getenv("KFERRY_SOAK") == nullptr) GTEST_SKIP() << "set KFERRY_SOAK";
  const std::string testenv_folder = std::string(KFERRY_SOURCE_DIR) + "/testenv";
  const auto fetched =
      testenv::run_process({testenv_folder + "/kafka-node"}, {.timeout_ms = 400'000});
  ASSERT_EQ(fetched.exit_code, 0) << fetched.err;
  const std::string modules = fetched.out.substr(0, fetched.out.find('\n'));
  ChildProcess client({"node", testenv_folder + "/node/high_level_consumer.js", modules,
                       env->zookeeper_connect(), "g-node", "node", "1"});
  follow("node", client, "kafka-node", "create");
}

constexpr const char* kLocked = R"(
mine = [make_digest_acl('admin', 'secret-canary', all=True)]
zk.ensure_path('/consumers/g-locked/offsets/locked')
for partition in ('0', '1'):
    zk.create('/consumers/g-locked/offsets/locked/' + partition, b'7', acl=mine)
)";

// Scheme digest: who may read is for the ACL to say; who does not is told so, by node.
TEST_F(LegacyClients, LockedOffsetsNeedTheRightLogin) {
  with_kazoo(env->zookeeper_connect(), kLocked);
  write_text(folder / "right", "admin:secret-canary\n");
  write_text(folder / "wrong", "admin:other-canary");
  write_text(folder / "config.yaml", "zookeeper_auth: ${env:ZK_LOGIN}\n");
  const Arguments plan = Arguments{"plan"} + connections(*env) + quick({"g-locked"});
  struct Case {
    Arguments more;
    int exit_code;
    std::string says;
  };
  const Case cases[] = {
      {{}, 7, "kferry is not logged in"},
      {{"--zookeeper-auth-file", folder / "wrong"}, 7, "logged in as digest user 'admin'"},
      {{"--zookeeper-auth-file", folder / "right"}, 3, "pending"},
      {{"--config", folder / "config.yaml"}, 3, "pending"},
  };
  for (const Case& one : cases) {
    const auto done =
        run_kferry(plan + one.more, {.environment = {{"ZK_LOGIN", "admin:secret-canary"}}});
    EXPECT_EQ(done.exit_code, one.exit_code) << done.out << done.err;
    EXPECT_TRUE(contains(done.out + done.err, one.says));
    EXPECT_EQ((done.out + done.err).find("canary"), std::string::npos) << done.out << done.err;
    if (one.exit_code == 7) {
      EXPECT_TRUE(contains(done.out + done.err, "locked-0"));
    }
  }
  write_text(folder / "wrong", "nobody-canary");
  const auto done = run_kferry(plan + Arguments{"--zookeeper-auth-file", folder / "wrong"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_TRUE(contains(done.err, "not of the form user:password"));
  EXPECT_EQ(done.err.find("canary"), std::string::npos);
}

// A path of one's own, from the configuration to Kafka.
TEST_F(LegacyClients, CustomPathsAreMigrated) {
  with_kazoo(env->zookeeper_connect(), R"(
for partition, data in (('0', b'{"at": {"last": 4}}'), ('1', b'{"at": {"last": "29"}}')):
    zk.create('/own/custom-a/locked:' + partition, data, makepath=True)
zk.create('/own2/custom-a/locked.x/0', b'1', makepath=True)
)");
  write_text(folder / "config.yaml", R"(
external:
  - {layout: custom, path: "/own/{group}/{topic}:{partition}", offset_pointer: /at/last,
     convention: last}
)");
  const Arguments use =
      connections(*env) + quick({"custom-a"}) + Arguments{"--config", folder / "config.yaml"};
  report_of(Arguments{"plan", "--out", folder / "plan.json"} + use, 3);
  report_of(Arguments{"migrate", "--execute", "--plan", folder / "plan.json"} + connections(*env),
            0);
  EXPECT_EQ(committed(*env, "custom-a", partitions_of("locked", 2)),
            (Offsets{{at("locked", 0), 5}, {at("locked", 1), 30}}));
  // Whoever still commits there is noticed.
  with_kazoo(env->zookeeper_connect(),
             "zk.set('/own/custom-a/locked:0', b'{\"at\": {\"last\": 9}}')");
  report_of(Arguments{"verify", "--plan", folder / "plan.json"} + connections(*env), 3);
}

}  // namespace
}  // namespace kferry::trouble
