// The verbs `kferry export` and `kferry handoff`, as far as they go without a cluster.
#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include "cli/replicate_options.h"
#include "cli/strimzi.h"
#include "cli/verbs.h"
#include "tests/support/expectations.h"
#include "verify/handoff_report.h"

namespace kferry::cli {
namespace {

using test::fails;
using test::has;
using test::ok;

using Arguments = std::vector<std::string>;

class Export : public testing::Test {
 protected:
  ~Export() override {
    for (const std::string& path : files_) std::remove(path.c_str());
  }
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = testing::TempDir() + "kferry-" + std::to_string(getpid()) + "-" + name;
    std::ofstream(path) << text;
    files_.push_back(path);
    return path;
  }
  static Result<std::string> run(const std::string& kind, const Arguments& more) {
    Arguments arguments{kind,       "--source", "old:9092", "--target",     "new:9092",
                        "--topics", "a, b-.*",  "--flow",   "onprem->cloud"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const StopToken never;
    Output output;
    KFERRY_TRY(const int code, run_export(arguments, never, output));
    EXPECT_EQ(code, 0);
    return output.out;
  }

 private:
  std::vector<std::string> files_;
};

TEST_F(Export, StrimziHasEachSettingWhereItsConnectorReadsIt) {
  const auto text = run("strimzi", {"--groups", ".*"});
  ASSERT_TRUE(ok(text));
  const YAML::Node resource = YAML::Load(*text);
  EXPECT_EQ(resource["apiVersion"].as<std::string>(), "kafka.strimzi.io/v1beta2");
  EXPECT_EQ(resource["kind"].as<std::string>(), "KafkaMirrorMaker2");
  EXPECT_EQ(resource["metadata"]["name"].as<std::string>(), "onprem-cloud");
  const YAML::Node spec = resource["spec"];
  EXPECT_EQ(spec["connectCluster"].as<std::string>(), "cloud");
  EXPECT_EQ(spec["clusters"][0]["alias"].as<std::string>(), "onprem");
  EXPECT_EQ(spec["clusters"][0]["bootstrapServers"].as<std::string>(), "old:9092");
  const YAML::Node worker = spec["clusters"][1]["config"];
  EXPECT_EQ(worker["exactly.once.source.support"].as<std::string>(), "enabled");
  EXPECT_EQ(worker["offset.storage.replication.factor"].as<int>(), -1);
  const YAML::Node mirror = spec["mirrors"][0];
  EXPECT_EQ(mirror["sourceCluster"].as<std::string>(), "onprem");
  EXPECT_EQ(mirror["topicsPattern"].as<std::string>(), "a, b-.*");
  EXPECT_EQ(mirror["groupsPattern"].as<std::string>(), ".*");
  const YAML::Node source = mirror["sourceConnector"]["config"];
  EXPECT_EQ(mirror["sourceConnector"]["tasksMax"].as<int>(), replicate::kMm2Tasks);
  EXPECT_EQ(source["offset.lag.max"].as<int>(), 0);
  EXPECT_EQ(source["source.consumer.isolation.level"].as<std::string>(), "read_committed");
  EXPECT_FALSE(source["sync.group.offsets.enabled"]);
  EXPECT_FALSE(source["tasks.max"]);
  const YAML::Node checkpoint = mirror["checkpointConnector"]["config"];
  EXPECT_EQ(checkpoint["sync.group.offsets.enabled"].as<std::string>(), "true");
  EXPECT_EQ(checkpoint["offset-syncs.topic.location"].as<std::string>(), "target");
  EXPECT_TRUE(mirror["heartbeatConnector"]["config"]["emit.heartbeats.interval.seconds"]);
  for (const char* const connector :
       {"sourceConnector", "checkpointConnector", "heartbeatConnector"})
    EXPECT_EQ(mirror[connector]["config"]["replication.policy.class"].as<std::string>(),
              "org.apache.kafka.connect.mirror.IdentityReplicationPolicy");
  EXPECT_FALSE(spec["clusters"][0]["authentication"]);
}

TEST_F(Export, StrimziRefersToSecrets) {
  const auto values = parse({"--source", "old:9092", "--target", "new:9092", "--topics", ".*",
                             "--flow", "OnPrem_1->cloud"},
                            describe_settings());
  ASSERT_TRUE(ok(values));
  const auto written = read_written_flow(*values);
  ASSERT_TRUE(ok(written));
  const std::map<std::string, std::string> source{{"security.protocol", "SASL_SSL"},
                                                  {"sasl.mechanism", "SCRAM-SHA-512"},
                                                  {"sasl.jaas.config", "canary"}};
  const std::map<std::string, std::string> target{{"security.protocol", "SSL"},
                                                  {"ssl.keystore.location", "/etc/me.p12"},
                                                  {"ssl.keystore.password", "canary"}};
  const auto exported = replicate::export_mm2({written->flow, {}, source, target});
  ASSERT_TRUE(ok(exported));
  const std::string text = to_strimzi(*exported, "1.2.3");
  EXPECT_FALSE(has(text, "canary"));
  const YAML::Node clusters = YAML::Load(text)["spec"]["clusters"];
  EXPECT_EQ(clusters[0]["tls"]["trustedCertificates"][0]["secretName"].as<std::string>(),
            "kferry-onprem-1-ca");
  EXPECT_EQ(clusters[0]["authentication"]["type"].as<std::string>(), "scram-sha-512");
  EXPECT_EQ(clusters[0]["authentication"]["passwordSecret"]["secretName"].as<std::string>(),
            "kferry-onprem-1-login");
  EXPECT_EQ(clusters[1]["authentication"]["type"].as<std::string>(), "tls");
}

TEST_F(Export, WhatTheClientPropertiesReferToIsNotLookedAt) {
  const std::string properties =
      file("client.properties",
           "security.protocol = SASL_SSL\nsasl.mechanism = PLAIN\nsasl.username = canary\n"
           "sasl.password = ${command:touch " +
               testing::TempDir() +
               "kferry-was-run}\n"
               "ssl.truststore.location = /no/such/file\n");
  const auto text = run("mm2", {"--source-config", properties});
  ASSERT_TRUE(ok(text));
  EXPECT_TRUE(has(*text, "onprem.security.protocol = SASL_SSL\n"));
  EXPECT_TRUE(has(*text, "onprem.sasl.jaas.config = ${file:/etc/kferry/onprem-secrets"));
  EXPECT_FALSE(has(*text, "canary"));
  EXPECT_NE(access((testing::TempDir() + "kferry-was-run").c_str(), F_OK), 0);
}

TEST_F(Export, GroupsThatAreNotReadyAreExcluded) {
  verify::HandoffReport handoff;
  verify::GroupReadiness ready;
  ready.group = GroupId("ready");
  verify::GroupReadiness behind;
  behind.group = GroupId("be.hind, x");
  behind.reasons = {"no report is about it"};
  handoff.groups = {ready, behind};
  const std::string path = file("handoff.json", to_json(handoff));
  const auto text = run("strimzi", {"--groups", ".*", "--handoff", path});
  ASSERT_TRUE(ok(text));
  const std::string excluded =
      YAML::Load(*text)["spec"]["mirrors"][0]["groupsExcludePattern"].as<std::string>();
  EXPECT_EQ(excluded, R"(console-consumer-.*, connect-.*, __.*, be\.hind\x2c\x20x, kferry\..*)");
  const auto properties = run("mm2", {"--groups", ".*", "--handoff", path});
  ASSERT_TRUE(ok(properties));
  EXPECT_TRUE(has(*properties, R"(__.*, be\\.hind\\x2c\\x20x)"));
}

TEST_F(Export, WrongUsage) {
  EXPECT_TRUE(fails(run("mm3", {}), ErrorKind::kUsage, "what shall be written"));
  EXPECT_TRUE(fails(run("mm2", {"--reverse"}), ErrorKind::kUsage, "cannot be the way back"));
  EXPECT_TRUE(fails(run("mm2", {"--execute"}), ErrorKind::kUsage, "execute"));
  EXPECT_TRUE(fails(run("mm2", {"--handoff", "/no/such"}), ErrorKind::kUsage, "/no/such"));
  EXPECT_TRUE(fails(run("mm2", {"--handoff", file("x.json", "{}")}), ErrorKind::kUsage, "schema"));
  const std::string config =
      file("kferry.yaml", "flows: {onprem->cloud: {topics: [\"a{1,2}\", b]}}\n");
  const StopToken never;
  Output output;
  EXPECT_TRUE(fails(
      run_export({"mm2", "--config", config, "--source", "a:1", "--target", "b:1"}, never, output),
      ErrorKind::kUsage, "cannot have one inside"));
}

}  // namespace
}  // namespace kferry::cli
