// What `kferry export mm2` writes, read back by the reader of MirrorMaker 2's files.
#include "replicate/mm2_export.h"

#include <gtest/gtest.h>

#include "cli/replicate_options.h"
#include "kafkaio/config.h"
#include "replicate/mm2_properties.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::fails;
using test::has;
using test::ok;

using Properties = std::map<std::string, std::string>;

struct Exported {
  FlowSettings flow;
  Mm2Export settings;
  std::string text;
};

Result<Exported> exported(std::vector<std::string> more) {
  std::vector<std::string> arguments{
      "--source", "old1:9092,old2:9092",    "--target", "new:9092", "--flow", "onprem->cloud",
      "--topics", "orders-.*, pay\\.ments", "--groups", ".*"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  KFERRY_TRY(const auto values, cli::parse(arguments, cli::describe_settings()));
  KFERRY_TRY(auto written, cli::read_written_flow(values));
  Exported result;
  KFERRY_TRY(result.settings, export_mm2({written.flow, std::move(written.patterns), {}, {}}));
  result.flow = std::move(written.flow);
  result.text = to_properties(result.settings, "1.2.3");
  return result;
}

Result<Mm2Flow> read_back(const std::string& text) {
  KFERRY_TRY(auto properties, kafkaio::parse_properties(text));
  return read_mm2_flow({std::move(properties), "the export", ""});
}

void expect_same(const FlowSettings& written, const FlowSettings& read) {
  EXPECT_EQ(read.name, written.name);
  EXPECT_EQ(read.source.alias, written.source.alias);
  EXPECT_EQ(read.source.bootstrap_servers, written.source.bootstrap_servers);
  EXPECT_EQ(read.target.bootstrap_servers, written.target.bootstrap_servers);
  EXPECT_EQ(read.topic_prefix, written.topic_prefix);
  EXPECT_EQ(read.replication_factor, written.replication_factor);
  EXPECT_EQ(read.sync_topic_configs, written.sync_topic_configs);
  EXPECT_EQ(read.sync_acls, written.sync_acls);
  EXPECT_EQ(read.sync_group_offsets, written.sync_group_offsets);
  EXPECT_EQ(read.emit_offset_syncs, written.emit_offset_syncs);
  EXPECT_EQ(read.offset_syncs_on_target, written.offset_syncs_on_target);
  EXPECT_EQ(read.emit_checkpoints, written.emit_checkpoints);
  EXPECT_EQ(read.emit_heartbeats, written.emit_heartbeats);
  EXPECT_EQ(read.refresh_interval, written.refresh_interval);
  EXPECT_EQ(read.checkpoint_interval, written.checkpoint_interval);
  EXPECT_EQ(read.heartbeat_interval, written.heartbeat_interval);
  EXPECT_EQ(read.group_interval, Duration(1'000)) << "MirrorMaker 2 counts in seconds";
  for (const char* const name :
       {"orders-1", "orders", "pay.ments", "pay-ments", "a.internal", "orders-tmp", "__x"})
    EXPECT_EQ(read.topics.selects(name), written.topics.selects(name)) << name;
  for (const char* const name : {"billing", "console-consumer-1", "connect-a", "bad"})
    EXPECT_EQ(read.groups.selects(name), written.groups.selects(name)) << name;
  for (const char* const name : {"retention.ms", "min.insync.replicas", "cleanup.policy"})
    EXPECT_EQ(read.config_properties.selects(name), written.config_properties.selects(name))
        << name;
}

TEST(Mm2Export, IsReadBackToTheSameSettings) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"--prefix", "onprem."},
      {"--prefix", "onprem--", "--replication-factor", "3"},
      {"--no-sync-configs", "--no-sync-acls", "--config-exclude", "retention\\..*"},
      {"--topics-exclude", ".*-tmp", "--groups-exclude", "b[a]d", "--offsets", "translate"},
  };
  for (const auto& more : cases) {
    const auto one = exported(more);
    ASSERT_TRUE(ok(one));
    const auto read = read_back(one->text);
    ASSERT_TRUE(ok(read)) << one->text;
    expect_same(one->flow, read->settings);
    for (const Mm2Note& note : read->notes)
      EXPECT_FALSE(has(note.why, "no such key")) << note.key << ": " << note.why;
  }
}

TEST(Mm2Export, HasTheSettingsThatTheDefaultsGetWrong) {
  const auto one = exported({});
  ASSERT_TRUE(ok(one));
  for (const char* const line :
       {"clusters = onprem, cloud\n", "onprem->cloud.enabled = true\n",
        "onprem->cloud.topics = orders-.*, pay\\\\.ments\n",
        "replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n",
        "sync.group.offsets.enabled = true\n", "sync.group.offsets.interval.seconds = 1\n",
        "emit.checkpoints.enabled = true\n", "emit.checkpoints.interval.seconds = 1\n",
        "offset.lag.max = 0\n", "refresh.topics.interval.seconds = 5\n",
        "refresh.groups.interval.seconds = 5\n", "cloud.exactly.once.source.support = enabled\n",
        "dedicated.mode.enable.internal.rest = true\n",
        "onprem.consumer.isolation.level = read_committed\n",
        "cloud->onprem.emit.heartbeats.enabled = false\n",
        "groups.exclude = console-consumer-.*, connect-.*, __.*, kferry\\\\..*\n",
        "offset-syncs.topic.location = target\n"})
    EXPECT_TRUE(has(one->text, line));
}

TEST(Mm2Export, CheckpointsAreNeededForOffsets) {
  auto one = exported({"--no-mm2-topics"});
  ASSERT_TRUE(ok(one));
  EXPECT_TRUE(has(one->text, "emit.checkpoints.enabled = true\n"));
  EXPECT_TRUE(has(one->text, "emit.heartbeats.enabled = false\n"));
  EXPECT_FALSE(has(one->text, "emit.offset-syncs.enabled"));
  one->flow.sync_group_offsets = false;
  const auto without = export_mm2({one->flow, one->settings.patterns, {}, {}});
  ASSERT_TRUE(ok(without));
  const std::string text = to_properties(*without, "1.2.3");
  EXPECT_TRUE(has(text, "emit.checkpoints.enabled = false\n"));
  EXPECT_TRUE(has(text, "emit.offset-syncs.enabled = false\n"));
}

TEST(Mm2Export, SecretsAreReferredTo) {
  auto one = exported({});
  ASSERT_TRUE(ok(one));
  const Properties source{
      {"security.protocol", "SASL_SSL"},
      {"sasl.mechanism", "SCRAM-SHA-512"},
      {"sasl.jaas.config", "… username=\"canary-user\" password=\"canary-word\";"},
      {"ssl.truststore.location", "/etc/trust.p12"},
      {"ssl.truststore.password", "canary-trust"},
      {"ssl.some.new.key", "canary-new"},
      {"fetch.max.bytes", "1"}};
  const Properties target{{"security.protocol", "SASL_SSL"},  {"sasl.mechanisms", "PLAIN"},
                          {"sasl.username", "canary-user"},   {"sasl.password", "canary-word"},
                          {"ssl.ca.location", "/etc/ca.pem"}, {"ssl.key.pem", "canary-key"}};
  const auto settings = export_mm2({one->flow, one->settings.patterns, source, target});
  ASSERT_TRUE(ok(settings));
  const std::string text = to_properties(*settings, "1.2.3");
  EXPECT_FALSE(has(text, "canary"));
  EXPECT_FALSE(has(text, "fetch.max.bytes")) << "it is not about who we are";
  for (const char* const line :
       {"onprem.security.protocol = SASL_SSL\n", "onprem.sasl.mechanism = SCRAM-SHA-512\n",
        "onprem.sasl.jaas.config = "
        "${file:/etc/kferry/onprem-secrets.properties:sasl.jaas.config}\n",
        "onprem.ssl.truststore.location = /etc/trust.p12\n",
        "onprem.ssl.truststore.password = "
        "${file:/etc/kferry/onprem-secrets.properties:ssl.truststore.password}\n",
        "onprem.ssl.some.new.key = "
        "${file:/etc/kferry/onprem-secrets.properties:ssl.some.new.key}\n",
        "cloud.sasl.mechanism = PLAIN\n",
        "cloud.sasl.jaas.config = ${file:/etc/kferry/cloud-secrets.properties:sasl.jaas.config}\n",
        "cloud.ssl.truststore.location = /etc/ca.pem\n", "cloud.ssl.truststore.type = PEM\n",
        "#   ssl.key.pem of cloud is not a setting of Java's clients",
        "config.providers.file.class = "
        "org.apache.kafka.common.config.provider.FileConfigProvider\n"})
    EXPECT_TRUE(has(text, line));
}

TEST(Mm2Export, WhatHasNoCounterpartIsRefusedOrSaid) {
  EXPECT_TRUE(fails(exported({"--prefix", "old."}), ErrorKind::kUsage, "cannot put 'old.'"));
  EXPECT_TRUE(fails(exported({"--prefix", "onprem"}), ErrorKind::kUsage, "cannot put 'onprem'"));
  const auto one = exported({"--offsets", "identity", "--zookeeper", "zk:2181"});
  ASSERT_TRUE(ok(one));
  EXPECT_TRUE(has(one->text, "#   --offsets identity has no counterpart\n"));
  EXPECT_TRUE(has(one->text, "does not see offsets in ZooKeeper"));
}

}  // namespace
}  // namespace kferry::replicate
