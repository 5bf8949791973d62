#include "cli/config.h"

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "cli/yaml.h"
#include "replicate/patterns.h"
#include "zkoffsets/external_layout.h"

namespace kferry::cli {
namespace {

using zkoffsets::Convention;
using zkoffsets::Layout;

const std::map<std::string, Preset>& presets() {
  static const std::map<std::string, Preset> table{
      {"high-level-consumer", {Layout::kHighLevelConsumer, Convention::kNext}},
      {"flume", {Layout::kHighLevelConsumer, Convention::kNext}},
      {"kafka-ex-gen-consumer", {Layout::kOffsetCommitV0, Convention::kNext}},
      {"kafka-ex-stream", {Layout::kOffsetCommitV0, Convention::kLastProcessed}},
      {"kafka-node", {Layout::kKafkaNode, Convention::kNext}},
      {"wvanbergen", {Layout::kWvanbergen, Convention::kNext}},
      {"flink", {Layout::kFlink, Convention::kLastProcessed}},
      {"storm", {Layout::kStorm, Convention::kNext}},
      {"trident", {Layout::kTrident, Convention::kNext}},
      {"spark-csv", {Layout::kSparkCsv, Convention::kNext}},
  };
  return table;
}

void read_rule(const YAML::Node& node, const std::string& where, GroupRule& rule) {
  if (const auto preset = node["preset"]) {
    const std::string name = text(preset, where + ".preset");
    const auto found = presets().find(name);
    if (found == presets().end())
      throw ConfigError{preset.Mark(), fmt::format("unknown preset '{}'; known: {}", name,
                                                   fmt::join(preset_names(), ", "))};
    rule.preset = found->second;
  }
  if (const auto convention = node["convention"]) {
    rule.convention = zkoffsets::parse_convention(text(convention, where + ".convention"));
    if (!rule.convention)
      throw ConfigError{convention.Mark(), where + ".convention must be next or last"};
  }
  if (const auto topics = node["topics"]) rule.topics = texts(topics, where + ".topics");
}

void add_group(Config& config, const YAML::Node& at, const std::string& name,
               const GroupRule& rule) {
  const auto [existing, is_new] = config.groups.emplace(GroupId(name), rule);
  if (!is_new)
    throw ConfigError{at.Mark(),
                      fmt::format("group '{}' is in two teams: '{}' and '{}'", name,
                                  existing->second.team.value_or("-"), rule.team.value_or("-"))};
}

void read_team(Config& config, const std::string& name, const YAML::Node& node) {
  const std::string where = "teams." + name;
  check_keys(node, where, {"groups", "patterns", "topics", "preset", "convention"});
  GroupRule rule;
  rule.team = name;
  read_rule(node, where, rule);
  config.teams.push_back(name);
  if (const auto groups = node["groups"])
    for (const std::string& group : texts(groups, where + ".groups"))
      add_group(config, groups, group, rule);
  const auto patterns = node["patterns"];
  if (!patterns) return;
  for (const std::string& pattern : texts(patterns, where + ".patterns")) {
    if (const auto checked = replicate::parse_pattern(pattern); !checked)
      throw ConfigError{patterns.Mark(), fmt::format("{}: {}", where, checked.error().message)};
    config.patterns.emplace_back(pattern, rule);
  }
}

// Settings of single groups, over those of their team.
void read_groups(Config& config, const YAML::Node& node) {
  if (!node.IsMap()) throw ConfigError{node.Mark(), "groups must be a map"};
  for (const auto& entry : node) {
    const auto name = entry.first.as<std::string>();
    const std::string where = "groups." + name;
    check_keys(entry.second, where, {"topics", "preset", "convention"});
    read_rule(entry.second, where, config.groups[GroupId(name)]);
  }
}

zkoffsets::ExternalLayout read_external_entry(const YAML::Node& entry) {
  check_keys(entry, "external",
             {"group", "layout", "path", "topic", "offset_pointer", "convention"});
  const auto maybe = [&](const char* key) {
    return entry[key] ? std::optional(text(entry[key], fmt::format("external.{}", key)))
                      : std::nullopt;
  };
  const auto need = [&](const char* key) {
    auto value = maybe(key);
    if (!value) throw ConfigError{entry.Mark(), fmt::format("external: '{}' is missing", key)};
    return std::move(*value);
  };
  const auto layout = zkoffsets::parse_layout(need("layout"));
  if (!layout || !is_external(*layout))
    throw ConfigError{entry["layout"].Mark(),
                      "external.layout must be storm, trident, spark-csv or custom"};
  const bool custom = *layout == Layout::kCustom;
  zkoffsets::ExternalLayout external{
      GroupId(custom ? maybe("group").value_or("") : need("group")), *layout, need("path"), {}};
  if (!external.path.starts_with('/') || external.path.ends_with('/'))
    throw ConfigError{entry["path"].Mark(),
                      "external.path begins with / and does not end with one"};
  if (*layout == Layout::kSparkCsv || custom)
    external.topic = TopicName(maybe("topic").value_or(""));
  external.offset_pointer = maybe("offset_pointer");
  if (const auto convention = maybe("convention")) {
    external.convention = zkoffsets::parse_convention(*convention);
    if (!external.convention)
      throw ConfigError{entry["convention"].Mark(), "external.convention must be next or last"};
  }
  if (!custom && (external.offset_pointer || external.convention))
    throw ConfigError{entry.Mark(),
                      "external: offset_pointer and convention are for the layout custom only"};
  if (const auto checked = zkoffsets::check_external({external}); !checked)
    throw ConfigError{entry.Mark(), checked.error().message};
  return external;
}

void read_external(Config& config, const YAML::Node& node) {
  if (!node.IsSequence()) throw ConfigError{node.Mark(), "external must be a list"};
  for (const auto& entry : node) config.external.push_back(read_external_entry(entry));
}

void read_zookeeper_auth(Config& config, const YAML::Node& root) {
  if (const auto node = root["zookeeper_auth_file"])
    config.zookeeper_auth_file = text(node, "zookeeper_auth_file");
  const auto node = root["zookeeper_auth"];
  if (!node) return;
  config.zookeeper_auth = text(node, "zookeeper_auth");
  if (!config.zookeeper_auth.starts_with("${") || !config.zookeeper_auth.ends_with('}'))
    throw ConfigError{node.Mark(),
                      "zookeeper_auth says where the login stands, ${env:NAME} or ${file:PATH}: a "
                      "password does not belong into this file"};
  if (!config.zookeeper_auth_file.empty())
    throw ConfigError{node.Mark(), "zookeeper_auth and zookeeper_auth_file exclude each other"};
}

void read_offset_source(Config& config, const YAML::Node& root) {
  const auto node = root["offset_source"];
  if (!node) return;
  config.offset_reads = parse_offset_reads(text(node, "offset_source"));
  if (!config.offset_reads)
    throw ConfigError{node.Mark(), fmt::format("offset_source must be {}", kOffsetReadsNames)};
  if (*config.offset_reads == OffsetReads::kBroker && !config.zookeeper.empty())
    throw ConfigError{node.Mark(),
                      "offset_source: broker means that no ZooKeeper is connected to: take "
                      "`zookeeper` out, or read there with offset_source: both"};
}

Config read_document(const YAML::Node& root) {
  Config config;
  check_keys(root, "kferry.yaml",
             {"zookeeper", "zookeeper_auth", "zookeeper_auth_file", "offset_source",
              "bootstrap_server", "command_config", "teams", "groups", "external", "flows"});
  if (const auto node = root["zookeeper"]) config.zookeeper = text(node, "zookeeper");
  read_zookeeper_auth(config, root);
  read_offset_source(config, root);
  if (const auto node = root["bootstrap_server"])
    config.bootstrap_server = text(node, "bootstrap_server");
  if (const auto node = root["command_config"])
    config.command_config = text(node, "command_config");
  if (const auto teams = root["teams"]) {
    if (!teams.IsMap()) throw ConfigError{teams.Mark(), "teams must be a map"};
    for (const auto& team : teams) read_team(config, team.first.as<std::string>(), team.second);
  }
  if (const auto groups = root["groups"]) read_groups(config, groups);
  if (const auto external = root["external"]) read_external(config, external);
  if (const auto flows = root["flows"]) config.flows = read_flows(flows);
  return config;
}

migrate::GroupSettings to_settings(const GroupRule& rule) {
  migrate::GroupSettings settings;
  settings.team = rule.team;
  settings.convention = rule.convention;
  settings.topics.insert(rule.topics.begin(), rule.topics.end());
  if (!rule.preset) return settings;
  settings.layout = rule.preset->layout;
  if (!settings.convention) settings.convention = rule.preset->convention;
  return settings;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& [name, preset] : presets()) names.push_back(name);
  return names;
}

Result<Config> read_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return fail(ErrorKind::kUsage, fmt::format("{}: cannot be read", path), "see docs/config.md");
  std::ostringstream yaml;
  yaml << file.rdbuf();
  return parse_config(yaml.str(), path);
}

Result<Config> parse_config(const std::string& yaml, const std::string& origin) {
  const auto wrong = [&](const YAML::Mark& mark, const std::string& what) {
    return fail(ErrorKind::kUsage,
                mark.is_null() ? fmt::format("{}: {}", origin, what)
                               : fmt::format("{}, line {}: {}", origin, mark.line + 1, what),
                "see docs/config.md");
  };
  try {
    return read_document(YAML::Load(yaml));
  } catch (const ConfigError& error) {
    return wrong(error.mark, error.what);
  } catch (const YAML::Exception& error) {
    return wrong(error.mark, error.msg);
  }
}

Result<std::map<GroupId, migrate::GroupSettings>> resolve(const Config& config,
                                                          const std::vector<GroupId>& groups) {
  std::vector<std::pair<std::regex, const GroupRule*>> patterns;
  for (const auto& [pattern, rule] : config.patterns)
    patterns.emplace_back(replicate::parse_pattern(pattern).value(), &rule);
  std::map<GroupId, migrate::GroupSettings> resolved;
  for (const GroupId& group : groups) {
    GroupRule rule;
    if (const auto named = config.groups.find(group); named != config.groups.end())
      rule = named->second;
    for (const auto& [pattern, from_pattern] : patterns) {
      if (!std::regex_match(group.value(), pattern)) continue;
      if (rule.team && rule.team != from_pattern->team)
        return fail(ErrorKind::kUsage,
                    fmt::format("group '{}' is in two teams: '{}' and '{}'", group, *rule.team,
                                *from_pattern->team),
                    "make the names and patterns of the teams in --config disjoint");
      rule.team = from_pattern->team;
      if (!rule.preset) rule.preset = from_pattern->preset;
      if (!rule.convention) rule.convention = from_pattern->convention;
      if (rule.topics.empty()) rule.topics = from_pattern->topics;
    }
    resolved[group] = to_settings(rule);
  }
  return resolved;
}

}  // namespace kferry::cli
