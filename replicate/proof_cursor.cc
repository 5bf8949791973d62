#include "replicate/proof_cursor.h"

#include <algorithm>

#include "replicate/aborted_transactions.h"

namespace kferry::replicate {

std::optional<int64_t> source_of_record(const OffsetMap& map, int64_t target) {
  const auto& runs = map.runs();
  // Of runs that begin at the same place the last one has the record.
  const auto next = std::ranges::upper_bound(runs, TargetOffset(target), {}, &OffsetRun::target);
  if (next == runs.begin()) return std::nullopt;
  const OffsetRun& run = *std::prev(next);
  const int64_t source = run.source.value() + (target - run.target.value());
  if (next != runs.end() && source >= next->source.value()) return std::nullopt;
  return source;
}

int64_t ProofCursor::to_source(int64_t own_offset) const {
  if (task_.map == nullptr) return own_offset;
  const auto source = task_.map->to_source(TargetOffset(own_offset));
  return source ? source->value() : task_.wanted_begin;
}

int64_t ProofCursor::to_own(int64_t source_offset) const {
  if (task_.map == nullptr) return source_offset;
  const auto own = task_.map->to_target(SourceOffset(source_offset));
  return own ? own->value() : task_.begin;
}

// To the next range of the sample. True: the position has jumped.
bool ProofCursor::skip_unsampled() {
  int64_t source = std::max(to_source(position_), task_.wanted_begin);
  const Partition partition = task_.partition.partition;
  const int64_t before = position_;
  if (!sample_.whole()) {
    const int64_t range = verify::range_of(source);
    int64_t next = range;
    while (next * verify::kRangeOffsets < task_.wanted_end &&
           !sample_.selects(task_.source_topic.value(), partition.value(), next))
      ++next;
    if (next != range) source = next * verify::kRangeOffsets;
    position_ = std::max(position_, to_own(source));
  }
  if (!done_) sink_.passed(task_.index, source);
  if (!done_ && (position_ >= task_.end || source >= task_.wanted_end)) {
    done_ = true;
    sink_.finished(task_.index);
  }
  return position_ != before;
}

Result<bool> ProofCursor::take(const FetchedPartition& fetched, size_t most_decoded_bytes) {
  AbortedTransactions aborted(fetched.aborted);
  std::string_view rest = fetched.records;
  while (!done_) {
    KFERRY_TRY(const auto batch, wire::take_batch(rest));
    if (!batch) break;
    const wire::BatchHeader& header = batch->header;
    if (header.magic >= 2) {
      const bool hidden = aborted.covers(header) || header.control();
      if (header.last_offset() < position_) continue;
      if (!hidden) KFERRY_CHECK(take_batch(*batch, most_decoded_bytes));
      position_ = std::max(position_, header.last_offset() + 1);
    } else {
      KFERRY_CHECK(take_batch(*batch, most_decoded_bytes));
    }
    if (position_ >= task_.end) break;
  }
  return skip_unsampled();
}

Result<> ProofCursor::take_batch(const wire::RawBatch& batch, size_t most_decoded_bytes) {
  KFERRY_TRY(const wire::DecodedBatch decoded, wire::decode_batch(batch, most_decoded_bytes));
  for (const wire::RawRecord& record : decoded.records)
    take_record(record.offset, record.timestamp_ms, record.body);
  return {};
}

void ProofCursor::take_record(int64_t own_offset, int64_t timestamp_ms, std::string_view body) {
  if (done_ || own_offset < position_) return;
  position_ = own_offset + 1;
  if (own_offset >= task_.end) return;
  const std::optional<int64_t> source =
      task_.map == nullptr ? own_offset : source_of_record(*task_.map, own_offset);
  if (!source) return sink_.foreign_record(task_.index);
  if (*source < task_.wanted_begin || *source >= task_.wanted_end) return;
  if (!sample_.selects(task_.source_topic.value(), task_.partition.partition.value(),
                       verify::range_of(*source)))
    return;
  sink_.record(task_.index, {*source, own_offset, timestamp_ms, body});
}

void ProofCursor::advance(int64_t own_offset) {
  position_ = std::max(position_, own_offset);
  skip_unsampled();
}

void ProofCursor::fail(std::string why) {
  if (done_) return;
  done_ = true;
  sink_.failed(task_.index, std::move(why));
}

}  // namespace kferry::replicate
