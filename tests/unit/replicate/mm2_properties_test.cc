#include "replicate/mm2_properties.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kafkaio/config.h"
#include "replicate/mm2_keys.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::fails;
using test::has;
using test::ok;

// What everybody's file begins with.
constexpr const char* kMinimal = R"(
clusters = onprem, cloud
onprem.bootstrap.servers = old1:9092, old2:9092
cloud.bootstrap.servers = new1:9092
onprem->cloud.enabled = true
)";

Result<Mm2Flow> read(const std::string& text, const std::string& flow = {}) {
  const auto properties = kafkaio::parse_properties(text);
  EXPECT_TRUE(ok(properties));
  return read_mm2_flow({*properties, "mm2.properties", flow});
}

Result<Mm2Flow> read_with(const std::string& more) {
  return read(kMinimal + more);
}

std::string why(const Mm2Flow& flow, const std::string& key) {
  const auto found = std::ranges::find(flow.notes, key, &Mm2Note::key);
  return found == flow.notes.end() ? "" : found->why;
}

TEST(Mm2Properties, WhatIsNotSaidHasMm2sDefaults) {
  const auto flow = read(kMinimal);
  ASSERT_TRUE(ok(flow));
  const FlowSettings& settings = flow->settings;
  EXPECT_EQ(settings.name, "onprem->cloud");
  EXPECT_EQ(settings.source.alias, "onprem");
  EXPECT_EQ(settings.source.addresses.size(), 2U);
  EXPECT_EQ(settings.target.bootstrap_servers, "new1:9092");
  EXPECT_EQ(settings.topic_prefix, "onprem.");
  EXPECT_EQ(settings.replication_factor, 2);
  EXPECT_TRUE(settings.topics.selects("orders"));
  EXPECT_FALSE(settings.topics.selects("a.internal"));
  EXPECT_TRUE(settings.groups.selects("billing"));
  EXPECT_FALSE(settings.groups.selects("connect-x"));
  EXPECT_TRUE(settings.config_properties.selects("retention.ms"));
  EXPECT_FALSE(settings.config_properties.selects("min.insync.replicas"));
  EXPECT_TRUE(settings.sync_topic_configs);
  EXPECT_TRUE(settings.sync_acls);
  EXPECT_FALSE(settings.sync_group_offsets);
  EXPECT_TRUE(settings.emit_checkpoints);
  EXPECT_TRUE(settings.emit_heartbeats);
  EXPECT_TRUE(settings.emit_offset_syncs);
  EXPECT_FALSE(settings.offset_syncs_on_target);
  EXPECT_EQ(settings.refresh_interval, FlowSettings().refresh_interval);
  ASSERT_EQ(flow->notes.size(), 1U);
  EXPECT_TRUE(has(why(*flow, "sync.group.offsets.enabled"), "not set"));
}

TEST(Mm2Properties, EveryKeyThatIsApplied) {
  const auto flow = read_with(R"(
replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy
topics = orders.*, payments
topics.exclude = orders-old
groups = billing, web-.*
groups.exclude = web-tmp
config.properties.exclude = retention\\..*
replication.factor = 3
sync.topic.configs.enabled = false
sync.topic.acls.enabled = False
sync.group.offsets.enabled = true
sync.group.offsets.interval.seconds = 7
emit.checkpoints.interval.seconds = 8
emit.heartbeats.interval.seconds = 9
refresh.topics.interval.seconds = 10
emit.checkpoints.enabled = false
emit.heartbeats.enabled = false
emit.offset-syncs.enabled = false
offset-syncs.topic.location = target
)");
  ASSERT_TRUE(ok(flow));
  EXPECT_EQ(flow->notes, std::vector<Mm2Note>());
  const FlowSettings& settings = flow->settings;
  EXPECT_EQ(settings.topic_prefix, "");
  EXPECT_TRUE(settings.topics.selects("orders-eu"));
  EXPECT_FALSE(settings.topics.selects("orders-old"));
  EXPECT_TRUE(settings.topics.selects("payments"));
  EXPECT_FALSE(settings.topics.selects("clicks"));
  EXPECT_TRUE(settings.groups.selects("web-a"));
  EXPECT_FALSE(settings.groups.selects("web-tmp"));
  EXPECT_FALSE(settings.config_properties.selects("retention.ms"));
  EXPECT_TRUE(settings.config_properties.selects("min.insync.replicas"));
  EXPECT_EQ(settings.replication_factor, 3);
  EXPECT_FALSE(settings.sync_topic_configs);
  EXPECT_FALSE(settings.sync_acls);
  EXPECT_TRUE(settings.sync_group_offsets);
  EXPECT_EQ(settings.group_interval, Duration(7'000));
  EXPECT_EQ(settings.checkpoint_interval, Duration(8'000));
  EXPECT_EQ(settings.heartbeat_interval, Duration(9'000));
  EXPECT_EQ(settings.refresh_interval, Duration(10'000));
  EXPECT_FALSE(settings.emit_checkpoints);
  EXPECT_FALSE(settings.emit_heartbeats);
  EXPECT_FALSE(settings.emit_offset_syncs);
  EXPECT_TRUE(settings.offset_syncs_on_target);
}

TEST(Mm2Properties, TheFlowsOwnSettingsGoOverThoseForAll) {
  const auto flow = read_with(
      "topics = a\nonprem->cloud.topics = b\nreplication.factor = 1\n"
      "onprem->cloud.replication.factor = 3\ngroups.blacklist = old\n");
  ASSERT_TRUE(ok(flow));
  EXPECT_FALSE(flow->settings.topics.selects("a"));
  EXPECT_TRUE(flow->settings.topics.selects("b"));
  EXPECT_EQ(flow->settings.replication_factor, 3);
  EXPECT_FALSE(flow->settings.groups.selects("old")) << "the name before Kafka 2.7";
}

TEST(Mm2Properties, ThePrefixAndWhatCameFromTheTarget) {
  const auto flow = read_with("replication.policy.separator = _\n");
  ASSERT_TRUE(ok(flow));
  EXPECT_EQ(flow->settings.topic_prefix, "onprem_");
  for (const char* const back : {"cloud_orders", "edge_cloud_orders"}) {
    EXPECT_FALSE(flow->settings.topics.selects(back)) << back;
    EXPECT_TRUE(std::regex_match(back, *flow->cycles)) << back;
  }
  for (const char* const onward : {"orders", "edge_orders", "mycloud_orders", "cloud"})
    EXPECT_TRUE(flow->settings.topics.selects(onward)) << onward;
}

TEST(Mm2Properties, WhichFlow) {
  const std::string both = std::string(kMinimal) + "cloud->onprem.enabled = TRUE\n";
  EXPECT_TRUE(fails(read(both), ErrorKind::kUsage,
                    "several flows are enabled: onprem->cloud, cloud->onprem"));
  const auto back = read(both, "cloud->onprem");
  ASSERT_TRUE(ok(back));
  EXPECT_EQ(back->settings.source.bootstrap_servers, "new1:9092");
  EXPECT_EQ(why(*back, "onprem->cloud.enabled"), "it is not about cloud->onprem");
  const auto none = read(both, "a->b");
  EXPECT_TRUE(fails(none, ErrorKind::kUsage, "no flow 'a->b' is enabled"));
  EXPECT_TRUE(has(none.error().hint, "onprem->cloud, cloud->onprem"));
  EXPECT_TRUE(fails(read("clusters = a, b\na->b.enabled = false\n"), ErrorKind::kUsage,
                    "no flow is enabled"));
  EXPECT_TRUE(fails(read("a->b.enabled = true\n"), ErrorKind::kUsage, "`clusters` names fewer"));
  EXPECT_TRUE(fails(read("clusters = a, b\na->b.enabled = true\na.bootstrap.servers = h:1\n"),
                    ErrorKind::kUsage, "no b.bootstrap.servers"));
}

TEST(Mm2Properties, KeysWithoutEffectAreNamed) {
  const auto flow = read_with(R"(
clusters = onprem, cloud, edge
tasks.max = 8
offset.lag.max = 10
onprem->cloud.offset.lag.max = 5
checkpoints.topic.replication.factor = 1
offset.storage.replication.factor = 1
cloud.offset.storage.topic = x
edge.bootstrap.servers = e:9092
edge->cloud.topics = y
onprem.consumer.fetch.max.bytes = 1
cloud.producer.compression.type = zstd
onprem->cloud.producer.linger.ms = 5
producer.linger.ms = 5
cloud.topics = z
topcis = typo
onprem->cloud.topcis = typo
onprem.colour = red
transforms =
transforms.x.type = Y
)");
  ASSERT_TRUE(ok(flow));
  EXPECT_EQ(why(*flow, "offset.lag.max"), "kferry's translation is exact for every offset");
  EXPECT_EQ(why(*flow, "onprem->cloud.offset.lag.max"), why(*flow, "offset.lag.max"));
  EXPECT_TRUE(has(why(*flow, "tasks.max"), "share the partitions"));
  EXPECT_TRUE(has(why(*flow, "offset.storage.replication.factor"), "one topic"));
  EXPECT_TRUE(has(why(*flow, "cloud.offset.storage.topic"), "one topic"));
  EXPECT_TRUE(has(why(*flow, "checkpoints.topic.replication.factor"), "replication.factor"));
  EXPECT_EQ(why(*flow, "edge.bootstrap.servers"), "it is not about onprem->cloud");
  EXPECT_EQ(why(*flow, "edge->cloud.topics"), "it is not about onprem->cloud");
  EXPECT_TRUE(has(why(*flow, "onprem.consumer.fetch.max.bytes"), "kferry tunes itself"));
  EXPECT_TRUE(has(why(*flow, "cloud.producer.compression.type"), "keep the compression"));
  EXPECT_TRUE(has(why(*flow, "onprem->cloud.producer.linger.ms"), "kferry tunes itself"));
  EXPECT_TRUE(has(why(*flow, "producer.linger.ms"), "behind a cluster's name only"));
  EXPECT_TRUE(has(why(*flow, "cloud.topics"), "for one cluster"));
  for (const char* const typo : {"topcis", "onprem->cloud.topcis", "onprem.colour"})
    EXPECT_EQ(why(*flow, typo), "MirrorMaker 2 has no such key") << typo;
  EXPECT_TRUE(has(why(*flow, "transforms.x.type"), "is empty"));
  EXPECT_TRUE(std::ranges::is_sorted(flow->notes, {}, &Mm2Note::key));
}

TEST(Mm2Properties, WhatWouldChangeTheCopyIsAnErrorAllAtOnce) {
  const auto flow = read_with(R"(
replication.policy.class = com.example.MyPolicy
topic.filter.class = com.example.MyFilter
onprem->cloud.transforms = mask
value.converter = org.apache.kafka.connect.json.JsonConverter
refresh.topics.enabled = false
onprem.consumer.auto.offset.reset = latest
onprem.consumer.interceptor.classes = com.example.Spy
replication.factor = many
sync.topic.acls.enabled = maybe
topics = a(
offset-syncs.topic.location = moon
emit.heartbeats.interval.seconds = 0
source.cluster.alias = x
onprem->cloud.target.cluster.alias = x
)");
  ASSERT_FALSE(flow);
  EXPECT_EQ(flow.error().kind, ErrorKind::kUsage);
  for (const char* const part :
       {"mm2.properties: ", "replication.policy.class: kferry knows",
        "topic.filter.class: ", "onprem->cloud.transforms: kferry copies every record as it is",
        "value.converter: ", "refresh.topics.enabled: kferry can only do true",
        "onprem.consumer.auto.offset.reset: ", "onprem.consumer.interceptor.classes: ",
        "replication.factor: 'many' is not a number", "sync.topic.acls.enabled: 'maybe' is neither",
        "topics: 'a(' is not a regular expression",
        "offset-syncs.topic.location: takes source or target",
        "emit.heartbeats.interval.seconds: '0'", "onprem->cloud.target.cluster.alias: "})
    EXPECT_TRUE(has(flow.error().message, part));
}

TEST(Mm2Properties, DefaultsThatAreWrittenDownAreNoErrors) {
  EXPECT_TRUE(ok(read_with(R"(
replication.policy.class = org.apache.kafka.connect.mirror.DefaultReplicationPolicy
topic.filter.class = org.apache.kafka.connect.mirror.DefaultTopicFilter
key.converter = org.apache.kafka.connect.converters.ByteArrayConverter
refresh.topics.enabled = true
use.defaults.from = target
onprem.consumer.auto.offset.reset = earliest
)")));
}

TEST(Mm2Properties, ConnectionSettingsBecomeTheClusters) {
  const auto flow = read_with(R"(
security.protocol = SASL_PLAINTEXT
sasl.mechanism = PLAIN
sasl.username = app
onprem.sasl.mechanism = SCRAM-SHA-256
onprem.consumer.client.id = reader
cloud.producer.client.id = writer
onprem.ssl.truststore.location = not-looked-at.pem
)");
  ASSERT_TRUE(ok(flow));
  const auto& source = flow->settings.source;
  const auto& target = flow->settings.target;
  ASSERT_TRUE(source.client.sasl && target.client.sasl);
  EXPECT_EQ(source.client.sasl->mechanism, SaslMechanism::kScramSha256);
  EXPECT_TRUE(source.properties.carrier) << "librdkafka goes the same way";
  EXPECT_EQ(target.client.sasl->mechanism, SaslMechanism::kPlain);
  EXPECT_FALSE(source.client.tls);
  EXPECT_EQ(source.client.client_id, "reader");
  EXPECT_EQ(target.client.client_id, "writer");
  EXPECT_EQ(source.properties.bootstrap_servers, "old1:9092, old2:9092");
}

TEST(Mm2Properties, ConnectionSettingsThatKferryCannotFollow) {
  EXPECT_TRUE(fails(read_with("cloud.security.protocol = SASL_TLS\n"), ErrorKind::kUsage,
                    "mm2.properties, cluster cloud: security.protocol: takes PLAINTEXT, SSL"));
  EXPECT_TRUE(fails(read_with("onprem.bootstrap.servers = old1\n"), ErrorKind::kUsage,
                    "mm2.properties, cluster onprem: bootstrap server 'old1': no port"));
  const auto two = read_with(
      "cloud.producer.sasl.jaas.config = s3cret-1\ncloud.admin.sasl.jaas.config = s3cret-2\n");
  EXPECT_TRUE(fails(two, ErrorKind::kUsage,
                    "cluster cloud: sasl.jaas.config is not the same for the producer and the "
                    "admin"));
  const auto provider = read_with("onprem.sasl.jaas.config = ${file:/nowhere:key}\n");
  EXPECT_TRUE(fails(provider, ErrorKind::kUsage, "cluster onprem: sasl.jaas.config"));
  for (const auto* const result : {&two, &provider})
    EXPECT_EQ((result->error().message + result->error().hint).find("s3cret"), std::string::npos);
}

TEST(Mm2Keys, NoKeyStandsTwiceAndEveryOneIsFound) {
  for (const Mm2Key& key : mm2_keys()) {
    EXPECT_EQ(std::ranges::count(mm2_keys(), key.name, &Mm2Key::name), 1) << key.name;
    EXPECT_NE(find_mm2_key(key.name), nullptr) << key.name;
    EXPECT_TRUE(key.treatment != Mm2Treatment::kNotNeeded || !key.text.empty()) << key.name;
  }
  EXPECT_EQ(find_mm2_key("topic"), nullptr);
}

TEST(Mm2Keys, TheManualHasThemAll) {
  std::ifstream file(std::string(KFERRY_SOURCE_DIR) + "/docs/mm2.md");
  const std::string manual((std::istreambuf_iterator<char>(file)), {});
  for (const Mm2Key& key : mm2_keys()) {
    const std::string name = fmt::format("`{}`", key.name);
    if (key.treatment == Mm2Treatment::kNotNeeded)
      EXPECT_NE(manual.find(fmt::format("| {} | {} |\n", name, key.text)), std::string::npos)
          << name;
    else if (key.treatment == Mm2Treatment::kOnly && !key.text.empty())
      EXPECT_NE(manual.find(fmt::format("| {} | `{}` |\n", name, key.text)), std::string::npos)
          << name;
    else
      EXPECT_NE(manual.find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace kferry::replicate
