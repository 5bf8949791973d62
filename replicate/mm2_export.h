// A flow as MirrorMaker 2's settings, for those who stay with Kafka Connect: the settings with
// which MirrorMaker 2 comes closest to what kferry does. docs/export.md. The other way:
// mm2_properties.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "replicate/flow.h"

namespace kferry::replicate {

// The expressions of the flow as they were written: lists with commas.
struct FlowPatterns {
  std::string topics;
  std::string topics_exclude;
  std::string groups;
  std::string groups_exclude;
  std::string config_exclude;
};

struct Mm2ExportInput {
  const FlowSettings& flow;
  FlowPatterns patterns;
  // What the clients are told, as it was written: Java's keys or librdkafka's.
  const std::map<std::string, std::string>& source_properties;
  const std::map<std::string, std::string>& target_properties;
};

// Who reads a setting: a bit each.
enum Mm2Reader : unsigned {
  kMm2Source = 1,      // MirrorSourceConnector
  kMm2Checkpoint = 2,  // MirrorCheckpointConnector
  kMm2Heartbeat = 4,   // MirrorHeartbeatConnector
  kMm2Worker = 8,      // the Connect worker on the target
};

struct Mm2Setting {
  std::string key;
  std::string value;
  unsigned readers = 0;
  std::string why;  // for a comment; empty: the value speaks for itself
};

// What one client is told about who it is. Secrets are not among them.
struct Mm2Client {
  struct Entry {
    std::string key;  // Java's
    std::string value;
    bool is_secret = false;  // `value` is empty then
  };

  std::string alias;
  std::string bootstrap_servers;
  std::vector<Entry> entries;
};

struct Mm2Export {
  Mm2Client source;
  Mm2Client target;
  FlowPatterns patterns;
  std::vector<Mm2Setting> settings;
  std::vector<std::string> remarks;  // what MirrorMaker 2 cannot be told
};

inline constexpr int kMm2Tasks = 4;

// kUsage: a prefix that no replication policy of MirrorMaker 2 gives.
Result<Mm2Export> export_mm2(Mm2ExportInput input);

// For connect-mirror-maker.sh. A secret is a reference to /etc/kferry/ALIAS-secrets.properties,
// which Kafka's FileConfigProvider reads.
std::string to_properties(const Mm2Export& exported, std::string_view tool_version);

}  // namespace kferry::replicate
