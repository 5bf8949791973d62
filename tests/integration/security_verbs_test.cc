// No secret is written anywhere: by no verb, in no form, nor by a mirror at work.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/canaries.h"
#include "tests/support/http_client.h"
#include "tests/support/variables.h"

namespace kferry::security {
namespace {

using trouble::operator+;

constexpr const char* kZookeeperLogin = "admin:canary-zookeeper";

class VerbsOnBrokers : public SecurityOnBrokers {
 protected:
  // SCRAM over TLS, with a password in each place that can have one.
  static std::string with_many_secrets() {
    return properties(fmt::format(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
        "username=\"app\" password=\"${{env:CANARY_PASSWORD}}\";\n"
        "ssl.truststore.location={}\nssl.truststore.password={}\nssl.keystore.location={}\n"
        "ssl.keystore.password={}\nssl.key.password={}\ndebug=all\n",
        pem("trust.p12"), kStorePassword, pem("client.p12"), kStorePassword, kStorePassword));
  }
  static std::string by_identity_provider(const TokenEndpoint& endpoint) {
    return properties(fmt::format(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
        "sasl.oauthbearer.token.endpoint.url=http://{}/token\n"
        "sasl.oauthbearer.client.credentials.client.id=app\n"
        "sasl.oauthbearer.client.credentials.client.secret={}\nsasl.oauthbearer.scope=kafka\n",
        endpoint.address(), kClientSecret));
  }
  static std::string by_slow_command() {
    return properties(
        fmt::format("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
                    "kferry.sasl.oauthbearer.token.command=sleep 0.3; cat {}\n",
                    private_file("token", kToken)));
  }
  static Arguments flow(const std::string& name, const std::string& source_config,
                        const std::string& target_config) {
    return {"--source",        listener("source", "SASL_SSL"),
            "--source-config", source_config,
            "--target",        listener("target", "SASL_PLAINTEXT"),
            "--target-config", target_config,
            "--flow",          name,
            "--topics",        "orders-canary"};
  }
  static Arguments zookeeper() {
    return {"--zookeeper", clusters().zookeeper_connect(), "--zookeeper-auth-file",
            private_file("zookeeper-login", kZookeeperLogin)};
  }
};

// What `kferry help` lists.
std::set<std::string> verbs_of_help() {
  std::istringstream text(testenv::run_kferry({"help"}).out);
  std::set<std::string> verbs;
  bool in_list = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("Exit codes")) break;
    std::istringstream words(line);
    if (std::string verb; in_list && words >> verb) verbs.insert(verb);
    if (line.starts_with("Verbs")) in_list = true;
  }
  return verbs;
}

TEST_F(VerbsOnBrokers, NoVerbTellsASecret) {
  const Canaries canaries({"canary-zookeeper"});
  const TokenEndpoint endpoint;
  const std::string many = with_many_secrets();
  std::set<std::string> run_verbs{"version", "help"};
  std::string folder;
  Arguments form;
  const auto run = [&](const Arguments& command) {
    run_verbs.insert(command[0]);
    const auto done = testenv::run_kferry(command + form, {.environment = kSecretEnvironment});
    EXPECT_NE(done.exit_code, 2) << fmt::format("{}", fmt::join(command, " ")) << done.err;
    EXPECT_FALSE((done.out + done.err).empty()) << command[0];
    canaries.expect_none(fmt::format("{}", fmt::join(command, " ")), done.out + done.err);
  };
  const auto to = [&](const char* option, const std::string& name) {
    return Arguments{option, folder + "/" + name};
  };
  for (const bool talkative : {false, true}) {
    folder = file(talkative ? "said-json" : "said");
    std::filesystem::create_directory(folder);
    form = talkative ? Arguments{"--format", "json", "--log-format", "json", "--log-level", "debug"}
                     : Arguments{};
    const Arguments login = {"--zookeeper-auth-file", zookeeper().back()};
    const auto job = [&](const std::string& verb, const std::string& group) {
      return zookeeper_job(verb, listener("source", "SASL_SSL"), many, group) + login;
    };
    run(job("scan", "") + to("--suggest-config", "kferry.yaml"));
    run(job("plan", "g-canary") + to("--out", "plan.json") + to("--report", "plan-report.json"));
    run(job("migrate", "g-canary") + to("--journal", "journal") + to("--report", "migrated.json") +
        Arguments{"--execute"});
    run(job("verify", "g-canary") + to("--report", "verified.json"));
    run(job("rollback", "") + to("--journal", "journal") + Arguments{"--execute"});

    const Arguments way = flow("canary", many, by_identity_provider(endpoint));
    const Arguments all = way + Arguments{"--groups", "g-canary"};
    run(Arguments{"acls"} + all + zookeeper());
    run(Arguments{"doctor"} + all + zookeeper());
    run(Arguments{"replicate", "--dry-run"} + all + zookeeper());
    run(Arguments{"replicate", "--until-caught-up"} + all + zookeeper());
    run(Arguments{"prove"} + all + to("--report", "proof.json"));
    run(Arguments{"handoff"} + all + zookeeper() + to("--report", "handoff.json"));
    run(Arguments{"status"} + Arguments(way.begin() + 4, way.begin() + 10));
    for (const char* const action : {"show", "release", "abort"})
      run(Arguments{"cutover", action} + all);
    run(Arguments{"cutover", "--dry-run"} + all + to("--report", "cutover.json") +
        to("--html", "cutover.html"));
    form.clear();  // it has neither --format nor --log-level
    run(Arguments{"export", "mm2"} + all);
    run(Arguments{"export", "strimzi"} + all);
    EXPECT_GE(canaries.expect_none_below(folder), 9);
  }
  EXPECT_EQ(run_verbs, verbs_of_help());
}

// The command lines of all processes below this one.
std::string command_lines_below(pid_t parent) {
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    std::getline(stat, text);
    const size_t name_end = text.rfind(") ");
    if (name_end == text.npos) continue;
    std::istringstream rest(text.substr(name_end + 4));  // after the state
    if (pid_t its_parent = 0; !(rest >> its_parent) || its_parent != parent) continue;
    std::ifstream line(entry.path() / "cmdline", std::ios::binary);
    found.append(std::istreambuf_iterator<char>(line), {});
    found += '\n';
    found += command_lines_below(std::stoi(entry.path().filename()));
  }
  return found;
}

TEST_F(VerbsOnBrokers, AMirrorAtWorkTellsNoSecret) {
  const Canaries canaries({"canary-zookeeper"});
  const test::WithVariables secrets(kSecretEnvironment);
  const Arguments way = flow("canary-run", with_many_secrets(), by_slow_command());
  mirror::MirrorProcess process(
      listener("source", "SASL_SSL"), listener("target", "SASL_PLAINTEXT"),
      Arguments{"--source-config", way[3]} + Arguments(way.begin() + 6, way.end()) + zookeeper() +
          Arguments{"--guard", "warn", "--groups", "g-canary", "--log-level", "debug",
                    "--mm2-metrics"});
  std::string seen;
  for (int i = 0; i < 200 && seen.find("sleep 0.3") == seen.npos; ++i) {
    seen += command_lines_below(getpid());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_NE(seen.find("sleep 0.3"), std::string::npos) << "the token's command is seen at work";
  ASSERT_TRUE(process.reaches(mirror::has_no_lag)) << process.log();
  for (const char* const path :
       {"/", "/page.js", "/page.css", "/status", "/status/summary", "/status/topics",
        "/status/partitions", "/status/groups", "/metrics", "/livez", "/readyz",
        "/max-bytes-per-second", "/nothing"}) {
    const auto answer = test::ask(process.port(), "GET", path);
    EXPECT_FALSE(answer.body.empty()) << path;
    canaries.expect_none(path, answer.header + answer.body);
  }
  const auto cutover = testenv::run_kferry(Arguments{"cutover", "--auto", "--quiet", "1s",
                                                     "--report", file("led.json"), "--html",
                                                     file("led.html"), "--log-level", "debug"} +
                                           way + Arguments{"--groups", "g-canary"});
  EXPECT_EQ(cutover.exit_code, 0) << cutover.out << cutover.err;
  canaries.expect_none("cutover", cutover.out + cutover.err);
  for (const char* const name : {"led.json", "led.html"})
    canaries.expect_none(name, trouble::read_text(file(name)));
  seen += command_lines_below(getpid());
  canaries.expect_none("a command line", seen);
  const ProcessResult done = process.stop();
  canaries.expect_none("the mirror", done.out + done.err);

  int records = 0;
  for (const auto& [partition, log] :
       mirror::read_topic(clusters().target_bootstrap_servers(), "__kferry.canary-run.state", 32))
    for (const auto& record : log) {
      canaries.expect_none("the state", record.key.value_or("") + record.value.value_or(""));
      ++records;
    }
  EXPECT_GT(records, 0);
}

}  // namespace
}  // namespace kferry::security
