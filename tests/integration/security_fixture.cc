#include "tests/integration/security_fixture.h"

#include <filesystem>

#include <fmt/format.h>

namespace kferry::security {

using trouble::at;
using trouble::operator+;

void SecurityOnBrokers::start(const std::string& how) {
  environment_ = std::make_unique<Environment>(
      Environment::start({.source = "3.9.1", .target = "4.1.0", .more_arguments = {how}}));
  folder_ = std::make_unique<trouble::Folder>();
  Json spec = {{"topics", Json::array()}, {"groups", Json::array()}};
  for (const std::string name : {"ssl", "scram", "scram256", "plain", "token", "canary"}) {
    const std::string topic = "orders-" + name;
    spec["topics"].push_back({{"name", topic}, {"partitions", 2}, {"records", 100}});
    spec["groups"].push_back(
        {{"group", "g-" + name}, {"offsets", {{topic, {{"0", 10}, {"1", 20}}}}}});
  }
  environment_->workload(spec);
}

void SecurityOnBrokers::TearDownTestSuite() {
  environment_.reset();
  folder_.reset();
}

std::string SecurityOnBrokers::pem(const std::string& name) {
  return (environment_->dir() / "security" / name).string();
}

std::string SecurityOnBrokers::listener(const std::string& side, const std::string& name) {
  return environment_->json().at(side).at("listeners").at(name).get<std::string>();
}

std::string SecurityOnBrokers::private_file(const std::string& name, const std::string& text) {
  const std::string path = file(name);
  trouble::write_text(path, text);
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  return path;
}

std::string SecurityOnBrokers::properties(const std::string& text) {
  static int number = 0;
  return private_file(fmt::format("client-{}.properties", ++number), text);
}

std::string SecurityOnBrokers::mutual_tls() {
  return properties(fmt::format(R"(security.protocol=SSL
ssl.truststore.location={0}
ssl.truststore.password={2}
ssl.keystore.location={1}
ssl.keystore.type=PKCS12
ssl.keystore.password={2}
ssl.key.password={2}
)",
                                pem("trust.p12"), pem("client.p12"), kStorePassword));
}

std::string SecurityOnBrokers::scram(const std::string& password, const std::string& ca,
                                     const std::string& mechanism) {
  return properties(fmt::format(R"(security.protocol=SASL_SSL
sasl.mechanism={}
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
    username="app" password="{}";
ssl.truststore.type=PEM
ssl.truststore.location={}
)",
                                mechanism, password, pem(ca)));
}

std::string SecurityOnBrokers::plain(const std::string& password) {
  return properties(fmt::format(R"(security.protocol=sasl_plaintext
sasl.mechanisms=PLAIN
sasl.username=app
sasl.password=${{file:{}}}
)",
                                private_file("password-" + password, password + "\n")));
}

std::string SecurityOnBrokers::token() {
  return properties(fmt::format(R"(security.protocol=SASL_PLAINTEXT
sasl.mechanism=OAUTHBEARER
sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
kferry.sasl.oauthbearer.token.command=printf '%s' {}
)",
                                kToken));
}

Arguments SecurityOnBrokers::zookeeper_job(const std::string& verb, const std::string& bootstrap,
                                           const std::string& client, const std::string& group) {
  Arguments arguments{verb,
                      "--zookeeper",
                      environment_->zookeeper_connect(),
                      "--bootstrap-server",
                      bootstrap,
                      "--command-config",
                      client,
                      "--no-progress"};
  if (!group.empty()) arguments = arguments + Arguments{"--group", group};
  if (verb == "plan" || verb == "migrate")
    arguments = arguments + Arguments{"--quiet-period", "0s"};
  return arguments;
}

ProcessResult SecurityOnBrokers::plan(const std::string& bootstrap, const std::string& client) {
  return testenv::run_kferry(zookeeper_job("plan", bootstrap, client, "g-ssl"));
}

void SecurityOnBrokers::migrate_and_replicate(const std::string& name,
                                              const std::string& listener_name,
                                              const std::string& client,
                                              const std::string& target_client) {
  const std::string topic = "orders-" + name;
  const std::string group = "g-" + name;
  const auto migrated = testenv::run_kferry(
      zookeeper_job("migrate", listener("source", listener_name), client, group) +
      Arguments{"--execute", "--report", file(name + ".json")});
  ASSERT_EQ(migrated.exit_code, 0) << migrated.out << migrated.err;
  EXPECT_EQ(trouble::committed(clusters(), group, trouble::partitions_of(topic, 2)),
            (trouble::Offsets{{at(topic, 0), 10}, {at(topic, 1), 20}}));

  mirror::MirrorProcess process(
      listener("source", listener_name), listener("target", listener_name),
      mirror::flow(name, topic) + Arguments{"--source-config", client, "--target-config",
                                            target_client.empty() ? client : target_client,
                                            "--until-caught-up"});
  const ProcessResult done = process.finish();
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  EXPECT_TRUE(mirror::same_for_librdkafka(clusters(), topic, 2));
}

void SecurityOnBrokers::renew_while_records_flow(const std::string& listener_name,
                                                 const std::string& client) {
  clusters().workload(
      Json::parse(R"({"topics": [{"name": "renewed", "partitions": 1, "records": 10}]})"));
  mirror::MirrorProcess process(
      listener("source", listener_name), listener("target", listener_name),
      mirror::flow("renewal", "renewed") +
          Arguments{"--source-config", client, "--target-config", client, "--log-level", "debug"});
  ASSERT_TRUE(process.reaches(mirror::has_no_lag)) << process.log();
  mirror::SourceWriter writer(clusters().bootstrap_servers());
  const test::Stopwatch watch;
  for (int64_t seed = 1; watch.elapsed() < Duration(7'000); ++seed) {
    writer.append_some(at("renewed", 0), {5}, seed);
    std::this_thread::sleep_for(Duration(100));
  }
  EXPECT_TRUE(process.reaches(mirror::has_no_lag)) << process.log();
  EXPECT_EQ(process.stop().exit_code, 0);
  EXPECT_TRUE(mirror::same_for_librdkafka(clusters(), "renewed", 1));
  EXPECT_EQ(process.log().find("closed"), std::string::npos) << process.log();
  EXPECT_EQ(process.log().find("End of file"), std::string::npos) << process.log();
}

}  // namespace kferry::security
