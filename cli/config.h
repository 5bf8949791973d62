// kferry.yaml (docs/config.md): connections, which team has which groups with which presets, and
// the flows of the mirror.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/flow_config.h"
#include "cli/offset_reads.h"
#include "migrate/preflight.h"
#include "zkoffsets/snapshot.h"

namespace kferry::cli {

// What a known client's offsets look like, by name: "kafka-ex-stream" and so on.
struct Preset {
  std::optional<zkoffsets::Layout> layout;
  zkoffsets::Convention convention = zkoffsets::Convention::kNext;
};

struct GroupRule {
  std::optional<std::string> team;
  std::optional<Preset> preset;
  std::optional<zkoffsets::Convention> convention;  // over the preset's
  std::vector<std::string> topics;                  // only these; empty: all
};

struct Config {
  std::string zookeeper;
  std::string zookeeper_auth;  // ${env:NAME}, ${file:PATH}, ...: never the login itself
  std::string zookeeper_auth_file;
  std::optional<OffsetReads> offset_reads;  // `broker`: without zookeeper
  std::string bootstrap_server;
  std::string command_config;
  std::vector<std::string> teams;                           // in the file's order
  std::map<GroupId, GroupRule> groups;                      // by name
  std::vector<std::pair<std::string, GroupRule>> patterns;  // regular expressions, whole name
  std::vector<zkoffsets::ExternalLayout> external;
  std::map<std::string, FlowChanges> flows;  // by name
};

// The presets' names, for messages and `kferry help`.
std::vector<std::string> preset_names();

// Reads the file. kUsage with file, line and key: not YAML, an unknown key, a value of the wrong
// type, a group in two teams, an unknown preset, a broken regular expression.
Result<Config> read_config(const std::string& path);
// The same of the file's text; `origin` is for messages.
Result<Config> parse_config(const std::string& yaml, const std::string& origin);

// The settings of each of `groups`: by name first, then by pattern. kUsage when two teams'
// patterns, or a name and another team's pattern, claim the same group.
Result<std::map<GroupId, migrate::GroupSettings>> resolve(const Config& config,
                                                          const std::vector<GroupId>& groups);

}  // namespace kferry::cli
