#include "replicate/head_filler.h"

#include <algorithm>

#include "wire/error_code.h"
#include "wire/messages/produce.h"

namespace kferry::replicate {
namespace {

// A batch must stay below the default of max.message.bytes, 1,048,588.
constexpr int64_t kZstdFillers = 1'000'000;
constexpr int64_t kGzipFillers = 200'000;
constexpr int16_t kWithZstd = 7;  // Produce (KIP-110)
constexpr int32_t kReplicationTimeoutMs = 30'000;
constexpr size_t kPartitionsPerRequest = 16;
// Not later than any real record.
constexpr int64_t kTimestamp = 0;

}  // namespace

std::map<TopicPartition, Result<TargetOffset>> HeadFiller::round(
    const wire::ClusterMetadata& metadata, const std::vector<ToFill>& work, const Wait& wait) {
  std::map<TopicPartition, Result<TargetOffset>> results;
  std::map<BrokerId, std::vector<ToFill>> by_leader;
  for (const ToFill& one : work) {
    results.emplace(one.partition, std::unexpected(wire::kafka_error(
                                       wire::kLeaderNotAvailable,
                                       fmt::format("filling {} on the target", one.partition))));
    const auto topic = metadata.topics.find(one.partition.topic);
    if (topic == metadata.topics.end()) continue;
    const auto partition = topic->second.partitions.find(one.partition.partition);
    if (partition != topic->second.partitions.end() && partition->second.leader.value() >= 0)
      by_leader[partition->second.leader].push_back(one);
  }
  for (const auto& [leader, led] : by_leader) {
    const auto broker = target_.broker(leader, wait);
    for (size_t begin = 0; begin < led.size(); begin += kPartitionsPerRequest) {
      const std::vector<ToFill> piece(
          led.begin() + static_cast<std::ptrdiff_t>(begin),
          led.begin() +
              static_cast<std::ptrdiff_t>(std::min(led.size(), begin + kPartitionsPerRequest)));
      auto asked = broker ? ask_leader(**broker, piece, wait)
                          : Result<std::map<TopicPartition, Result<TargetOffset>>>(
                                std::unexpected(broker.error()));
      for (const ToFill& one : piece) {
        if (!asked)
          results.at(one.partition) = std::unexpected(asked.error());
        else if (const auto found = asked->find(one.partition); found != asked->end())
          results.at(one.partition) = found->second;
      }
    }
  }
  return results;
}

Result<std::map<TopicPartition, Result<TargetOffset>>> HeadFiller::ask_leader(
    wire::Broker& leader, const std::vector<ToFill>& work, const Wait& wait) {
  KFERRY_TRY(const int16_t version, leader.version_of<wire::ProduceRequest>({3, 11}));
  const bool zstd = version >= kWithZstd;
  std::vector<std::string> batches;
  std::map<TopicPartition, int64_t> counts;
  batches.reserve(work.size());
  wire::ProduceRequest request;
  request.acks = wire::ProduceRequest::kAllInSyncReplicas;
  request.timeout_ms = kReplicationTimeoutMs;
  for (const ToFill& one : work) {
    const int64_t count =
        std::min(one.to.value() - one.end.value(), zstd ? kZstdFillers : kGzipFillers);
    const int32_t sequence = wire::advance_sequence(0, one.end.value());
    KFERRY_TRY(std::string batch,
               wire::encode_filler(static_cast<int32_t>(count), kTimestamp,
                                   zstd ? wire::Codec::kZstd : wire::Codec::kGzip,
                                   {filler_id_, filler_epoch_, sequence}));
    batches.push_back(std::move(batch));
    counts[one.partition] = count;
    auto& topics = request.topic_data;
    auto topic = std::ranges::find(topics, one.partition.topic, &wire::ProduceRequest::Topic::name);
    if (topic == topics.end()) topic = topics.insert(topics.end(), {one.partition.topic, {}});
    topic->partition_data.push_back({one.partition.partition, wire::Records{batches.back()}});
  }
  KFERRY_TRY(const auto response, leader.call(request, version, wait));
  std::map<TopicPartition, Result<TargetOffset>> results;
  for (const auto& topic : response.responses)
    for (const auto& one : topic.partition_responses) {
      const TopicPartition partition{topic.name, one.index};
      const auto count = counts.find(partition);
      if (count == counts.end()) continue;
      if (one.error_code != wire::kNone)
        results.emplace(partition,
                        std::unexpected(wire::kafka_error(
                            one.error_code, fmt::format("filling {} on the target", partition))));
      else
        results.emplace(partition, TargetOffset(one.base_offset + count->second));
    }
  return results;
}

}  // namespace kferry::replicate
