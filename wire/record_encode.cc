// Batches of format 2 out of records.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "wire/batch_layout.h"
#include "wire/big_endian.h"
#include "wire/crc32c.h"
#include "wire/record_batch.h"
#include "wire/varint.h"

namespace kferry::wire {
namespace {

constexpr size_t kMostBatchBytes = std::numeric_limits<int32_t>::max();

// What a record of an empty key, an empty value and no headers has as its body: -1, -1, 0.
constexpr std::string_view kEmptyBody("\1\1\0", 3);

int64_t subtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

// The bytes of a record behind its length.
size_t content_bytes(int64_t timestamp_delta, int64_t offset_delta, size_t body) {
  return 1 + varint_bytes(timestamp_delta) + varint_bytes(offset_delta) + body;
}

char* put_record(char* at, int64_t timestamp_delta, int64_t offset_delta, std::string_view body) {
  const size_t length = content_bytes(timestamp_delta, offset_delta, body.size());
  at = put_varint(at, static_cast<int64_t>(length));
  *at++ = 0;  // attributes
  at = put_varint(at, timestamp_delta);
  at = put_varint(at, offset_delta);
  return at + body.copy(at, body.size());
}

// Compresses the records, which have room for the header in front, and writes the header.
// `header` has the timestamps.
Result<std::string> finish(std::string plain, const BatchHeader& header, int32_t count,
                           Codec codec, const ProducerStamp& stamp) {
  std::string batch;
  if (codec == Codec::kNone) {
    batch = std::move(plain);
  } else {
    KFERRY_TRY(const std::string packed,
               compress(codec, std::string_view(plain).substr(kBatchHeaderBytes)));
    batch.reserve(kBatchHeaderBytes + packed.size());
    batch.resize(kBatchHeaderBytes);
    batch += packed;
  }
  if (batch.size() > kMostBatchBytes)
    return fail(ErrorKind::kFailed, fmt::format("a batch of {} bytes", batch.size()));
  char* const at = batch.data();
  store<int64_t>(at + kBaseOffsetAt, 0);
  store(at + kLengthAt, static_cast<int32_t>(batch.size() - kLengthEnd));
  store<int32_t>(at + kLeaderEpochAt, -1);
  store<int8_t>(at + kMagicAt, 2);
  store(at + kAttributesAt, static_cast<int16_t>(codec));
  store<int32_t>(at + kLastOffsetDeltaAt, count - 1);
  store(at + kBaseTimestampAt, header.base_timestamp_ms);
  store(at + kMaxTimestampAt, header.max_timestamp_ms);
  store(at + kProducerIdAt, stamp.producer_id);
  store(at + kProducerEpochAt, stamp.producer_epoch);
  store(at + kBaseSequenceAt, stamp.base_sequence);
  store(at + kRecordCountAt, count);
  store(at + kCrcAt, crc32c(std::string_view(batch).substr(kAttributesAt)));
  return batch;
}

}  // namespace

Result<std::string> encode_batch(std::span<const RawRecord> records, Codec codec,
                                 const ProducerStamp& stamp) {
  if (records.empty()) return fail(ErrorKind::kFailed, "a batch needs a record");
  BatchHeader header;
  header.base_timestamp_ms = records.front().timestamp_ms;
  header.max_timestamp_ms = header.base_timestamp_ms;
  size_t size = kBatchHeaderBytes;
  for (size_t i = 0; i < records.size(); ++i) {
    const RawRecord& record = records[i];
    header.max_timestamp_ms = std::max(header.max_timestamp_ms, record.timestamp_ms);
    const size_t content =
        content_bytes(subtract(record.timestamp_ms, header.base_timestamp_ms),
                      static_cast<int64_t>(i), record.body.size());
    size += varint_bytes(static_cast<int64_t>(content)) + content;
    if (size > kMostBatchBytes)
      return fail(ErrorKind::kFailed,
                  fmt::format("{} records are more than a batch can hold", records.size()));
  }
  std::string plain;
  plain.resize_and_overwrite(size, [&](char* at, size_t whole) {
    at += kBatchHeaderBytes;
    for (size_t i = 0; i < records.size(); ++i)
      at = put_record(at, subtract(records[i].timestamp_ms, header.base_timestamp_ms),
                      static_cast<int64_t>(i), records[i].body);
    return whole;
  });
  return finish(std::move(plain), header, static_cast<int32_t>(records.size()), codec, stamp);
}

Result<std::string> encode_filler(int32_t count, int64_t timestamp_ms, Codec codec,
                                  const ProducerStamp& stamp) {
  constexpr int32_t kMostRecords = 1'000'000;
  if (count < 1 || count > kMostRecords)
    return fail(ErrorKind::kFailed, fmt::format("a filler of {} records", count));
  constexpr size_t kMostRecordBytes = 2 + 1 + 4 + kEmptyBody.size();
  std::string plain;
  plain.resize_and_overwrite(
      kBatchHeaderBytes + static_cast<size_t>(count) * kMostRecordBytes, [&](char* data, size_t) {
        char* at = data + kBatchHeaderBytes;
        for (int32_t i = 0; i < count; ++i) at = put_record(at, 0, i, kEmptyBody);
        return static_cast<size_t>(at - data);
      });
  BatchHeader header;
  header.base_timestamp_ms = timestamp_ms;
  header.max_timestamp_ms = timestamp_ms;
  return finish(std::move(plain), header, count, codec, stamp);
}

}  // namespace kferry::wire
