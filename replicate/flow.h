// What one flow of the mirror is told to do: plain values, checked before any I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/named.h"
#include "kafkaio/config.h"
#include "wire/address.h"
#include "wire/broker.h"
#include "zkoffsets/zk_client.h"

namespace kferry::replicate {

// One of the two clusters. Our own connections and librdkafka's are made from the same settings.
struct ClusterSettings {
  std::string alias;                     // "source", "target", or as the flow's name has it
  std::string bootstrap_servers;         // HOST:PORT,…
  std::vector<wire::Address> addresses;  // the same, taken apart
  wire::ClientConfig client;
  kafkaio::ClientProperties properties;
};

// A name is selected when an `include` matches the whole of it and no `exclude` does.
struct NameFilter {
  std::vector<std::regex> include;
  std::vector<std::regex> exclude;
  // The names that `include` gives literally (literal_names(), patterns.h); filled for groups only.
  std::vector<std::string> names = {};

  bool selects(const std::string& name) const;
};

// Every name that never is mirrored, whatever the filters say: Kafka's own topics, MM2's and ours.
bool is_internal_topic(const TopicName& topic);

enum class OffsetsMode {
  kAuto,       // identity where it is possible, exact translation elsewhere
  kIdentity,   // a partition that cannot have it is quarantined
  kTranslate,  // no fillers and no markers are written
};

enum class GuardPolicy { kRefuse, kWarn };

struct FlowSettings {
  std::string name = "source->target";
  ClusterSettings source;
  ClusterSettings target;
  NameFilter topics;
  NameFilter groups;  // no include: none
  // Put in front of a topic's name on the target, separator included ("source."); empty: the same
  // name on both sides.
  std::string topic_prefix;
  int16_t replication_factor = -1;  // of topics that are created; -1: the target's default
  OffsetsMode offsets = OffsetsMode::kAuto;

  bool sync_topic_configs = true;
  bool sync_acls = true;
  NameFilter config_properties;  // which topic configs are synced

  // False: checkpoints only, as MM2 does unless told otherwise (sync.group.offsets.enabled).
  bool sync_group_offsets = true;

  // MM2's topics, for tools that read them.
  bool emit_offset_syncs = true;
  bool offset_syncs_on_target = true;  // else on the source, as MM2 does by default
  bool emit_checkpoints = true;
  bool emit_heartbeats = true;

  Duration refresh_interval{5'000};  // new topics, partitions, configs
  Duration group_interval{500};      // committed offsets are read that often
  Duration heartbeat_interval{1'000};
  Duration checkpoint_interval{1'000};

  int64_t max_bytes_per_second = 0;  // 0: no limit
  size_t buffer_bytes = 32UL * 1024 * 1024;

  std::optional<std::string> listen;  // HOST:PORT of /metrics, /status, ...
  bool mm2_metrics = false;
  bool until_caught_up = false;

  // The flow whose way back this is (reversed()); its state lies on `source`.
  std::optional<std::string> reverse_of;

  // The guard: groups that still have offsets in this ZooKeeper which Kafka does not have.
  std::optional<std::string> zookeeper;
  std::optional<zkoffsets::ZkLogin> zookeeper_login;
  GuardPolicy guard = GuardPolicy::kRefuse;
};

// "onprem" and "cloud" of "onprem->cloud"; "source" and "target" of a name without an arrow.
std::pair<std::string, std::string> aliases_of(const std::string& flow);

// The way back of a flow that is over (docs/failback.md): its clusters change places. Records and
// group offsets only; no configs, ACLs or topics for MM2's tools.
FlowSettings reversed(FlowSettings flow);

// The name on the target.
TopicName target_topic(const FlowSettings& flow, const TopicName& source_topic);

}  // namespace kferry::replicate
