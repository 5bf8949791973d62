#include "replicate/wire_sink.h"

#include <algorithm>
#include <map>

#include "wire/error_code.h"
#include "wire/messages/produce.h"
#include "wire/messages/transactions.h"

namespace kferry::replicate {
namespace {

using wire::ProduceRequest;
using wire::WriteTxnMarkersRequest;

// How long the leader may wait for its followers; and we a little longer for the leader.
constexpr int32_t kReplicationTimeoutMs = 30'000;
constexpr Duration kAnswerTimeout{40'000};

}  // namespace

Result<> WireSink::send(const std::vector<BatchToSend>& batches, const Wait& wait) {
  // Format 2 came with version 3 (0.11).
  KFERRY_TRY(const int16_t version, broker_.version_of<ProduceRequest>({3, 11}));
  std::map<TopicName, ProduceRequest::Topic> topics;
  for (const BatchToSend& one : batches) {
    ProduceRequest::Topic& topic = topics[one.partition.topic];
    topic.name = one.partition.topic;
    topic.partition_data.push_back({one.partition.partition, wire::Records{one.batch}});
  }
  ProduceRequest request;
  request.acks = ProduceRequest::kAllInSyncReplicas;
  request.timeout_ms = kReplicationTimeoutMs;
  for (auto& [name, topic] : topics) request.topic_data.push_back(std::move(topic));
  KFERRY_CHECK(broker_.post(request, version, wait.at_most(kAnswerTimeout)));
  unanswered_.push_back({.kind = Kind::kBatches, .version = version});
  return {};
}

Result<> WireSink::fill(const std::vector<GapToFill>& gaps, const Wait& wait) {
  if (!markers_refused_ || !transactions_) return fill_with_markers(gaps, wait);
  unanswered_.push_back({.kind = Kind::kTransactions, .acks = transactions_->fill(gaps, wait)});
  return {};
}

Result<> WireSink::fill_with_markers(const std::vector<GapToFill>& gaps, const Wait& wait) {
  KFERRY_TRY(const int16_t version, broker_.version_of<WriteTxnMarkersRequest>());
  WriteTxnMarkersRequest request;
  const int32_t most = std::ranges::max_element(gaps, {}, &GapToFill::count)->count;
  for (int32_t i = 0; i < most; ++i) {
    WriteTxnMarkersRequest::Marker& marker = request.markers.emplace_back();
    marker.producer_id = markers_.producer_id;
    marker.producer_epoch = markers_.producer_epoch;
    marker.coordinator_epoch = markers_.coordinator_epoch;
    for (const GapToFill& gap : gaps) {
      if (gap.count <= i) continue;
      const auto topic = std::ranges::find(marker.topics, gap.partition.topic,
                                           &WriteTxnMarkersRequest::Topic::name);
      if (topic == marker.topics.end())
        marker.topics.push_back({gap.partition.topic, {gap.partition.partition}});
      else
        topic->partition_indexes.push_back(gap.partition.partition);
    }
  }
  KFERRY_CHECK(broker_.post(request, version, wait.at_most(kAnswerTimeout)));
  unanswered_.push_back({.kind = Kind::kMarkers, .version = version});
  return {};
}

Result<std::vector<Ack>> WireSink::take_answer(const Wait& wait) {
  if (unanswered_.empty()) return fail(ErrorKind::kFailed, "no request is waiting for an answer");
  Unanswered oldest = std::move(unanswered_.front());
  unanswered_.pop_front();
  const Wait bounded = wait.at_most(kAnswerTimeout);
  switch (oldest.kind) {
    case Kind::kBatches:
      return take_produced(oldest.version, bounded);
    case Kind::kMarkers:
      return take_markers(oldest.version, bounded);
    case Kind::kTransactions:
      break;
  }
  return std::move(oldest.acks);
}

Result<std::vector<Ack>> WireSink::take_produced(int16_t version, const Wait& wait) {
  KFERRY_TRY(const auto held, broker_.take<ProduceRequest>(version, wait));
  std::vector<Ack> acks;
  for (const auto& topic : held.response.responses)
    for (const auto& one : topic.partition_responses)
      acks.push_back({{topic.name, one.index},
                      one.error_code,
                      TargetOffset(one.base_offset),
                      one.error_message.value_or("")});
  return acks;
}

Result<std::vector<Ack>> WireSink::take_markers(int16_t version, const Wait& wait) {
  KFERRY_TRY(const auto held, broker_.take<WriteTxnMarkersRequest>(version, wait));
  std::map<TopicPartition, int16_t> codes;
  for (const auto& marker : held.response.markers)
    for (const auto& topic : marker.topics)
      for (const auto& one : topic.partitions) {
        int16_t& code = codes[{topic.name, one.partition_index}];
        if (code == wire::kNone) code = one.error_code;
        markers_refused_ = markers_refused_ || code == wire::kClusterAuthorizationFailed;
        // A connection with a higher coordinator epoch was here: ours is to be opened anew.
        if (one.error_code == wire::kTransactionCoordinatorFenced)
          return std::unexpected(wire::kafka_error(one.error_code, "filling a gap"));
      }
  std::vector<Ack> acks;
  for (const auto& [partition, code] : codes) acks.push_back({partition, code, {}, {}});
  return acks;
}

}  // namespace kferry::replicate
