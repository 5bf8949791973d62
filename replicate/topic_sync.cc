#include "replicate/topic_sync.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace kferry::replicate {
namespace {

using namespace std::string_view_literals;
using kafkaio::ConfigChanges;
using kafkaio::Configs;
using kafkaio::ConfigSource;
using kafkaio::ConfigValues;

constexpr const char* kMaxMessageBytes = "max.message.bytes";
constexpr const char* kCleanupPolicy = "cleanup.policy";
constexpr const char* kLongest = "9223372036854775807";

// What only holds until the topic is finished.
constexpr std::array kTemporary{"cleanup.policy"sv, "retention.ms"sv, "retention.bytes"sv};

// Brokers stamp records (LogAppendTime), refuse their timestamps, or convert them to an old format
// by these.
constexpr std::array kChangesRecords{
    "message.timestamp.type"sv,          "message.timestamp.difference.max.ms"sv,
    "message.timestamp.before.max.ms"sv, "message.timestamp.after.max.ms"sv,
    "message.format.version"sv,          "max.message.bytes"sv,
};
// Numbers of the source's brokers.
constexpr std::array kNamesBrokers{"leader.replication.throttled.replicas"sv,
                                   "follower.replication.throttled.replicas"sv};

bool is_temporary(const std::string& name) {
  return std::ranges::find(kTemporary, name) != kTemporary.end();
}

// The value in effect, where it comes from aside.
std::optional<std::string> effective(const Configs& configs, const std::string& name) {
  const auto found = configs.find(name);
  return found == configs.end() ? std::nullopt : found->second.value;
}

// What is set for the topic itself.
std::optional<std::string> own(const Configs& configs, const std::string& name) {
  const auto found = configs.find(name);
  if (found == configs.end() || found->second.source != ConfigSource::kTopic) return std::nullopt;
  return found->second.value;
}

std::optional<int64_t> to_number(const std::optional<std::string>& text) {
  int64_t number = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

// Lists have no order here: "compact,delete" is "delete, compact".
std::vector<std::string> items_of(const std::string& text) {
  std::vector<std::string> items(1);
  for (const char c : text) {
    if (c == ',')
      items.emplace_back();
    else if (c != ' ')
      items.back() += c;
  }
  std::ranges::sort(items);
  return items;
}

bool same_value(const std::string& name, const std::optional<std::string>& a,
                const std::optional<std::string>& b) {
  if (!a || !b || name != kCleanupPolicy) return a == b;
  return items_of(*a) == items_of(*b);
}

bool is_synced(const FlowSettings& flow, const std::string& name) {
  return flow.sync_topic_configs && !is_held_back(name) && flow.config_properties.selects(name);
}

bool is_known(const TargetDefaults& target, const std::string& name) {
  return target.known_configs.empty() || target.known_configs.contains(name);
}

// What the topic must take at least: a batch that the source has and the target refuses would end
// the mirror of its partition. nullopt: what the target takes will do.
std::optional<std::string> needed_max_message_bytes(const TopicState& source,
                                                    const std::optional<std::string>& target) {
  const auto wanted = effective(source.configs, kMaxMessageBytes);
  const auto number = to_number(wanted);
  const auto taken = to_number(target);
  if (!number || (taken && *number <= *taken)) return std::nullopt;
  // Unknown on the target: as it is set on the source.
  if (!taken && !own(source.configs, kMaxMessageBytes)) return std::nullopt;
  return wanted;
}

std::optional<std::string> default_of(const TargetDefaults& target, const std::string& name) {
  const auto found = target.values.find(name);
  return found == target.values.end() ? std::nullopt : std::optional(found->second);
}

// Of a topic that is there.
ConfigValues wanted_of(const FlowSettings& flow, const TopicState& source, const TopicState& target,
                       const TargetDefaults& defaults) {
  ConfigValues wanted =
      final_configs(flow, source, defaults, effective(target.configs, kMaxMessageBytes));
  if (!flow.sync_topic_configs) wanted.erase(kMaxMessageBytes);
  return wanted;
}

// The changes that bring `target` to `wanted`. What is set there beyond that is reset where the
// source, which knows the config too, would have it otherwise; `unconditionally` resets some more.
template <class Unconditionally>
TopicDifference config_difference(const FlowSettings& flow, const TopicState& source,
                                  const TopicState& target, const ConfigValues& wanted,
                                  Unconditionally&& unconditionally) {
  TopicDifference difference{.kind = TopicDifferenceKind::kConfigs};
  const auto change = [&](const std::string& name, std::optional<std::string> to) {
    difference.configs[name] = std::move(to);
    difference.present[name] = own(target.configs, name);
  };
  for (const auto& [name, value] : wanted)
    if (!same_value(name, own(target.configs, name), value)) change(name, value);
  for (const auto& [name, entry] : target.configs) {
    if (entry.source != ConfigSource::kTopic || wanted.contains(name)) continue;
    const bool differs = source.configs.contains(name) &&
                         !same_value(name, effective(source.configs, name), entry.value);
    if (is_synced(flow, name) ? differs : unconditionally(name)) change(name, std::nullopt);
  }
  return difference;
}

// Set on either side, differing in effect, and left alone: not among `changes`.
TopicDifference left_alone(const FlowSettings& flow, const TopicState& source,
                           const TopicState& target, const ConfigChanges& changes) {
  TopicDifference difference{.kind = TopicDifferenceKind::kNotSynced};
  const auto look_at = [&](const std::string& name) {
    if (changes.contains(name)) return;
    if (is_synced(flow, name) && target.configs.contains(name)) return;
    const auto here = effective(source.configs, name);
    const auto there = effective(target.configs, name);
    if (same_value(name, here, there)) return;
    const bool too_small = name == kMaxMessageBytes && needed_max_message_bytes(source, there);
    if (!own(source.configs, name) && !too_small) {
      // Neither has a will of its own, or the target's is the mirror's own.
      if (!own(target.configs, name) || there == kLongest || name == kMaxMessageBytes) return;
    }
    difference.configs[name] = here;
    difference.present[name] = there;
  };
  for (const auto& [name, entry] : source.configs) look_at(name);
  for (const auto& [name, entry] : target.configs)
    if (source.configs.contains(name)) look_at(name);
  return difference;
}

std::string changes_text(const TopicDifference& difference) {
  std::string text;
  for (const auto& [name, value] : difference.configs) {
    const auto present = difference.present.find(name);
    const bool is_set = present != difference.present.end() && present->second;
    if (!text.empty()) text += ", ";
    text += value ? fmt::format("set {}={}", name, *value) : fmt::format("reset {}", name);
    if (is_set) text += fmt::format(" (now {})", *present->second);
  }
  return text;
}

std::string left_alone_text(const TopicDifference& difference) {
  const auto side = [](const std::optional<std::string>& value) {
    return value ? *value : std::string("unknown or unset");
  };
  std::string text;
  for (const auto& [name, value] : difference.configs)
    text += fmt::format("{}{} is {} on the source, {} on the target", text.empty() ? "" : "; ",
                        name, side(value), side(difference.present.at(name)));
  return text;
}

std::string create_text(const TopicDifference& difference) {
  std::string text = fmt::format("create with {} partition{}", difference.partitions,
                                 difference.partitions == 1 ? "" : "s");
  text += difference.replication_factor < 0
              ? ", the target's default replication factor"
              : fmt::format(", replication factor {}", difference.replication_factor);
  for (const auto& [name, value] : difference.configs)
    if (value) text += fmt::format(", {}={}", name, *value);
  return text;
}

nlohmann::json json_of(const ConfigChanges& changes) {
  auto object = nlohmann::json::object();
  for (const auto& [name, value] : changes)
    object[name] = value ? nlohmann::json(*value) : nlohmann::json(nullptr);
  return object;
}

}  // namespace

std::string_view to_string(TopicDifferenceKind kind) {
  switch (kind) {
    case TopicDifferenceKind::kCreate:
      return "create";
    case TopicDifferenceKind::kAddPartitions:
      return "add_partitions";
    case TopicDifferenceKind::kConfigs:
      return "configs";
    case TopicDifferenceKind::kMorePartitions:
      return "more_partitions";
    case TopicDifferenceKind::kNotSynced:
      return "not_synced";
  }
  return "unknown";
}

bool is_warning(const TopicDifference& difference) {
  return difference.kind == TopicDifferenceKind::kMorePartitions ||
         difference.kind == TopicDifferenceKind::kNotSynced;
}

std::string to_text(const TopicDifference& difference) {
  std::string what;
  switch (difference.kind) {
    case TopicDifferenceKind::kCreate:
      what = create_text(difference);
      break;
    case TopicDifferenceKind::kAddPartitions:
      what = fmt::format("add partitions: {} instead of {}", difference.partitions,
                         difference.target_partitions);
      break;
    case TopicDifferenceKind::kConfigs:
      what = changes_text(difference);
      break;
    case TopicDifferenceKind::kMorePartitions:
      what = fmt::format("has {} partitions on the target, {} on the source: the others stay empty",
                         difference.target_partitions, difference.partitions);
      break;
    case TopicDifferenceKind::kNotSynced:
      what = "left alone: " + left_alone_text(difference);
      break;
  }
  return escape_control(fmt::format("topic {}: {}", difference.target, what));
}

nlohmann::json to_json(const TopicDifference& difference) {
  nlohmann::json json{{"kind", to_string(difference.kind)},
                      {"warning", is_warning(difference)},
                      {"source_topic", difference.source.value()},
                      {"target_topic", difference.target.value()},
                      {"text", to_text(difference)}};
  if (difference.kind == TopicDifferenceKind::kCreate)
    json["replication_factor"] = difference.replication_factor;
  if (difference.kind == TopicDifferenceKind::kConfigs ||
      difference.kind == TopicDifferenceKind::kNotSynced) {
    json["present_configs"] = json_of(difference.present);
  } else {
    json["partitions"] = difference.partitions;
    json["target_partitions"] = difference.target_partitions;
  }
  if (!difference.configs.empty()) json["configs"] = json_of(difference.configs);
  return json;
}

bool is_held_back(const std::string& config) {
  return std::ranges::find(kChangesRecords, config) != kChangesRecords.end() ||
         std::ranges::find(kNamesBrokers, config) != kNamesBrokers.end();
}

ConfigValues creation_configs(const TopicState& source, const TargetDefaults& target) {
  ConfigValues configs{{kCleanupPolicy, "delete"},
                       {"retention.ms", "-1"},
                       {"retention.bytes", "-1"},
                       {"message.timestamp.type", "CreateTime"}};
  // 4.0 refuses timestamps an hour ahead (KIP-937), which older brokers took.
  for (const char* const limit :
       {"message.timestamp.after.max.ms", "message.timestamp.before.max.ms",
        "message.timestamp.difference.max.ms"}) {
    const auto by_default = default_of(target, limit);
    if (by_default ? *by_default != kLongest : target.known_configs.contains(limit))
      configs[limit] = kLongest;
  }
  if (const auto needed = needed_max_message_bytes(source, default_of(target, kMaxMessageBytes)))
    configs[kMaxMessageBytes] = *needed;
  return configs;
}

ConfigValues final_configs(const FlowSettings& flow, const TopicState& source,
                           const TargetDefaults& target,
                           const std::optional<std::string>& target_max_message_bytes) {
  ConfigValues configs;
  for (const auto& [name, entry] : source.configs)
    if (entry.source == ConfigSource::kTopic && entry.value && !entry.sensitive &&
        is_synced(flow, name) && is_known(target, name))
      configs[name] = *entry.value;
  if (const auto needed = needed_max_message_bytes(source, target_max_message_bytes))
    configs[kMaxMessageBytes] = *needed;
  return configs;
}

std::optional<TopicDifference> finalise(const FlowSettings& flow, const TopicName& source_topic,
                                        const TopicState& source, const TopicState& target,
                                        const TargetDefaults& defaults) {
  if (source.configs.empty() || target.configs.empty()) return std::nullopt;
  TopicDifference difference = config_difference(
      flow, source, target, wanted_of(flow, source, target, defaults), is_temporary);
  if (difference.configs.empty()) return std::nullopt;
  difference.source = source_topic;
  difference.target = target_topic(flow, source_topic);
  return difference;
}

std::vector<TopicDifference> compare_topics(const FlowSettings& flow, const TopicStates& source,
                                            const TopicStates& target,
                                            const TargetDefaults& defaults,
                                            const std::set<TopicName>& unfinished) {
  std::vector<TopicDifference> differences;
  for (const auto& [name, here] : source) {
    const TopicName there_name = target_topic(flow, name);
    const auto add = [&](TopicDifference difference) {
      difference.source = name;
      difference.target = there_name;
      differences.push_back(std::move(difference));
    };
    const auto found = target.find(there_name);
    if (found == target.end()) {
      TopicDifference create{.kind = TopicDifferenceKind::kCreate,
                             .partitions = here.partitions,
                             .replication_factor = flow.replication_factor,
                             .creation_configs = creation_configs(here, defaults)};
      for (const auto& [config, value] :
           final_configs(flow, here, defaults, default_of(defaults, kMaxMessageBytes)))
        create.configs[config] = value;
      add(std::move(create));
      continue;
    }
    const TopicState& there = found->second;
    if (here.partitions != there.partitions)
      add({.kind = here.partitions > there.partitions ? TopicDifferenceKind::kAddPartitions
                                                      : TopicDifferenceKind::kMorePartitions,
           .partitions = here.partitions,
           .target_partitions = there.partitions});
    if (unfinished.contains(there_name) || here.configs.empty() || there.configs.empty()) continue;
    const TopicDifference configs =
        config_difference(flow, here, there, wanted_of(flow, here, there, defaults),
                          [](const std::string&) { return false; });
    if (!configs.configs.empty()) add(configs);
    if (TopicDifference left = left_alone(flow, here, there, configs.configs);
        !left.configs.empty())
      add(std::move(left));
  }
  return differences;
}

}  // namespace kferry::replicate
