#include "replicate/topic_sync_apply.h"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "wire/topic_configs.h"

namespace kferry::replicate {
namespace {

using kafkaio::ByTopic;
using kafkaio::ConfigChanges;
using kafkaio::NewTopic;
using kafkaio::TopicAdmin;

// A broker's name for the default of a topic's config (Kafka: ServerTopicConfigSynonyms).
constexpr std::array<std::pair<const char*, const char*>, 5> kBrokersNames{{
    {"message.max.bytes", "max.message.bytes"},
    {"log.message.timestamp.type", "message.timestamp.type"},
    {"log.message.timestamp.difference.max.ms", "message.timestamp.difference.max.ms"},
    {"log.message.timestamp.before.max.ms", "message.timestamp.before.max.ms"},
    {"log.message.timestamp.after.max.ms", "message.timestamp.after.max.ms"},
}};

template <class Map>
ByTopic<void> success_of(const Map& map) {
  ByTopic<void> results;
  for (const auto& [topic, ignored] : map) results.emplace(topic, Result<>());
  return results;
}

Result<> outcome_of(const ByTopic<void>& results, const TopicDifference& difference) {
  const auto found = results.find(difference.target);
  if (found == results.end())
    return fail(ErrorKind::kFailed,
                fmt::format("topic {}: the target said nothing of it", difference.target));
  if (!found->second && found->second.error().kafka_code == kafkaio::kTopicAlreadyExistsCode)
    return {};
  return found->second;
}

}  // namespace

TopicChanger::Outcome AdminTopicChanger::create(const std::vector<NewTopic>& topics,
                                                const Wait& wait) {
  return admin_.create(topics, wait);
}
TopicChanger::Outcome AdminTopicChanger::grow(const std::map<TopicName, int32_t>& partitions,
                                              const Wait& wait) {
  return admin_.grow(partitions, wait);
}
TopicChanger::Outcome AdminTopicChanger::change_configs(
    const std::map<TopicName, ConfigChanges>& changes, const Wait& wait) {
  KFERRY_TRY(auto changed, wire::change_topic_configs(cluster_, changes, wait));
  if (changed) return std::move(*changed);
  return admin_.change_configs(changes, wait);
}

TopicChanger::Outcome NoTopicChanger::create(const std::vector<NewTopic>& topics, const Wait&) {
  ByTopic<void> results;
  for (const NewTopic& topic : topics) results.emplace(topic.name, Result<>());
  return results;
}
TopicChanger::Outcome NoTopicChanger::grow(const std::map<TopicName, int32_t>& partitions,
                                           const Wait&) {
  return success_of(partitions);
}
TopicChanger::Outcome NoTopicChanger::change_configs(
    const std::map<TopicName, ConfigChanges>& changes, const Wait&) {
  return success_of(changes);
}

Result<std::vector<AppliedDifference>> apply(const std::vector<TopicDifference>& differences,
                                             TopicChanger& changer, const Wait& wait) {
  std::vector<NewTopic> new_topics;
  std::map<TopicName, int32_t> partitions;
  std::map<TopicName, ConfigChanges> changes;
  for (const TopicDifference& one : differences) {
    if (one.kind == TopicDifferenceKind::kCreate)
      new_topics.push_back(
          {one.target, one.partitions, one.replication_factor, one.creation_configs});
    if (one.kind == TopicDifferenceKind::kAddPartitions) partitions[one.target] = one.partitions;
    if (one.kind == TopicDifferenceKind::kConfigs) changes[one.target] = one.configs;
  }
  std::map<TopicDifferenceKind, ByTopic<void>> results;
  if (!new_topics.empty()) {
    KFERRY_TRY(results[TopicDifferenceKind::kCreate], changer.create(new_topics, wait));
  }
  if (!partitions.empty()) {
    KFERRY_TRY(results[TopicDifferenceKind::kAddPartitions], changer.grow(partitions, wait));
  }
  if (!changes.empty()) {
    KFERRY_TRY(results[TopicDifferenceKind::kConfigs], changer.change_configs(changes, wait));
  }
  std::vector<AppliedDifference> applied;
  for (const TopicDifference& one : differences)
    applied.push_back({one, is_warning(one) ? Result<>() : outcome_of(results[one.kind], one)});
  return applied;
}

bool is_mirrored(const FlowSettings& flow, const TopicName& source_topic) {
  return !is_internal_topic(source_topic) && flow.topics.selects(source_topic.value());
}

Result<TopicsRead> read_topics(TopicAdmin& admin,
                               const std::function<bool(const TopicName&)>& selects,
                               const Wait& wait) {
  KFERRY_TRY(const auto counts, admin.partition_counts(wait));
  std::vector<TopicName> names;
  for (const auto& [topic, partitions] : counts)
    if (selects(topic)) names.push_back(topic);
  KFERRY_TRY(auto configs, admin.configs(names, wait));
  TopicsRead read;
  for (auto& [topic, its_configs] : configs) {
    TopicState& state = read.topics[topic];
    state.partitions = counts.at(topic);
    if (its_configs)
      state.configs = std::move(*its_configs);
    else
      read.unread.emplace(topic, std::move(its_configs).error());
  }
  return read;
}

Result<TargetDefaults> read_target_defaults(TopicAdmin& admin, const TopicStates& topics,
                                            const Wait& wait) {
  TargetDefaults defaults;
  if (!topics.empty())
    for (const auto& [name, entry] : topics.begin()->second.configs)
      defaults.known_configs.insert(name);
  const auto broker = admin.any_broker_configs(wait);
  // Managed clusters deny this.
  if (!broker && broker.error().kind != ErrorKind::kNotAuthorised &&
      broker.error().kind != ErrorKind::kFailed)
    return std::unexpected(broker.error());
  if (!broker) return defaults;
  for (const auto& [brokers_name, topics_name] : kBrokersNames) {
    const auto found = broker->find(brokers_name);
    if (found != broker->end() && found->second.value)
      defaults.values[topics_name] = *found->second.value;
  }
  return defaults;
}

}  // namespace kferry::replicate
