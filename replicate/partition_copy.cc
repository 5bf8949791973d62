#include "replicate/partition_copy.h"

#include <algorithm>

#include <fmt/format.h>

#include "wire/error_code.h"
#include "wire/record_batch.h"

namespace kferry::replicate {
namespace {

// Batches below this size are merged, once several of them wait. A batch costs the target's broker
// some 30 µs, whatever its size; decompressing and compressing it anew costs us as much at about
// 6 KB of records, copying it at 16 KB (measured: bench/mirror --scenario one-record, 5kb).
constexpr size_t kTinyCompressedBytes = 2 * 1024;
constexpr size_t kTinyPlainBytes = 16 * 1024;
constexpr size_t kTinyBatchesWorthMerging = 8;
constexpr size_t kMergedBytes = 256 * 1024;
constexpr int32_t kMergedRecords = 10'000;

// After that many failures in a row without any progress there is no use in going on.
constexpr int kMostFailures = 10;

constexpr const char* kNoMarkers =
    ", and the target allows no transaction markers (ALTER on the cluster)";

enum class Cure { kReposition, kNewProducer, kGiveUp };

Cure cure_of(int16_t code) {
  switch (code) {
    case wire::kOutOfOrderSequenceNumber:
    case wire::kDuplicateSequenceNumber:
    case wire::kInvalidProducerEpoch:
    case wire::kProducerFenced:
    case wire::kInvalidTxnState:
    case wire::kInvalidProducerIdMapping:
    case wire::kUnknownServerError:
      return Cure::kReposition;
    case wire::kUnknownProducerId:
      return Cure::kNewProducer;
    default:
      return wire::error_row(code).retriable ? Cure::kReposition : Cure::kGiveUp;
  }
}

std::string what_to_do(int16_t code) {
  switch (code) {
    case wire::kMessageTooLarge:
    case wire::kRecordListTooLarge:
      return "; raise max.message.bytes of the target's topic";
    case wire::kCorruptMessage:
      return "; the batch is corrupt in the source's log (kafka-dump-log.sh shows it)";
    case wire::kTopicAuthorizationFailed:
      return "; grant WRITE on the topic";
    default:
      return {};
  }
}

}  // namespace

std::string others_write_from(TargetOffset offset) {
  return fmt::format("producers write to the target directly, from offset {} on", offset);
}

void PartitionCopy::start(Start start) {
  confirmed_ = start.position;
  producer_ = start.producer;
  identity_ = start.identity;
  why_not_identity_ = std::move(start.why_not_identity);
  map_ = std::move(start.map);
  mixed_ = start.mixed;
  if (!identity_) map_.add({confirmed_.source, confirmed_.target});
  started_ = true;
  confirmed_since_start_ = false;
  wants_translation_ = wants_new_producer_ = doubts_source_ = false;
  diverges_at_.reset();
  failure_.reset();
  drop_everything();
  set_phase(Phase::kCopying);
}

void PartitionCopy::set_phase(Phase phase, std::string reason) {
  phase_ = phase;
  reason_ = std::move(reason);
}

void PartitionCopy::quarantine(std::string reason) {
  drop_everything();
  set_phase(Phase::kQuarantined, std::move(reason));
}

void PartitionCopy::reposition(std::string reason) {
  if (phase_ == Phase::kQuarantined) return;
  set_phase(Phase::kPositioning, std::move(reason));
}

// What is in flight stays: its answers are still to come.
void PartitionCopy::drop_everything() {
  waiting_.clear();
  waiting_bytes_ = 0;
  copied_when_sent_ = copied_when_taken_ = confirmed_.copied;
  fetch_position_ = confirmed_.source;
  follows_.reset();
  last_epoch_ = -1;
  ++generation_;
}

void PartitionCopy::note_source(SourceOffset log_start, SourceOffset end) {
  if (log_start.value() >= 0) counters_.source_start = log_start;
  if (end.value() >= 0) counters_.source_end = end;
}

void PartitionCopy::doubt_source(std::optional<SourceOffset> diverges_at) {
  doubts_source_ = true;
  diverges_at_ = diverges_at;
  reposition("the source does not have what follows");
}

std::vector<std::pair<int64_t, SourceOffset>> PartitionCopy::plan_of(const TakenIn& taken) const {
  std::vector<std::pair<int64_t, SourceOffset>> plan;
  if (identity_) return plan;
  int64_t copied = copied_when_taken_;
  std::optional<SourceOffset> follows = follows_;
  for (const CopyItem& item : taken.items) {
    if (item.is_gap()) continue;
    if (item.first != follows) plan.emplace_back(copied, item.first);
    follows = item.next;
    copied += item.records;
  }
  return plan;
}

void PartitionCopy::accept(TakenIn taken) {
  fetch_position_ = taken.next;
  if (taken.last_epoch >= 0) last_epoch_ = taken.last_epoch;
  for (CopyItem& item : taken.items) {
    if (item.is_gap()) {
      accept_gap(item);
      continue;
    }
    waiting_bytes_ += static_cast<int64_t>(item.batch.size());
    copied_when_taken_ += item.records;
    follows_ = item.next;
    waiting_.push_back(std::move(item));
  }
}

void PartitionCopy::accept_gap(const CopyItem& gap) {
  if (identity_ && gap.offsets() > most_filled_)
    return end_identity(fmt::format("{} offsets from {} on have no record on the source{}",
                                    gap.offsets(), gap.first,
                                    most_filled_ < kMostMarkers ? kNoMarkers : ""));
  if (!waiting_.empty() && waiting_.back().is_gap())
    waiting_.back().next = gap.next;
  else
    waiting_.push_back(gap);
}

void PartitionCopy::end_identity(std::string reason) {
  if (mode_ == OffsetsMode::kIdentity)
    return quarantine(reason + "; --offsets auto would go on with exact translation");
  why_not_identity_ = reason;
  wants_translation_ = true;
  reposition(std::move(reason));
}

bool PartitionCopy::is_tiny(const CopyItem& item) const {
  if (item.is_gap()) return false;
  const bool compressed = wire::codec_of(item.batch) != wire::Codec::kNone;
  return item.batch.size() < (compressed ? kTinyCompressedBytes : kTinyPlainBytes);
}

// A broker that knows nothing of our producer id in this partition takes any sequence number from
// it (Kafka's ProducerAppendInfo.checkSequence): of two batches in flight it could refuse the first
// one for another reason and then take the second, and the first one's records were lost. So the
// first batch is alone, until it is confirmed; after a long quiet the broker may have forgotten us.
size_t PartitionCopy::most_in_flight(int64_t now_ms) const {
  const bool is_known =
      confirmed_since_start_ && now_ms - counters_.last_copied_at_ms < kLongQuietMs;
  return is_known ? kMostInFlight : 1;
}

std::vector<CopyItem> PartitionCopy::next_work(int64_t now_ms) {
  std::vector<CopyItem> work;
  if (!has_waiting()) return work;
  const auto take_front = [&] {
    waiting_bytes_ -= static_cast<int64_t>(waiting_.front().batch.size());
    work.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  };
  if (waiting_.front().is_gap() && !identity_) {
    // Nothing to send: what follows closes up. A gap at the end is confirmed with what precedes it.
    if (waiting_.size() == 1 && !in_flight_.empty()) return work;
    if (in_flight_.empty()) confirmed_.source = waiting_.front().next;
    waiting_.pop_front();
    if (waiting_.empty()) return work;
  }
  if (waiting_.front().is_gap()) {
    if (!in_flight_.empty()) return work;
    if (expects_others_) {
      end_identity(
          "producers move to the target: offsets without a record are not filled any more");
      return work;
    }
    CopyItem& gap = waiting_.front();
    CopyItem part = gap;
    part.next =
        SourceOffset(std::min(gap.next.value(), gap.first.value() + int64_t{kMarkersPerRequest}));
    gap.first = part.next;
    if (gap.offsets() == 0) waiting_.pop_front();
    work.push_back(std::move(part));
    return work;
  }
  const bool gap_in_flight = !in_flight_.empty() && in_flight_.back().is_gap();
  if (in_flight_.size() >= most_in_flight(now_ms) || gap_in_flight) return work;
  take_front();
  if (!is_tiny(work.front()) || waiting_.size() < kTinyBatchesWorthMerging) return work;
  size_t bytes = work.front().batch.size();
  int32_t records = work.front().records;
  while (!waiting_.empty() && bytes < kMergedBytes && records < kMergedRecords) {
    if (waiting_.front().is_gap()) {
      if (identity_ || waiting_.size() == 1) break;
      waiting_.pop_front();
    }
    if (!is_tiny(waiting_.front())) break;
    bytes += waiting_.front().batch.size();
    records += waiting_.front().records;
    take_front();
  }
  return work;
}

const CopyItem* PartitionCopy::sent(CopyItem item, int64_t generation) {
  if (phase_ != Phase::kCopying || failure_ || generation != generation_) return nullptr;
  if (!item.is_gap()) {
    const int64_t ours = copied_when_sent_ - producer_.copied_before;
    wire::stamp_for_produce(item.batch, {.producer_id = producer_.id,
                                         .producer_epoch = producer_.epoch,
                                         .base_sequence = wire::advance_sequence(0, ours)});
    copied_when_sent_ += item.records;
  }
  in_flight_.push_back(std::move(item));
  return &in_flight_.back();
}

void PartitionCopy::on_ack(const Ack& ack, int64_t now_ms) {
  if (in_flight_.empty()) return;
  const CopyItem item = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (phase_ == Phase::kQuarantined) return;
  if (!failure_ && ack.error_code != wire::kNone) failure_ = ack;
  if (!failure_) confirm(item, ack, now_ms);
  if (failure_ && in_flight_.empty()) settle_failure();
}

void PartitionCopy::confirm(const CopyItem& item, const Ack& ack, int64_t now_ms) {
  if (item.is_gap()) return confirm_gap(item, ack);
  if (ack.base_offset < confirmed_.target) {
    // The answer of an earlier one: what the target has is not what we believe.
    failure_ = Ack{target_, wire::kDuplicateSequenceNumber, ack.base_offset, {}};
    return;
  }
  if (ack.base_offset > confirmed_.target && identity_) {
    if (expects_others_) return end_identity(others_write_from(confirmed_.target));
    quarantine(fmt::format(
        "somebody else wrote to {} on the target at offset {}: record {} of the source went to {}; "
        "stop the foreign writer, then start over with an empty topic or with --offsets translate",
        target_, confirmed_.target, item.first, ack.base_offset));
    return;
  }
  if (!identity_) {
    map_.add({item.first, ack.base_offset});
    for (const RunInBatch& run : item.later_runs)
      map_.add({run.source, TargetOffset(ack.base_offset.value() + run.index)});
  }
  failures_without_progress_ = 0;
  confirmed_.source = item.next;
  confirmed_.target = TargetOffset(ack.base_offset.value() + item.records);
  confirmed_.copied += item.records;
  counters_.records += item.records;
  counters_.bytes += static_cast<int64_t>(item.batch.size());
  counters_.last_timestamp_ms = item.last_timestamp_ms;
  counters_.last_copied_at_ms = now_ms;
  confirmed_since_start_ = true;
}

void PartitionCopy::confirm_gap(const CopyItem& gap, const Ack& ack) {
  // Nobody tells where the markers stand, and somebody else may have written before them.
  if (expects_others_) return reposition("producers move to the target");
  const int64_t filled = ack.filled ? *ack.filled : gap.offsets();
  if (filled > 0) failures_without_progress_ = 0;
  confirmed_.source = SourceOffset(confirmed_.source.value() + filled);
  confirmed_.target = TargetOffset(confirmed_.target.value() + filled);
  if (confirmed_.source < gap.next) waiting_.push_front({confirmed_.source, gap.next});
}

// True: the answer was to a gap, and it is known what to do.
bool PartitionCopy::settle_refused_gap(const Ack& refusal) {
  const int16_t code = refusal.error_code;
  if (code == wire::kTransactionalIdAuthorizationFailed) {
    end_identity(
        "the target allows neither transaction markers (ALTER on the cluster) nor transactions "
        "(WRITE and DESCRIBE on the transactional ids that begin with kferry-)");
    return true;
  }
  if (code != wire::kClusterAuthorizationFailed) return false;
  most_filled_ = kMostTransactions;
  if (refusal.gap_producer) gap_producer_ = refusal.gap_producer;
  if (++failures_without_progress_ >= kMostFailures)
    end_identity(std::string("gaps cannot be filled") + kNoMarkers);
  else
    reposition("the target allows no transaction markers: empty transactions fill the gap");
  return true;
}

void PartitionCopy::settle_failure() {
  const Ack failure = *std::exchange(failure_, std::nullopt);
  if (settle_refused_gap(failure)) return;
  const Cure cure = cure_of(failure.error_code);
  const auto& row = wire::error_row(failure.error_code);
  const std::string words =
      fmt::format("{} on the target: {} ({})", target_, row.name,
                  failure.message.empty() ? row.description : std::string_view(failure.message));
  const bool sequence_trouble = cure != Cure::kGiveUp && !row.retriable;
  if (sequence_trouble || failure.error_code == wire::kCorruptMessage) ++failures_without_progress_;
  const int most = failure.error_code == wire::kCorruptMessage ? 2 : kMostFailures;
  if (cure == Cure::kGiveUp || failures_without_progress_ >= most)
    return quarantine(fmt::format("record {} cannot be written to {}{}", confirmed_.source, words,
                                  what_to_do(failure.error_code)));
  wants_new_producer_ = cure == Cure::kNewProducer;
  reposition(words);
}

void PartitionCopy::connection_lost(const std::string& why) {
  const bool unknown = !in_flight_.empty();
  in_flight_.clear();
  failure_.reset();
  if (unknown) reposition(why);
}

std::optional<Translation> PartitionCopy::translate(SourceOffset offset) const {
  if (!started_) return std::nullopt;
  if (mixed_ && mixed_->contains(offset))
    return Translation{target_, mixed_->target, offset == mixed_->from, offset != mixed_->from};
  if (offset >= confirmed_.source)
    return Translation{target_, confirmed_.target, offset == confirmed_.source};
  if (identity_) return Translation{target_, TargetOffset(offset.value()), true};
  // What has been copied may end with a hole of the source, which no run ends yet: behind the
  // target's end the next record would be skipped.
  if (const auto target = map_.to_target(offset))
    return Translation{target_, std::min(*target, confirmed_.target), true};
  // Before the first record that was copied: nothing of this partition has been consumed.
  const auto& runs = map_.runs();
  return Translation{target_, runs.empty() ? confirmed_.target : runs.front().target, true};
}

PartitionStatus PartitionCopy::status() const {
  PartitionStatus status = counters_;
  status.source = source_;
  status.target_topic = target_.topic;
  status.phase = phase_;
  status.identity = identity_;
  status.reason = reason_.empty() ? why_not_identity_ : reason_;
  if (started_) status.position = confirmed_.source;
  if (started_) status.target_end = confirmed_.target;
  return status;
}

}  // namespace kferry::replicate
