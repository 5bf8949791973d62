#include "replicate/target_log.h"

#include <algorithm>

#include "wire/error_code.h"
#include "wire/messages/fetch.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/producer_state.h"
#include "wire/record_batch.h"

namespace kferry::replicate {
namespace {

using Ends = std::map<TopicPartition, TargetEnds>;

// Answers in time for the largest broker.
constexpr size_t kPartitionsPerRequest = 2'000;
constexpr int32_t kScanBytes = 4 * 1024 * 1024;
constexpr int16_t kLastByName = 12;  // Fetch: later versions name topics by id

template <class Topic>
Topic& topic_of(std::vector<Topic>& topics, const TopicName& name) {
  if (topics.empty() || topics.back().name != name) {
    topics.emplace_back();
    topics.back().name = name;
  }
  return topics.back();
}

// The partitions of one leader, asked about in pieces.
class LeaderQuery {
 public:
  LeaderQuery(wire::Broker& broker, std::span<const TopicPartition> partitions, Ends& ends,
              const Wait& wait)
      : broker_(broker), partitions_(partitions), ends_(ends), wait_(wait) {}

  Result<> run(int64_t producer_id) {
    if (broker_.speaks<wire::DescribeProducersRequest>()) KFERRY_CHECK(ask_producers(producer_id));
    KFERRY_CHECK(ask_offsets(wire::ListOffsetsRequest::kLatest, -2, &TargetEnds::end));
    KFERRY_CHECK(ask_offsets(wire::ListOffsetsRequest::kLatest, -1, &TargetEnds::committed));
    KFERRY_CHECK(ask_offsets(wire::ListOffsetsRequest::kEarliest, -1, &TargetEnds::start));
    // A leader that answers a debugging replica like any consumer gives the high watermark.
    for (const TopicPartition& one : partitions_) {
      TargetEnds& found = ends_[one];
      found.end = std::max(found.end, found.committed);
    }
    return {};
  }

 private:
  Result<> ask_producers(int64_t producer_id) {
    wire::DescribeProducersRequest request;
    for (const TopicPartition& one : partitions_)
      topic_of(request.topics, one.topic).partition_indexes.push_back(one.partition);
    KFERRY_TRY(const auto response, broker_.call(request, wait_));
    for (const auto& topic : response.topics)
      for (const auto& one : topic.partitions) {
        TargetEnds& found = ends_[{topic.name, one.partition_index}];
        // Needs READ on the topic; without it the log is read instead.
        if (one.error_code != wire::kNone && one.error_code != wire::kTopicAuthorizationFailed)
          found.error_code = one.error_code;
        for (const auto& producer : one.active_producers)
          if (producer.producer_id == producer_id && producer.last_sequence >= 0)
            found.last_sequence = producer.last_sequence;
      }
    return {};
  }

  // `replica` -2 is a debugging one, which is told of the log's end (Kafka: KafkaApis); -1 is a
  // consumer, which is told of the high watermark.
  Result<> ask_offsets(int64_t timestamp, int32_t replica, TargetOffset TargetEnds::*field) {
    wire::ListOffsetsRequest request;
    request.replica_id = replica;
    for (const TopicPartition& one : partitions_)
      topic_of(request.topics, one.topic)
          .partitions.push_back({.partition_index = one.partition, .timestamp = timestamp});
    KFERRY_TRY(const auto response, broker_.call(request, wait_));
    for (const auto& topic : response.topics)
      for (const auto& one : topic.partitions) {
        TargetEnds& found = ends_[{topic.name, one.partition_index}];
        if (one.error_code != wire::kNone) found.error_code = one.error_code;
        const int64_t offset =
            one.old_style_offsets.empty() ? one.offset : one.old_style_offsets.front();
        found.*field = TargetOffset(offset);
      }
    return {};
  }

  wire::Broker& broker_;
  const std::span<const TopicPartition> partitions_;
  Ends& ends_;
  const Wait& wait_;
};

}  // namespace

Result<Ends> read_target_ends(wire::Cluster& target, const wire::ClusterMetadata& metadata,
                              const std::vector<TopicPartition>& partitions, int64_t producer_id,
                              const Wait& wait) {
  Ends ends;
  std::map<BrokerId, std::vector<TopicPartition>> by_leader;
  for (const TopicPartition& one : partitions) {
    ends[one].error_code = wire::kLeaderNotAvailable;
    const auto topic = metadata.topics.find(one.topic);
    if (topic == metadata.topics.end()) continue;
    const auto partition = topic->second.partitions.find(one.partition);
    if (partition == topic->second.partitions.end() || partition->second.leader.value() < 0)
      continue;
    by_leader[partition->second.leader].push_back(one);
  }
  std::optional<Error> trouble;
  size_t answered = 0;
  for (auto& [leader, led] : by_leader) {
    std::ranges::sort(led);
    const auto broker = target.broker(leader, wait);
    for (size_t begin = 0; broker && begin < led.size(); begin += kPartitionsPerRequest) {
      const auto piece =
          std::span(led).subspan(begin, std::min(kPartitionsPerRequest, led.size() - begin));
      for (const TopicPartition& one : piece) ends[one].error_code = wire::kNone;
      const auto asked = LeaderQuery(**broker, piece, ends, wait).run(producer_id);
      if (asked) {
        ++answered;
        continue;
      }
      trouble = asked.error();
      for (const TopicPartition& one : piece) ends[one].error_code = wire::kLeaderNotAvailable;
      break;
    }
    if (!broker) trouble = broker.error();
  }
  if (trouble && answered == 0) return std::unexpected(*trouble);
  return ends;
}

// The source offset of the record that is the `copied`-th to be copied (as_record), or the first
// one behind the record before it: the two differ where the plan has a hole.
SourceOffset LogScanner::source_of(int64_t copied, bool as_record) const {
  std::pair<int64_t, SourceOffset> last{reference_.copied, reference_.source};
  for (const auto& entry : plan_) {
    const bool counts = as_record ? entry.first <= copied : entry.first < copied;
    if (counts && entry.first >= last.first) last = entry;
  }
  return SourceOffset(last.second.value() + (copied - last.first));
}

void LogScanner::add_ours(int64_t base_offset, int32_t base_sequence, int64_t count) {
  // Sequence numbers wrap; the count does not, and never falls.
  const int64_t ours = scan_.position.copied - ids_.producer.copied_before;
  const auto expected = static_cast<uint32_t>(wire::advance_sequence(0, ours));
  const uint32_t skipped = (static_cast<uint32_t>(base_sequence) - expected) & 0x7fffffff;
  const int64_t copied = scan_.position.copied + skipped;
  const int64_t end = base_offset + count;
  if (identity_ && !shift_is_told_) {
    scan_.runs.push_back({SourceOffset(base_offset - shift_), TargetOffset(base_offset)});
    shift_is_told_ = true;
  } else if (!identity_) {
    scan_.runs.push_back({source_of(copied, true), TargetOffset(base_offset)});
    for (const auto& [index, source] : plan_)
      if (index > copied && index < copied + count)
        scan_.runs.push_back({source, TargetOffset(base_offset + (index - copied))});
  }
  scan_.position.copied = copied + count;
  scan_.position.target = TargetOffset(end);
  scan_.last_ours = TargetOffset(end - 1);
  scan_.fillers_from.reset();
  scan_.position.source =
      identity_ ? SourceOffset(end - shift_) : source_of(scan_.position.copied, false);
}

bool LogScanner::fills_gaps(int64_t producer_id) const {
  return std::ranges::find(ids_.gap_producers, producer_id) != ids_.gap_producers.end();
}

// Fillers, each for an offset of the source in an identity partition, and foreign records.
void LogScanner::add_others(const wire::BatchHeader& header) {
  const int64_t count = int64_t{header.last_offset_delta} + 1;
  const bool filler = header.magic >= 2 && (header.producer_id == ids_.filler_id ||
                                            (header.control() && fills_gaps(header.producer_id)));
  scan_.position.target = TargetOffset(header.base_offset + count);
  if (filler) {
    scan_.has_fillers = true;
    if (!scan_.fillers_from) scan_.fillers_from = TargetOffset(header.base_offset);
    if (identity_) scan_.position.source = SourceOffset(scan_.position.target.value() - shift_);
    return;
  }
  if (!scan_.foreign) scan_.foreign = TargetOffset(header.base_offset);
  shift_ += count;
  shift_is_told_ = false;
}

Result<> LogScanner::add(std::string_view records) {
  while (true) {
    KFERRY_TRY(const auto batch, wire::take_batch(records));
    if (!batch) return {};
    const wire::BatchHeader& header = batch->header;
    if (header.last_offset() < scan_.position.target.value()) continue;
    const int64_t count = int64_t{header.last_offset_delta} + 1;
    const bool format_2 = header.magic >= 2;
    if (format_2 && header.producer_id == ids_.producer.id && !header.control()) {
      add_ours(header.base_offset, header.base_sequence, count);
      continue;
    }
    add_others(header);
  }
}

Result<RawLog> fetch_raw(wire::Broker& leader, const TopicPartition& partition, int64_t from,
                         Isolation isolation, const Wait& wait) {
  KFERRY_TRY(const int16_t version, leader.version_of<wire::FetchRequest>({0, kLastByName}));
  wire::FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.max_bytes = kScanBytes;
  request.isolation_level = static_cast<int8_t>(isolation);
  request.topics.push_back({.topic = partition.topic, .partitions = {}});
  auto& fetch = request.topics[0].partitions.emplace_back();
  fetch.partition = partition.partition;
  fetch.fetch_offset = from;
  fetch.partition_max_bytes = kScanBytes;
  KFERRY_CHECK(leader.post(request, version, wait));
  KFERRY_TRY(const auto held, leader.take<wire::FetchRequest>(version, wait));
  if (held.response.responses.empty() || held.response.responses[0].partitions.empty())
    return fail(ErrorKind::kFailed, fmt::format("{}: the broker left it out", partition));
  const auto& data = held.response.responses[0].partitions[0];
  if (data.error_code != wire::kNone)
    return std::unexpected(
        wire::kafka_error(data.error_code, fmt::format("reading {} from {} on", partition, from)));
  RawLog log;
  if (data.records) log.bytes = data.records->data;
  if (data.aborted_transactions)
    for (const auto& one : *data.aborted_transactions)
      log.aborted.push_back({one.producer_id, one.first_offset});
  std::ranges::sort(log.aborted, {}, &FetchedPartition::Aborted::first_offset);
  return log;
}

Result<LogScan> scan_target_log(wire::Broker& leader, const TopicPartition& partition,
                                LogScanner& scanner, TargetOffset end, const Wait& wait) {
  while (scanner.scan().position.target < end) {
    const TargetOffset from = scanner.scan().position.target;
    KFERRY_CHECK(wait.stop().check("reading the target's log"));
    const std::string doing = fmt::format("reading {} of the target from {} on", partition, from);
    const auto log = fetch_raw(leader, partition, from.value(), Isolation::kUncommitted, wait);
    if (!log) return std::unexpected(in_context(log.error(), "the target"));
    if (const auto added = scanner.add(log->bytes); !added)
      return std::unexpected(in_context(added.error(), doing));
    if (scanner.scan().position.target == from && wait.deadline().expired())
      return fail(ErrorKind::kUnreachable, doing + ": nothing comes");
  }
  return scanner.scan();
}

}  // namespace kferry::replicate
