#include "replicate/intake.h"

#include <algorithm>

#include <fmt/format.h>

#include "replicate/aborted_transactions.h"
#include "wire/record_batch.h"

namespace kferry::replicate {
namespace {

using wire::RawBatch;
using wire::RawRecord;

int64_t max_timestamp(std::span<const RawRecord> records) {
  return std::ranges::max_element(records, {}, &RawRecord::timestamp_ms)->timestamp_ms;
}

class Intake {
 public:
  Intake(const FetchedPartition& fetched, std::shared_ptr<Buffer> buffer, SourceOffset position,
         BufferBudget& budget, size_t decoded_bytes, const std::vector<int64_t>& not_from)
      : fetched_(fetched),
        buffer_(std::move(buffer)),
        budget_(budget),
        decoded_bytes_(decoded_bytes),
        not_from_(not_from),
        aborted_(fetched.aborted) {
    taken_.next = position;
  }

  Result<TakenIn> run() {
    std::string_view rest = fetched_.records;
    while (true) {
      KFERRY_TRY(const auto batch, wire::take_batch(rest));
      if (!batch) return std::move(taken_);
      KFERRY_CHECK(take(*batch));
    }
  }

 private:
  Result<> take(const RawBatch& batch) {
    const wire::BatchHeader& header = batch.header;
    if (header.magic < 2) return take_apart(batch);
    const bool aborted = aborted_.covers(header);
    const SourceOffset behind(header.last_offset() + 1);
    if (behind <= taken_.next) return {};  // what lies before the position in the fetched segment
    taken_.last_epoch = header.partition_leader_epoch;
    if (header.control() || aborted || std::ranges::count(not_from_, header.producer_id) > 0) {
      skip_to(behind);
      return {};
    }
    const bool whole = header.record_count == header.last_offset_delta + 1 &&
                       header.base_offset >= taken_.next.value();
    if (whole && !header.log_append_time()) {
      pass_through(batch);
      return {};
    }
    KFERRY_CHECK(take_apart(batch));
    skip_to(behind);  // compaction may have taken the last ones
    return {};
  }

  void skip_to(SourceOffset offset) {
    if (offset <= taken_.next) return;
    if (!taken_.items.empty() && taken_.items.back().is_gap())
      taken_.items.back().next = offset;
    else
      taken_.items.push_back({.first = taken_.next, .next = offset});
    taken_.next = offset;
  }

  void pass_through(const RawBatch& batch) {
    skip_to(SourceOffset(batch.header.base_offset));
    const SourceOffset behind(batch.header.last_offset() + 1);
    taken_.items.push_back({.first = taken_.next,
                            .next = behind,
                            .records = batch.header.record_count,
                            .buffer = buffer_,
                            .batch = buffer_->writable(batch.bytes),
                            .last_timestamp_ms = batch.header.max_timestamp_ms});
    taken_.next = behind;
  }

  // One batch per run of consecutive offsets.
  Result<> take_apart(const RawBatch& batch) {
    KFERRY_TRY(const wire::DecodedBatch decoded, wire::decode_batch(batch, decoded_bytes_));
    std::span<const RawRecord> records = decoded.records;
    while (!records.empty() && records.front().offset < taken_.next.value())
      records = records.subspan(1);
    while (!records.empty()) {
      size_t run = 1;
      while (run < records.size() &&
             records[run].offset == records[0].offset + static_cast<int64_t>(run))
        ++run;
      KFERRY_CHECK(encode_run(records.first(run), batch.header.codec()));
      records = records.subspan(run);
    }
    return {};
  }

  Result<> encode_run(std::span<const RawRecord> records, wire::Codec codec) {
    skip_to(SourceOffset(records.front().offset));
    KFERRY_TRY(std::string bytes, wire::encode_batch(records, codec, {}));
    auto buffer =
        std::make_shared<Buffer>(std::make_unique<std::string>(std::move(bytes)), budget_);
    const SourceOffset behind(records.back().offset + 1);
    taken_.items.push_back({.first = taken_.next,
                            .next = behind,
                            .records = static_cast<int32_t>(records.size()),
                            .buffer = buffer,
                            .batch = buffer->writable(buffer->bytes()),
                            .last_timestamp_ms = max_timestamp(records)});
    taken_.next = behind;
    return {};
  }

  const FetchedPartition& fetched_;
  const std::shared_ptr<Buffer> buffer_;
  BufferBudget& budget_;
  const size_t decoded_bytes_;
  const std::vector<int64_t>& not_from_;
  AbortedTransactions aborted_;
  TakenIn taken_;
};

}  // namespace

Result<TakenIn> take_in(const FetchedPartition& fetched, std::shared_ptr<Buffer> buffer,
                        SourceOffset position, BufferBudget& budget, size_t decoded_bytes,
                        const std::vector<int64_t>& not_from) {
  return Intake(fetched, std::move(buffer), position, budget, decoded_bytes, not_from).run();
}

Result<CopyItem> merge(const std::vector<CopyItem>& items, BufferBudget& budget,
                       size_t decoded_bytes) {
  std::vector<wire::DecodedBatch> decoded;
  std::vector<RawRecord> records;
  std::vector<RunInBatch> later_runs;
  wire::Codec codec = wire::Codec::kNone;
  SourceOffset next = items.front().first;
  for (const CopyItem& item : items) {
    const auto index = static_cast<int32_t>(records.size());
    if (item.first != next) later_runs.push_back({index, item.first});
    for (const RunInBatch& run : item.later_runs)
      later_runs.push_back({index + run.index, run.source});
    next = item.next;
    std::string_view bytes(item.batch.data(), item.batch.size());
    KFERRY_TRY(const auto batch, wire::take_batch(bytes));
    if (!batch) return fail(ErrorKind::kFailed, "a batch in memory is incomplete");
    if (decoded.empty()) codec = batch->header.codec();
    KFERRY_TRY(wire::DecodedBatch one, wire::decode_batch(*batch, decoded_bytes));
    records.insert(records.end(), one.records.begin(), one.records.end());
    decoded.push_back(std::move(one));
  }
  KFERRY_TRY(std::string bytes, wire::encode_batch(records, codec, {}));
  auto buffer = std::make_shared<Buffer>(std::make_unique<std::string>(std::move(bytes)), budget);
  return CopyItem{.first = items.front().first,
                  .next = items.back().next,
                  .records = static_cast<int32_t>(records.size()),
                  .buffer = buffer,
                  .batch = buffer->writable(buffer->bytes()),
                  .last_timestamp_ms = max_timestamp(records),
                  .later_runs = std::move(later_runs)};
}

}  // namespace kferry::replicate
