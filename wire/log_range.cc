#include "wire/log_range.h"

#include <optional>
#include <set>

#include "base/backoff.h"
#include "wire/error_code.h"
#include "wire/messages/fetch.h"
#include "wire/messages/list_offsets.h"

namespace kferry::wire {
namespace {

using Ranges = std::map<TopicPartition, LogRange>;

constexpr int16_t kWithIsolation = 2;

ListOffsetsRequest make_request(const std::vector<TopicPartition>& partitions, int64_t timestamp,
                                LogEnd log_end) {
  ListOffsetsRequest request;
  if (log_end == LogEnd::kLastStable) request.isolation_level = FetchRequest::kReadCommitted;
  std::map<TopicName, size_t> index;
  for (const auto& [topic, partition] : partitions) {
    const auto [at, is_new] = index.emplace(topic, request.topics.size());
    if (is_new) request.topics.push_back({topic, {}});
    request.topics[at->second].partitions.push_back(
        {.partition_index = partition, .timestamp = timestamp});
  }
  return request;
}

Result<> ask_direction(Broker& broker, const std::vector<TopicPartition>& partitions, bool earliest,
                       LogEnd log_end, Ranges& ranges, const Wait& wait) {
  const int64_t timestamp = earliest ? ListOffsetsRequest::kEarliest : ListOffsetsRequest::kLatest;
  KFERRY_TRY(const int16_t version, broker.version_of<ListOffsetsRequest>());
  if (version < kWithIsolation) log_end = LogEnd::kHighWatermark;
  KFERRY_TRY(const ListOffsetsResponse response,
             broker.call(make_request(partitions, timestamp, log_end), version, wait));
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

Result<> ask_leader(Cluster& cluster, BrokerId leader,
                    const std::vector<TopicPartition>& partitions, LogEnd log_end, Ranges& ranges,
                    const Wait& wait) {
  KFERRY_TRY(Broker* const broker, cluster.broker(leader, wait));
  KFERRY_CHECK(ask_direction(*broker, partitions, true, log_end, ranges, wait));
  return ask_direction(*broker, partitions, false, log_end, ranges, wait);
}

// kNone: `leader` can be asked.
int16_t find_leader(const ClusterMetadata& metadata, const TopicPartition& tp, BrokerId& leader) {
  const auto topic = metadata.topics.find(tp.topic);
  if (topic == metadata.topics.end()) return kUnknownTopicOrPartition;
  const auto partition = topic->second.partitions.find(tp.partition);
  if (partition == topic->second.partitions.end())
    return topic->second.error_code == 0 ? int16_t{kUnknownTopicOrPartition}
                                         : topic->second.error_code;
  leader = partition->second.leader;
  return leader.value() < 0 ? kLeaderNotAvailable : kNone;
}

class RangesFinder {
 public:
  RangesFinder(Cluster& cluster, std::vector<TopicPartition> partitions, LogEnd log_end,
               const Wait& wait)
      : cluster_(cluster), log_end_(log_end), wait_(wait), open_(std::move(partitions)) {}

  // Asks once; kLeaderNotAvailable when some must be asked again with newer metadata.
  Result<> round(const ClusterMetadata& metadata) {
    std::vector<TopicPartition> again;
    std::map<BrokerId, std::vector<TopicPartition>> by_leader;
    for (const TopicPartition& tp : open_) {
      BrokerId leader;
      const int16_t code = find_leader(metadata, tp, leader);
      ranges_[tp] = LogRange{{}, {}, code};
      if (code == kNone)
        by_leader[leader].push_back(tp);
      else if (code != kUnknownTopicOrPartition && error_row(code).retriable)
        again.push_back(tp);
    }
    for (const auto& [leader, led] : by_leader) {
      const auto asked = ask_leader(cluster_, leader, led, log_end_, ranges_, wait_);
      if (!asked && asked.error().kind != ErrorKind::kUnreachable) return asked;
      if (!asked) trouble_ = asked.error();
      answered_ = answered_ || asked;
      for (const TopicPartition& tp : led) {
        if (!asked) ranges_[tp] = LogRange{{}, {}, kLeaderNotAvailable};
        // Of a partition that moved away old brokers say that they do not know it.
        if (error_row(ranges_[tp].error_code).retriable) again.push_back(tp);
      }
    }
    open_ = std::move(again);
    if (open_.empty()) return {};
    return std::unexpected(kafka_error(kLeaderNotAvailable,
                                       fmt::format("finding the log range of {}", open_.front())));
  }

  // Once there is nothing left to ask again.
  Result<Ranges> take() {
    if (trouble_ && !answered_) return std::unexpected(std::move(*trouble_));
    return std::move(ranges_);
  }

 private:
  Cluster& cluster_;
  const LogEnd log_end_;
  const Wait wait_;
  std::vector<TopicPartition> open_;
  Ranges ranges_;
  bool answered_ = false;         // by any leader
  std::optional<Error> trouble_;  // of a leader that cannot be reached
};

}  // namespace

Result<Ranges> fetch_log_ranges(Cluster& cluster, const ClusterMetadata& metadata,
                                const std::vector<TopicPartition>& partitions, const Wait& wait,
                                LogEnd log_end) {
  RangesFinder finder(cluster, partitions, log_end, wait);
  bool first_round = true;
  const auto round = [&]() -> Result<> {
    if (std::exchange(first_round, false)) return finder.round(metadata);
    KFERRY_TRY(const ClusterMetadata newer, cluster.fetch_metadata(std::nullopt, wait));
    return finder.round(newer);
  };
  const auto done = with_retry({}, wait.at_most(Duration(10'000)), round, [](const Error& error) {
    return error.kind == ErrorKind::kUnreachable;
  });
  if (!done) KFERRY_CHECK(wait.stop().check("asking where the logs start and end"));
  // A partition that stays without a leader is reported with its code, it does not fail the others.
  if (!done && done.error().kafka_code != kLeaderNotAvailable) return std::unexpected(done.error());
  return finder.take();
}

}  // namespace kferry::wire
