#include "kafkaio/compacted_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "kafkaio/topic_admin.h"

namespace kferry::kafkaio {
namespace {

constexpr size_t kMostAtOnce = 10'000;
// UNKNOWN_TOPIC_OR_PARTITION.
constexpr int kUnknownTopic = 3;
constexpr Duration kSlice{200};

bool reached(const Consumer::Positions& positions, const Consumer::Positions& ends) {
  return std::ranges::all_of(ends, [&](const auto& end) {
    const auto at = positions.find(end.first);
    return end.second <= Offset(0) || (at != positions.end() && at->second >= end.second);
  });
}

}  // namespace

Result<CompactedReader> CompactedReader::open(const ClientProperties& properties,
                                              const std::vector<TopicPartition>& partitions) {
  Consumer::Positions start;
  for (const TopicPartition& partition : partitions) start[partition] = Consumer::kBeginning;
  KFERRY_TRY(Consumer consumer, Consumer::open(properties, start));
  return CompactedReader(std::move(consumer));
}

Result<CompactedReader> CompactedReader::open(const ClientProperties& properties,
                                              const TopicName& topic, const Wait& wait) {
  KFERRY_TRY(TopicAdmin admin, TopicAdmin::connect(properties));
  KFERRY_TRY(const auto counts, admin.partition_counts(wait));
  const auto found = counts.find(topic);
  if (found == counts.end())
    return std::unexpected(Error{ErrorKind::kFailed,
                                 fmt::format("reading topic {} from {}: it does not exist", topic,
                                             properties.bootstrap_servers),
                                 "", kUnknownTopic});
  std::vector<TopicPartition> partitions;
  for (int32_t i = 0; i < found->second; ++i) partitions.push_back({topic, Partition(i)});
  return open(properties, partitions);
}

Result<> CompactedReader::catch_up(const Wait& wait) {
  KFERRY_TRY(const Consumer::Positions ends, consumer_.end_offsets(wait));
  while (!reached(consumer_.positions(), ends)) {
    // The consumer tells that a log's end was reached by its position alone: not for long.
    KFERRY_CHECK(poll(kMostAtOnce, wait.at_most(kSlice)));
    if (wait.deadline().expired() && !reached(consumer_.positions(), ends))
      return fail(ErrorKind::kUnreachable,
                  fmt::format("reading {}: not at its end yet after {} entries",
                              ends.begin()->first.topic, entries_.size()));
  }
  return {};
}

Result<std::vector<CompactedReader::Change>> CompactedReader::poll(size_t most, const Wait& wait) {
  std::vector<Change> changes;
  KFERRY_TRY(std::vector<Record> records, consumer_.poll(most, wait));
  for (Record& record : records) {
    if (!record.key) continue;
    if (record.value)
      entries_[*record.key] = *record.value;
    else
      entries_.erase(*record.key);
    changes.push_back({std::move(*record.key), std::move(record.value)});
  }
  return changes;
}

}  // namespace kferry::kafkaio
