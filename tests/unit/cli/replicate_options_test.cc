#include "cli/replicate_options.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/expectations.h"

namespace kferry::cli {
namespace {

using replicate::FlowSettings;
using test::fails;
using test::has;
using test::ok;

// A file that lives as long as this.
class File {
 public:
  File(const std::string& name, const std::string& text)
      : path_(testing::TempDir() + "kferry-" + std::to_string(getpid()) + "-" + name) {
    std::ofstream(path_) << text;
  }
  ~File() { std::remove(path_.c_str()); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using Arguments = std::vector<std::string>;

Result<FlowSettings> read(const Arguments& arguments,
                          std::vector<replicate::Mm2Note>* notes = nullptr) {
  const auto values = parse(arguments, describe_replicate());
  if (!values) return std::unexpected(values.error());
  return read_flow(*values, notes);
}

Result<FlowSettings> read_with(const Arguments& more) {
  Arguments arguments{"--source", "old1:9092,old2:9092", "--target", "new:9092", "--topics", ".*"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return read(arguments);
}

TEST(ReplicateOptions, FlagsAlone) {
  const auto flow = read_with({});
  ASSERT_TRUE(ok(flow));
  EXPECT_EQ(flow->name, "source->target");
  EXPECT_EQ(flow->source.alias, "source");
  EXPECT_EQ(flow->source.addresses.size(), 2U);
  EXPECT_EQ(flow->target.properties.bootstrap_servers, "new:9092");
  EXPECT_TRUE(flow->topics.selects("orders"));
  EXPECT_FALSE(flow->topics.selects("a.internal"));
  EXPECT_FALSE(flow->topics.selects("heartbeats")) << "ours go there";
  EXPECT_FALSE(flow->groups.selects("billing"));
  EXPECT_FALSE(flow->config_properties.selects("min.insync.replicas"));
  EXPECT_EQ(flow->replication_factor, -1);
  EXPECT_EQ(flow->offsets, replicate::OffsetsMode::kAuto);
  EXPECT_EQ(flow->listen, std::nullopt);
  EXPECT_EQ(flow->zookeeper, std::nullopt);
  EXPECT_TRUE(flow->sync_acls && flow->sync_topic_configs && flow->sync_group_offsets);
  EXPECT_FALSE(flow->until_caught_up);
}

TEST(ReplicateOptions, EveryFlag) {
  const File properties("client.properties", "client.id = mirror\n");
  const auto flow = read_with({"--groups",
                               "b.*",
                               "--groups-exclude",
                               "bad",
                               "--topics-exclude",
                               "tmp-.*",
                               "--config-exclude",
                               "retention.*",
                               "--replication-factor",
                               "3",
                               "--offsets",
                               "translate",
                               "--prefix",
                               "onprem.",
                               "--source-config",
                               properties.path(),
                               "--flow",
                               "onprem->cloud",
                               "--listen",
                               "[::1]:0",
                               "--max-bytes-per-second",
                               "1000",
                               "--buffer-bytes",
                               "1048576",
                               "--zookeeper",
                               "zk:2181/kafka",
                               "--guard",
                               "warn",
                               "--until-caught-up",
                               "--mm2-metrics",
                               "--no-sync-configs",
                               "--no-sync-acls",
                               "--no-mm2-topics",
                               "--request-timeout",
                               "5s",
                               "--dry-run"});
  ASSERT_TRUE(ok(flow));
  EXPECT_EQ(flow->name, "onprem->cloud");
  EXPECT_EQ(flow->source.alias, "onprem");
  EXPECT_EQ(flow->target.alias, "cloud");
  EXPECT_EQ(flow->source.client.client_id, "mirror");
  EXPECT_EQ(flow->target.client.client_id, "kferry");
  EXPECT_EQ(flow->target.client.request_timeout, Duration(5'000));
  EXPECT_TRUE(flow->groups.selects("billing"));
  EXPECT_FALSE(flow->groups.selects("bad"));
  EXPECT_FALSE(flow->topics.selects("tmp-1"));
  EXPECT_TRUE(flow->topics.selects("a.internal")) << "--topics-exclude replaces the default";
  EXPECT_TRUE(flow->config_properties.selects("min.insync.replicas"));
  EXPECT_EQ(flow->replication_factor, 3);
  EXPECT_EQ(flow->offsets, replicate::OffsetsMode::kTranslate);
  EXPECT_EQ(flow->topic_prefix, "onprem.");
  EXPECT_EQ(flow->listen, "[::1]:0");
  EXPECT_EQ(flow->max_bytes_per_second, 1'000);
  EXPECT_EQ(flow->buffer_bytes, 1'048'576U);
  EXPECT_EQ(flow->zookeeper, "zk:2181/kafka");
  EXPECT_EQ(flow->guard, replicate::GuardPolicy::kWarn);
  EXPECT_TRUE(flow->until_caught_up && flow->mm2_metrics);
  EXPECT_FALSE(flow->sync_topic_configs || flow->sync_acls);
  EXPECT_FALSE(flow->emit_checkpoints || flow->emit_heartbeats || flow->emit_offset_syncs);
}

TEST(ReplicateOptions, AWrongValueIsNamedWithItsOption) {
  const std::pair<Arguments, const char*> cases[] = {
      {{"--topics", "a("}, "--topics: 'a(' is not a regular expression"},
      {{"--groups", "(?i)b"}, "--groups: '(?i)b'"},
      {{"--replication-factor", "0"}, "--replication-factor '0': takes a number from 1 to 32767"},
      {{"--replication-factor", "3x"}, "--replication-factor '3x'"},
      {{"--offsets", "same"}, "--offsets 'same': takes identity, translate or auto"},
      {{"--guard", "no"}, "--guard 'no': takes refuse or warn"},
      {{"--prefix", "a b"}, "--prefix 'a b'"},
      {{"--listen", "9400"}, "--listen: listen address '9400': no port"},
      {{"--listen", "localhost:99999"}, "the port is a number"},
      {{"--max-bytes-per-second", "-1"}, "--max-bytes-per-second '-1'"},
      {{"--max-bytes-per-second", "5MB"}, "--max-bytes-per-second '5MB'"},
      {{"--buffer-bytes", "1"}, "--buffer-bytes '1': takes a number from 1048576"},
      {{"--zookeeper", "zk:x"}, "--zookeeper"},
      {{"--flow", "a->a"}, "--flow 'a->a' is not the name of a flow"},
      {{"--flow", "a b"}, "--flow 'a b'"},
      {{"--source", "old1"}, "--source: bootstrap server 'old1': no port"},
      {{"--source-config", "/nonexistent"}, "--source-config '/nonexistent' cannot be read"},
      {{"--mm2-properties", "/nonexistent"}, "--mm2-properties '/nonexistent' cannot be read"},
      {{"--source", "new:9092"}, "new:9092 is in the source and in the target"},
      {{"--topics", ""}, "no topics given"},
      {{"--no-such-flag"}, "no-such-flag"},
      {{"--log-level", "loud"}, "--log-level 'loud'"},
  };
  for (const auto& [arguments, message] : cases) {
    Arguments all{"--target", "new:9092"};
    if (arguments[0] != "--source") all.insert(all.end(), {"--source", "old:9092"});
    if (arguments[0] != "--topics") all.insert(all.end(), {"--topics", ".*"});
    all.insert(all.end(), arguments.begin(), arguments.end());
    EXPECT_TRUE(fails(read(all), ErrorKind::kUsage, message));
  }
  EXPECT_TRUE(fails(read({"--topics", "a"}), ErrorKind::kUsage, "no source cluster given"));
  EXPECT_TRUE(fails(read({"--topics", "a", "--source", "a:1"}), ErrorKind::kUsage,
                    "no target cluster given"));
  EXPECT_TRUE(
      fails(read({"--source", "a:1", "--target", "b:1"}), ErrorKind::kUsage, "no topics given"));
}

TEST(ReplicateOptions, PropertiesAreCheckedBeforeAnyNetwork) {
  const File unknown("unknown.properties", "colour = red\n");
  EXPECT_TRUE(fails(read_with({"--target-config", unknown.path()}), ErrorKind::kUsage,
                    "--target-config " + unknown.path() + ": unknown property colour"));
  const File tls("tls.properties", "security.protocol = SSL\nssl.ca.location = /no/such.pem\n");
  EXPECT_TRUE(fails(read_with({"--source-config", tls.path()}), ErrorKind::kUsage,
                    "the trusted certificates '/no/such.pem': cannot be read"));
}

constexpr const char* kFlows = R"(
zookeeper: zk1:2181/kafka
flows:
  onprem->cloud:
    source: {bootstrap_server: "old1:9092,old2:9092"}
    target: {bootstrap_server: new1:9092}
    topics: ["orders-[a-z]{1,3}", payments]
    topics_exclude: payments
    groups: billing, web-.*
    replication_factor: 3
    offsets: identity
    sync_acls: false
    mm2_topics: false
    listen: 127.0.0.1:9400
    max_bytes_per_second: 5000000
    refresh_interval: 30s
  edge: {source: {bootstrap_server: "e:1"}, target: {bootstrap_server: "f:1"}, topics: all.*}
)";

TEST(ReplicateOptions, AFlowOfTheConfigurationAndFlagsOverIt) {
  const File config("flows.yaml", kFlows);
  const auto flow = read({"--config", config.path(), "--flow", "onprem->cloud"});
  ASSERT_TRUE(ok(flow));
  EXPECT_EQ(flow->name, "onprem->cloud");
  EXPECT_EQ(flow->source.alias, "onprem");
  EXPECT_EQ(flow->source.addresses.size(), 2U);
  EXPECT_TRUE(flow->topics.selects("orders-abc"));
  EXPECT_FALSE(flow->topics.selects("orders-abcd"));
  EXPECT_FALSE(flow->topics.selects("payments"));
  EXPECT_TRUE(flow->groups.selects("web-1"));
  EXPECT_EQ(flow->replication_factor, 3);
  EXPECT_EQ(flow->offsets, replicate::OffsetsMode::kIdentity);
  EXPECT_FALSE(flow->sync_acls);
  EXPECT_FALSE(flow->emit_checkpoints);
  EXPECT_EQ(flow->listen, "127.0.0.1:9400");
  EXPECT_EQ(flow->refresh_interval, Duration(30'000));
  EXPECT_EQ(flow->zookeeper, "zk1:2181/kafka") << "the guard is on where there is a ZooKeeper";

  const auto changed = read({"--config", config.path(), "--flow", "onprem->cloud", "--target",
                             "other:9092", "--topics", "clicks", "--offsets", "auto"});
  ASSERT_TRUE(ok(changed));
  EXPECT_EQ(changed->target.bootstrap_servers, "other:9092");
  EXPECT_TRUE(changed->topics.selects("clicks"));
  EXPECT_FALSE(changed->topics.selects("orders-abc"));
  EXPECT_EQ(changed->offsets, replicate::OffsetsMode::kAuto);
  EXPECT_EQ(changed->replication_factor, 3);
}

TEST(ReplicateOptions, WhichFlowOfTheConfiguration) {
  const File config("flows.yaml", kFlows);
  const auto any = read({"--config", config.path()});
  EXPECT_TRUE(fails(any, ErrorKind::kUsage, "has several flows"));
  EXPECT_TRUE(has(any.error().hint, "edge, onprem->cloud"));
  EXPECT_TRUE(fails(read({"--config", config.path(), "--flow", "x"}), ErrorKind::kUsage,
                    "--flow 'x': no such flow"));
  const File one("flow.yaml",
                 "flows: {edge: {source: {bootstrap_server: 'e:1'}, target: "
                 "{bootstrap_server: 'f:1'}, topics: a}}");
  const auto only = read({"--config", one.path()});
  ASSERT_TRUE(ok(only));
  EXPECT_EQ(only->name, "edge");
  EXPECT_EQ(only->source.alias, "source");
}

TEST(ReplicateOptions, AMistakeInTheConfigurationHasALine) {
  const std::pair<const char*, const char*> cases[] = {
      {"flows:\n  a->b:\n    topcis: x\n", "line 3: unknown key 'topcis' in flows.a->b"},
      {"flows:\n  a->b:\n    topics:\n      - ok\n      - 'a('\n", "flows.a->b.topics: 'a('"},
      {"flows:\n  a->b:\n    offsets: same\n", "line 3: flows.a->b.offsets 'same': takes"},
      {"flows:\n  a->b:\n    source: old:9092\n", "line 3: flows.a->b.source must be a map"},
      {"flows:\n  a->b:\n    source: {bootstrap_server: old}\n", "source.bootstrap_server"},
      {"flows:\n  a->b:\n    sync_acls: 1\n", "takes true or false"},
      {"flows:\n  a->b:\n    refresh_interval: 1ms\n", "refresh_interval '1ms'"},
      {"flows:\n  a->b: {until_caught_up: true}\n", "unknown key 'until_caught_up'"},
      {"flows:\n  a->a: {}\n", "'a->a' is not the name of a flow"},
      {"flows: [a]\n", "flows must be a map"},
      {"flows:\n  a: {topics: x}\n  a: {topics: y}\n", "two flows are called 'a'"},
  };
  for (const auto& [yaml, message] : cases) {
    const File config("broken.yaml", yaml);
    EXPECT_TRUE(
        fails(read({"--config", config.path(), "--flow", "a->b"}), ErrorKind::kUsage, message));
  }
}

constexpr const char* kMm2 = R"(
clusters = onprem, cloud
onprem.bootstrap.servers = old1:9092
cloud.bootstrap.servers = new1:9092
onprem->cloud.enabled = true
onprem->cloud.topics = orders.*
onprem.consumer.client.id = reader
tasks.max = 4
)";

TEST(ReplicateOptions, AnMm2FileAsItIs) {
  const File mm2("mm2.properties", kMm2);
  std::vector<replicate::Mm2Note> notes;
  const auto flow = read({"--mm2-properties", mm2.path()}, &notes);
  ASSERT_TRUE(ok(flow));
  EXPECT_EQ(flow->name, "onprem->cloud");
  EXPECT_EQ(flow->topic_prefix, "onprem.");
  EXPECT_EQ(flow->source.client.client_id, "reader");
  EXPECT_FALSE(flow->sync_group_offsets);
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[1].key, "tasks.max");
}

TEST(ReplicateOptions, OptionsAndConfigurationGoOverAnMm2File) {
  const File mm2("mm2.properties", kMm2);
  const File config("flows.yaml", kFlows);
  const auto flow =
      read({"--mm2-properties", mm2.path(), "--config", config.path(), "--source", "old9:9092",
            "--topics-exclude", "orders-tmp", "--sync-group-offsets", "--request-timeout", "7s"});
  ASSERT_TRUE(ok(flow));
  EXPECT_EQ(flow->source.bootstrap_servers, "old9:9092");
  EXPECT_EQ(flow->source.client.client_id, "reader") << "the file's properties stay";
  EXPECT_EQ(flow->source.client.request_timeout, Duration(7'000));
  EXPECT_EQ(flow->target.bootstrap_servers, "new1:9092");
  EXPECT_TRUE(flow->topics.selects("orders-abc")) << "of kferry.yaml";
  EXPECT_FALSE(flow->topics.selects("orders-abcd"));
  EXPECT_TRUE(flow->sync_group_offsets);
  EXPECT_EQ(flow->replication_factor, 3);
  const auto all =
      read({"--mm2-properties", mm2.path(), "--topics", ".*", "--topics-exclude", "tmp"});
  ASSERT_TRUE(ok(all));
  EXPECT_FALSE(all->topics.selects("cloud.orders")) << "what came from the target never goes back";
  const File other("other.yaml", "flows: {x: {topics: y}}");
  EXPECT_TRUE(ok(read({"--mm2-properties", mm2.path(), "--config", other.path()})))
      << "a flow of another name is not meant";
}

TEST(ReplicateOptions, LogLinesAreWrittenUnlessToldOtherwise) {
  const auto level = [](const Arguments& arguments) {
    return read_replicate_common(*parse(arguments, describe_replicate()))->log_level;
  };
  EXPECT_EQ(level({}), log::Level::kInfo);
  EXPECT_EQ(level({"--log-level", "error"}), log::Level::kError);
}

}  // namespace
}  // namespace kferry::cli
