// Wrong arguments, wrong files, wrong addresses: the documented exit code, and a text that says
// which option and what is wrong with it.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/integration/trouble_fixture.h"

namespace kferry::trouble {
namespace {

using testenv::Environment;
using testenv::run_kferry;

// Nothing listens there.
const Arguments kNowhere = {"--zookeeper", "127.0.0.1:1", "--bootstrap-server", "127.0.0.1:1"};

struct Wrong {
  Arguments arguments;
  std::vector<std::string> parts;  // of what stderr says
  bool connections = true;         // whether kNowhere is added
};

void expect_usage(const Wrong& wrong) {
  const auto done = run_kferry(wrong.connections ? wrong.arguments + kNowhere : wrong.arguments);
  std::string line;
  for (const std::string& one : wrong.arguments) line += one + " ";
  SCOPED_TRACE(line);
  EXPECT_EQ(done.exit_code, 2) << done.err;
  EXPECT_EQ(done.out, "");
  for (const std::string& part : wrong.parts) EXPECT_TRUE(contains(done.err, part));
}

TEST(TroubleUsage, WrongArgumentsAreNamed) {
  const std::vector<Wrong> table = {
      {{"ferry"}, {"no verb 'ferry'", "kferry help"}, false},
      {{"help", "ferry"}, {"no verb 'ferry'"}, false},
      {{"scan", "--frobnicate"}, {"--frobnicate"}},
      {{"scan", "--zookeeper"}, {"--zookeeper", "missing"}, false},
      {{"scan", "--group="}, {"--group"}},
      {{"scan", "--format", "yaml"}, {"--format 'yaml'", "table or json"}},
      {{"scan", "--log-format", "xml"}, {"--log-format 'xml'"}},
      {{"scan", "--log-level", "loud"}, {"--log-level 'loud'"}},
      {{"scan", "--request-timeout", "0s"}, {"--request-timeout '0s'"}},
      {{"scan", "--request-timeout", "soon"}, {"--request-timeout 'soon'", "30s"}},
      {{"plan", "--group", "a/b"}, {"--group 'a/b'"}},
      {{"plan", "--group", "g", "--quiet-period", "ten"}, {"--quiet-period 'ten'"}},
      {{"plan", "--group", "g", "--quiet-period", "-1s"}, {"--quiet-period"}},
      {{"plan", "--group", "g", "--quiet-samples", "0"}, {"--quiet-samples", "1 to 100"}},
      {{"plan", "--group", "g", "--on-range", "x"}, {"--on-range 'x'", "clamp"}},
      {{"plan", "--group", "g", "--on-missing", "clamp"}, {"--on-missing 'clamp'"}},
      {{"plan", "--group", "g", "--on-conflict", "skip"}, {"--on-conflict 'skip'", "zookeeper"}},
      {{"plan", "--group", "g", "--convention", "x"}, {"--convention 'x'", "next or last"}},
      {{"plan", "--group", "g", "--offset-source", "x"}, {"--offset-source 'x'", "or broker"}},
      {{"plan", "--group", "g", "--offset-source", "broker"},
       {"--zookeeper and --offset-source broker exclude each other", "leave --zookeeper out"}},
      {{"migrate"}, {"--plan", "--group", "--team"}},
      {{"migrate", "--plan", "p.json", "--group", "g"}, {"--plan and --group"}},
      {{"migrate", "--resume"}, {"--resume", "--execute"}},
      {{"migrate", "--group", "g", "--parallel", "65"}, {"--parallel", "1 to 64"}},
      {{"migrate", "--group", "g", "--parallel", "x"}, {"--parallel", "'x'"}},
      {{"migrate", "--group", "g", "--commit-mode", "x"}, {"--commit-mode 'x'"}},
      {{"migrate", "--group", "g", "--retain", "1s"}, {"--retain '1s'"}},
      {{"migrate", "--group", "g", "--session-timeout", "2h"}, {"--session-timeout '2h'"}},
      {{"rollback"}, {"--journal"}},
      {{"rollback", "--journal", "/nonexistent/j"}, {"/nonexistent/j", "no such folder"}},
      {{"migrate", "--resume", "--execute", "--journal", "/nonexistent/j"},
       {"--resume", "/nonexistent/j", "no run that was cut off"}},
      {{"migrate", "--execute", "--plan", "/nonexistent/p"}, {"--plan '/nonexistent/p'"}},
      {{"verify", "--plan", "/nonexistent/p"}, {"--plan '/nonexistent/p'"}},
      {{"scan", "--config", "/nonexistent/c"}, {"/nonexistent/c", "cannot be read"}},
      {{"scan", "--command-config", "/nonexistent/c"}, {"--command-config '/nonexistent/c'"}},
  };
  for (const Wrong& wrong : table) expect_usage(wrong);
}

TEST(TroubleUsage, WrongAddressesAreQuoted) {
  const std::vector<std::pair<std::string, std::string>> zookeepers = {
      {"h:0", "port"},
      {"h:99999", "port"},
      {"h:x", "port"},
      {":2181", "host"},
      {"h:2181,", "host"},
      {"h:2181/a,i:2181/a", "the chroot comes once"},
      {"h:2181/a/", "must not end in"},
  };
  for (const auto& [connect, what] : zookeepers)
    expect_usage({{"scan", "--zookeeper", connect, "--bootstrap-server", "h:1"},
                  {"ZooKeeper", "\"" + connect + "\"", what},
                  false});
  const std::vector<std::pair<std::string, std::string>> brokers = {
      {"h", "no port"}, {":9092", "no host"}, {"h:x", "1 to 65535"}, {"h:70000", "1 to 65535"}};
  for (const auto& [bootstrap, what] : brokers)
    expect_usage({{"scan", "--zookeeper", "h:1", "--bootstrap-server", bootstrap},
                  {"bootstrap", "'" + bootstrap + "'", what},
                  false});
  expect_usage({{"scan", "--bootstrap-server", "h:1"}, {"--zookeeper"}, false});
  expect_usage({{"scan", "--zookeeper", "h:1"}, {"--bootstrap-server"}, false});
}

TEST(TroubleUsage, ConfigErrorsHaveTheirLine) {
  const Folder folder;
  const std::string file = folder / "kferry.yaml";
  const auto expect = [&](const std::string& text, const std::vector<std::string>& parts) {
    write_text(file, text);
    expect_usage({{"scan", "--config", file}, std::vector<std::string>{file} + parts});
  };
  expect("teams:\n  a:\n    gruops: [x]\n", {"line 3", "unknown key 'gruops'", "groups"});
  expect("teams:\n  a:\n    groups: x\n", {"line 3", "must be a list"});
  expect("zookeeper: [h\n", {"line"});
  expect("broker: h:1\n", {"line 1", "unknown key 'broker'"});
  expect("teams:\n  a:\n    preset: sparrow\n", {"line 3", "unknown preset 'sparrow'"});
  expect("teams:\n  a: {groups: [g]}\n  b: {groups: [g]}\n", {"line 3", "two teams"});
  expect("teams:\n  a:\n    patterns: [\"(\"]\n", {"line 3", "not a regular expression"});
}

TEST(TroubleUsage, PlansThatAreNone) {
  const Folder folder;
  const std::string file = folder / "plan.json";
  const auto expect = [&](const std::string& text, const std::vector<std::string>& parts) {
    write_text(file, text);
    for (const char* verb : {"migrate", "verify"})
      expect_usage({{verb, "--plan", file}, std::vector<std::string>{file} + parts});
  };
  expect("hello", {"not JSON"});
  expect("", {"not JSON"});
  expect("[]", {"plan"});
  expect(R"({"schema": "kferry/plan/v9"})", {"kferry/plan/v9", "kferry/plan/v1"});
  expect(R"({"schema": "kferry/diff-report/v1"})", {"kferry/diff-report/v1"});
}

TEST(TroubleUsage, JsonErrorsAreObjectsOnStderr) {
  const auto done = run_kferry({"plan", "--format", "json", "--group", "g"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_EQ(done.out, "");
  const Json error = Json::parse(done.err, nullptr, false);
  ASSERT_FALSE(error.is_discarded()) << done.err;
  EXPECT_EQ(error.at("error").at("kind"), "usage");
  EXPECT_TRUE(contains(error.at("error").at("hint"), "--zookeeper"));
}

// Every block of docs/commands.md is what its verb says.
TEST(TroubleUsage, TheReferenceHasTheHelp) {
  const std::string reference = read_text(std::string(KFERRY_SOURCE_DIR) + "/docs/commands.md");
  constexpr std::string_view kHeading = "## kferry ";
  constexpr std::string_view kFence = "\n```\n";
  int verbs = 0;
  for (size_t at = reference.find(kHeading); at != reference.npos;
       at = reference.find(kHeading, at)) {
    at += kHeading.size();
    const std::string verb = reference.substr(at, reference.find('\n', at) - at);
    const size_t start = reference.find(kFence, at) + kFence.size();
    const size_t end = reference.find("```", start);
    const std::string help = run_kferry({"help", verb}).out;
    EXPECT_EQ(reference.substr(start, end - start), help) << verb;
    ++verbs;
  }
  EXPECT_GE(verbs, 12);
}

TEST(TroubleUsage, HelpAndVersion) {
  EXPECT_TRUE(matches(run_kferry({"version"}).out, "^kferry [0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_EQ(run_kferry({"--version"}).exit_code, 0);
  EXPECT_EQ(run_kferry({}).exit_code, 2);
  const auto overview = run_kferry({"help"});
  EXPECT_EQ(overview.exit_code, 0);
  for (const std::string verb : {"scan", "plan", "migrate", "verify", "rollback"}) {
    EXPECT_TRUE(contains(overview.out, verb));
    const auto help = run_kferry({"help", verb});
    EXPECT_EQ(help.exit_code, 0) << verb;
    EXPECT_TRUE(contains(help.out, "--zookeeper"));
    EXPECT_EQ(run_kferry({verb, "--help"}).out, help.out);
    EXPECT_EQ(run_kferry({verb, "--help"}).exit_code, 0);
  }
}

// A TCP server that answers whatever is sent with garbage.
class GarbageServer {
 public:
  explicit GarbageServer(std::string garbage) : garbage_(std::move(garbage)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd_, generic, size) != 0 || ::listen(fd_, 8) != 0 ||
        ::getsockname(fd_, generic, &size) != 0)
      throw std::runtime_error("no listener");
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~GarbageServer() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  GarbageServer(const GarbageServer&) = delete;
  GarbageServer& operator=(const GarbageServer&) = delete;
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

 private:
  void serve() {
    for (int peer = ::accept(fd_, nullptr, nullptr); peer >= 0;
         peer = ::accept(fd_, nullptr, nullptr)) {
      char buffer[512];
      if (::recv(peer, buffer, sizeof buffer, 0) > 0)
        ::send(peer, garbage_.data(), garbage_.size(), MSG_NOSIGNAL);
      ::close(peer);
    }
  }

  const std::string garbage_;
  const int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port_ = 0;
  std::jthread thread_;
};

// With a real ZooKeeper and broker.
class TroubleAddress : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    env = std::make_unique<Environment>(Environment::start({.chroot = "/kafka"}));
    env->workload(Json::parse(R"({"topics": [{"name": "orders", "records": 9}],
        "groups": [{"group": "billing", "offsets": {"orders": {"0": 4}}},
                   {"group": "shipping", "offsets": {"orders": {"0": 5}}}]})"));
  }
  static void TearDownTestSuite() { env.reset(); }

  static testenv::ProcessResult plan(const Arguments& arguments, const std::string& zookeeper = {},
                                     const std::string& bootstrap = {}) {
    return run_kferry(Arguments{"plan", "--quiet-period", "0s", "--no-progress", "--zookeeper",
                                zookeeper.empty() ? env->zookeeper_connect() : zookeeper,
                                "--bootstrap-server",
                                bootstrap.empty() ? env->bootstrap_servers() : bootstrap} +
                      arguments);
  }

  inline static std::unique_ptr<Environment> env;
};

TEST_F(TroubleAddress, UnreachableServersAreNamedInTime) {
  const auto start = std::chrono::steady_clock::now();
  const auto zookeeper = plan({"--group", "billing"}, "127.0.0.1:1");
  EXPECT_EQ(zookeeper.exit_code, 5);
  EXPECT_TRUE(contains(zookeeper.err, "ZooKeeper 127.0.0.1:1"));
  const auto broker = plan({"--group", "billing"}, {}, "127.0.0.1:1");
  EXPECT_EQ(broker.exit_code, 5);
  EXPECT_TRUE(contains(broker.err, "broker 127.0.0.1:1"));
  EXPECT_TRUE(contains(broker.err, "--bootstrap-server"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST_F(TroubleAddress, AListenerThatIsNoKafka) {
  for (const std::string& garbage :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string(200, '\xff'),
        std::string(64, '\0'), std::string("\0\0\0\x08\0\0\0\x01\0\0\0\0", 12)}) {
    const GarbageServer server(garbage);
    const auto done = plan({"--group", "billing"}, {}, server.address());
    EXPECT_EQ(done.exit_code, 5) << done.err;
    EXPECT_TRUE(contains(done.err, server.address()));
  }
}

TEST_F(TroubleAddress, AWrongChrootIsNamed) {
  const std::string servers =
      env->zookeeper_connect().substr(0, env->zookeeper_connect().find('/'));
  for (const std::string& connect : {servers, servers + "/nope"})
    for (const Arguments& which : {Arguments{"--group", "billing"}, Arguments{"--all-groups"}}) {
      const auto done = plan(which, connect);
      EXPECT_EQ(done.exit_code, 2) << done.err;
      EXPECT_TRUE(contains(done.err, "ZooKeeper " + connect));
      EXPECT_TRUE(contains(done.err, "chroot"));
    }
}

TEST_F(TroubleAddress, SelectionsThatSelectNothing) {
  const auto none = plan({});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_TRUE(contains(none.err, "--group NAME, --team NAME or --all-groups"));
  const auto team = plan({"--team", "web"});
  EXPECT_EQ(team.exit_code, 2);
  EXPECT_TRUE(contains(team.err, "--team 'web'"));
  const auto group = plan({"--group", "bilding"});
  EXPECT_EQ(group.exit_code, 4);
  EXPECT_TRUE(contains(group.err, "group 'bilding'"));
  EXPECT_TRUE(contains(group.err, "did you mean 'billing'"));
}

TEST_F(TroubleAddress, ATruncatedPlanOrOneEditedByHand) {
  const Folder folder;
  const std::string file = folder / "plan.json";
  EXPECT_EQ(plan({"--group", "billing", "--out", file}).exit_code, 3);
  std::string text = read_text(file);
  write_text(folder / "cut.json", text.substr(0, text.size() / 2));
  expect_usage({{"migrate", "--plan", folder / "cut.json"}, {folder / "cut.json", "not JSON"}});
  const size_t target = text.find("\"target\": 4");
  ASSERT_NE(target, std::string::npos);
  write_text(file, text.replace(target, 11, "\"target\": 5"));
  const auto edited = run_kferry(Arguments{"migrate", "--execute", "--plan", file});
  EXPECT_EQ(edited.exit_code, 4) << edited.err;
  EXPECT_TRUE(contains(edited.err, "edited"));
  EXPECT_EQ(committed(*env, "billing", {at("orders", 0)}), Offsets{});
}

// The work is done and journalled; only the report has no place to go.
TEST_F(TroubleAddress, AReportInAMissingFolder) {
  const Folder folder;
  const std::string report = folder / "missing/report.json";
  const auto done = run_kferry(
      Arguments{"migrate", "--execute", "--journal", folder / "journal", "--report", report} +
      quick({"shipping"}) + connections(*env));
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_TRUE(contains(done.err, report));
  EXPECT_TRUE(matches(done.out, "shipping +orders +0 .*migrated"));
  EXPECT_EQ(committed(*env, "shipping", {at("orders", 0)}), (Offsets{{at("orders", 0), 5}}));
  const auto resume = run_kferry(
      {"migrate", "--resume", "--execute", "--journal", folder / "journal", "--no-progress"});
  EXPECT_EQ(resume.exit_code, 2) << "the journal is complete: " << resume.err;
}

}  // namespace
}  // namespace kferry::trouble
