#include "replicate/topic_keeper.h"

#include <fmt/format.h>

namespace kferry::replicate {

std::set<TopicName> TopicKeeper::select(const wire::ClusterMetadata& source) const {
  std::set<TopicName> selected;
  for (const auto& [topic, info] : source.topics)
    if (!is_internal_topic(topic) && flow_.topics.selects(topic.value())) selected.insert(topic);
  return selected;
}

Result<bool> TopicKeeper::keep(const wire::ClusterMetadata& source,
                               const wire::ClusterMetadata& target, const Wait& wait) {
  std::vector<kafkaio::NewTopic> missing;
  for (const TopicName& topic : select(source)) {
    const TopicName on_target = target_topic(flow_, topic);
    if (target.topics.contains(on_target)) continue;
    missing.push_back(
        {.name = on_target,
         .partitions = static_cast<int32_t>(source.topics.at(topic).partitions.size()),
         .replication_factor = flow_.replication_factor,
         .configs = {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}}});
  }
  if (missing.empty()) return false;
  KFERRY_TRY(const auto created, target_.create(missing, wait));
  for (const auto& [topic, result] : created)
    if (!result && result.error().kafka_code != kafkaio::kTopicAlreadyExistsCode)
      troubles_.set(fmt::format("topic {}", topic), result.error().message);
  return true;
}

}  // namespace kferry::replicate
