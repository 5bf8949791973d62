#include "migrate/recent_log_ranges.h"

#include <set>

#include "wire/error_code.h"

namespace kferry::migrate {

RecentLogRanges::Ranges RecentLogRanges::known(
    const std::vector<TopicPartition>& partitions) const {
  const auto oldest = std::chrono::steady_clock::now() - good_for_;
  Ranges ranges;
  const std::lock_guard lock(mutex_);
  for (const TopicPartition& partition : partitions)
    if (const auto found = answers_.find(partition);
        found != answers_.end() && found->second.at > oldest)
      ranges.emplace(partition, found->second.range);
  return ranges;
}

Result<std::map<TopicPartition, wire::LogRange>> RecentLogRanges::get(
    wire::Cluster& cluster, const std::vector<TopicPartition>& partitions, const Wait& wait) {
  Ranges ranges = known(partitions);
  std::vector<TopicPartition> open;
  std::set<TopicName> topics;
  for (const TopicPartition& partition : partitions) {
    if (ranges.contains(partition)) continue;
    open.push_back(partition);
    topics.insert(partition.topic);
  }
  if (open.empty()) return ranges;
  const auto now = std::chrono::steady_clock::now();
  KFERRY_TRY(const auto metadata,
             cluster.fetch_metadata(std::vector<TopicName>(topics.begin(), topics.end()), wait));
  KFERRY_TRY(auto asked, wire::fetch_log_ranges(cluster, metadata, open, wait));
  const std::lock_guard lock(mutex_);
  for (const auto& [partition, range] : asked)
    if (range.error_code == wire::kNone) answers_.insert_or_assign(partition, Answer{range, now});
  ranges.merge(asked);
  return ranges;
}

}  // namespace kferry::migrate
