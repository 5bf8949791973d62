#include "wire/log_range.h"

#include <set>

#include "base/backoff.h"
#include "wire/error_code.h"
#include "wire/messages/list_offsets.h"

namespace kferry::wire {
namespace {

using Ranges = std::map<TopicPartition, LogRange>;

ListOffsetsRequest make_request(const std::vector<TopicPartition>& partitions, int64_t timestamp) {
  ListOffsetsRequest request;
  std::map<TopicName, size_t> index;
  for (const auto& [topic, partition] : partitions) {
    const auto [at, is_new] = index.emplace(topic, request.topics.size());
    if (is_new) request.topics.push_back({topic, {}});
    request.topics[at->second].partitions.push_back(
        {.partition_index = partition, .timestamp = timestamp});
  }
  return request;
}

Result<> ask_leader(Broker& broker, const std::vector<TopicPartition>& partitions, bool earliest,
                    Ranges& ranges, const Wait& wait) {
  const int64_t timestamp = earliest ? ListOffsetsRequest::kEarliest : ListOffsetsRequest::kLatest;
  KFERRY_TRY(const ListOffsetsResponse response,
             broker.call(make_request(partitions, timestamp), wait));
  std::set<TopicPartition> missing(partitions.begin(), partitions.end());
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition tp{topic.name, partition.partition_index};
      if (missing.erase(tp) == 0) continue;
      LogRange& range = ranges[tp];
      if (partition.error_code != kNone) range.error_code = partition.error_code;
      const int64_t offset = partition.old_style_offsets.empty()
                                 ? partition.offset
                                 : partition.old_style_offsets.front();
      (earliest ? range.start : range.end) = Offset(offset);
      if (offset < 0 && range.error_code == kNone) range.error_code = kUnknownServerError;
    }
  }
  for (const TopicPartition& tp : missing) ranges[tp].error_code = kUnknownServerError;
  return {};
}

bool leader_has_moved(int16_t code) {
  return code == kNotLeaderOrFollower || code == kLeaderNotAvailable || code == kFencedLeaderEpoch;
}

}  // namespace

Result<Ranges> fetch_log_ranges(Cluster& cluster, const ClusterMetadata& metadata,
                                const std::vector<TopicPartition>& partitions, const Wait& wait) {
  Ranges ranges;
  std::vector<TopicPartition> open = partitions;
  ClusterMetadata current = metadata;
  bool first_round = true;
  const auto round = [&]() -> Result<> {
    if (!std::exchange(first_round, false)) {
      KFERRY_TRY(current, cluster.fetch_metadata(std::nullopt, wait));
    }
    std::map<BrokerId, std::vector<TopicPartition>> by_leader;
    for (const TopicPartition& tp : open) {
      ranges[tp] = LogRange{};
      const auto topic = current.topics.find(tp.topic);
      const auto* const info = topic == current.topics.end() ? nullptr : &topic->second;
      if (info == nullptr || !info->partitions.contains(tp.partition)) {
        ranges[tp].error_code = kUnknownTopicOrPartition;
      } else if (const BrokerId leader = info->partitions.at(tp.partition).leader;
                 leader.value() < 0) {
        ranges[tp].error_code = kLeaderNotAvailable;
      } else {
        by_leader[leader].push_back(tp);
      }
    }
    for (const auto& [leader, led] : by_leader) {
      KFERRY_TRY(Broker* const broker, cluster.broker(leader, wait));
      KFERRY_CHECK(ask_leader(*broker, led, true, ranges, wait));
      KFERRY_CHECK(ask_leader(*broker, led, false, ranges, wait));
    }
    std::erase_if(
        open, [&](const TopicPartition& tp) { return !leader_has_moved(ranges[tp].error_code); });
    if (open.empty()) return {};
    return std::unexpected(
        kafka_error(kLeaderNotAvailable, fmt::format("finding the log range of {}", open.front())));
  };
  // A partition that stays without a leader is reported with its code, it does not fail the others.
  const auto done = with_retry({}, wait.at_most(Duration(10'000)), round, [](const Error& error) {
    return error.kind == ErrorKind::kUnreachable;
  });
  if (!done && done.error().kafka_code != kLeaderNotAvailable) return std::unexpected(done.error());
  return ranges;
}

}  // namespace kferry::wire
