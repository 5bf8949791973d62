#include "replicate/alignment.h"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "replicate/aborted_transactions.h"
#include "replicate/target_log.h"
#include "wire/error_code.h"
#include "wire/record_batch.h"

namespace kferry::replicate {
namespace {

constexpr size_t kMostDecodedBytes = 64UL * 1024 * 1024;

struct Found {
  bool control = false;
  bool stamped_by_broker = false;  // LogAppendTime
  int64_t timestamp_ms = -1;
  std::string body;
};

Result<std::optional<Found>> find_in(const wire::RawBatch& batch, int64_t offset) {
  const wire::BatchHeader& header = batch.header;
  if (header.magic >= 2 && header.control()) return Found{.control = true, .body = {}};
  KFERRY_TRY(const wire::DecodedBatch decoded, wire::decode_batch(batch, kMostDecodedBytes));
  const auto record = std::ranges::find(decoded.records, offset, &wire::RawRecord::offset);
  if (record == decoded.records.end()) return std::nullopt;
  return Found{false, header.log_append_time(), record->timestamp_ms, std::string(record->body)};
}

// nullopt: there is none, or no more.
Result<std::optional<Found>> find_record(const LogSide& side, int64_t offset, const Wait& wait) {
  const auto raw = fetch_raw(side.leader, side.partition, offset, Isolation::kUncommitted, wait);
  if (!raw && raw.error().kafka_code == wire::kOffsetOutOfRange) return std::nullopt;
  if (!raw) return std::unexpected(raw.error());
  std::string_view records = raw->bytes;
  while (true) {
    KFERRY_TRY(const auto batch, wire::take_batch(records));
    if (!batch) return std::nullopt;
    if (batch->header.last_offset() >= offset) return find_in(*batch, offset);
  }
}

bool are_same(const Found& a, const Found& b) {
  if (a.control != b.control || a.body != b.body) return false;
  return a.stamped_by_broker || b.stamped_by_broker || a.timestamp_ms == b.timestamp_ms;
}

std::unexpected<Error> displaced(const TopicPartition& partition, const std::string& what) {
  return fail(ErrorKind::kFailed,
              fmt::format("{}: a process of this flow that was suspended filled a gap of {} too "
                          "late, and what follows is displaced; start over with an empty topic or "
                          "with --offsets translate",
                          what, partition));
}

}  // namespace

Result<> check_record(const LogSide& source, const LogSide& target, int64_t offset,
                      const Wait& wait) {
  KFERRY_TRY(const auto theirs, find_record(target, offset, wait));
  KFERRY_TRY(const auto ours, find_record(source, offset, wait));
  if (!theirs || !ours || are_same(*ours, *theirs)) return {};
  return displaced(source.partition, fmt::format("record {} is another one on the target", offset));
}

Result<> check_gap(const LogSide& source, int64_t from, int64_t end, const Wait& wait) {
  const auto raw = fetch_raw(source.leader, source.partition, from, Isolation::kCommitted, wait);
  if (!raw && raw.error().kafka_code == wire::kOffsetOutOfRange) return {};
  if (!raw) return std::unexpected(raw.error());
  AbortedTransactions aborted(raw->aborted);
  std::string_view records = raw->bytes;
  while (true) {
    KFERRY_TRY(const auto batch, wire::take_batch(records));
    if (!batch || (batch->header.magic >= 2 && batch->header.base_offset >= end)) return {};
    if (aborted.covers(batch->header) || batch->header.control()) continue;
    KFERRY_TRY(const wire::DecodedBatch decoded, wire::decode_batch(*batch, kMostDecodedBytes));
    for (const wire::RawRecord& record : decoded.records)
      if (record.offset >= from && record.offset < end)
        return displaced(source.partition,
                         fmt::format("record {} is not on the target", record.offset));
  }
}

}  // namespace kferry::replicate
