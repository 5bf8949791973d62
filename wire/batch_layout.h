// Where the fields of a log's entries are (Kafka: DefaultRecordBatch, Records, LegacyRecord), and
// what the readers and writers of batches have in common.
#pragma once

#include <string>
#include <string_view>

#include "wire/record_batch.h"

namespace kferry::wire {

// All formats.
constexpr size_t kBaseOffsetAt = 0;
constexpr size_t kLengthAt = 8;
constexpr size_t kLengthEnd = 12;
constexpr size_t kMagicAt = 16;

// Format 2. The checksum covers what is behind it.
constexpr size_t kLeaderEpochAt = 12;
constexpr size_t kCrcAt = 17;
constexpr size_t kAttributesAt = 21;
constexpr size_t kLastOffsetDeltaAt = 23;
constexpr size_t kBaseTimestampAt = 27;
constexpr size_t kMaxTimestampAt = 35;
constexpr size_t kProducerIdAt = 43;
constexpr size_t kProducerEpochAt = 51;
constexpr size_t kBaseSequenceAt = 53;
constexpr size_t kRecordCountAt = 57;

// Formats 0 and 1. The checksum (CRC-32) covers what is behind it. The timestamp is format 1's.
constexpr size_t kLegacyCrcAt = 12;
constexpr size_t kLegacyAttributesAt = 17;
constexpr size_t kLegacyTimestampAt = 18;

// The codec: everything else in the attributes is the log's, not the data's.
constexpr int16_t kCodecBits = 0x07;
constexpr int16_t kLogAppendTimeBit = 0x08;

// The shortest entry of a format: no key, no value, no records.
constexpr size_t least_entry_bytes(int8_t magic) {
  if (magic == 2) return kBatchHeaderBytes;
  return magic == 1 ? 34 : 26;
}

std::unexpected<Error> corrupt_batch(int64_t base_offset, std::string_view what);

// decode_batch() for formats 0 and 1.
Result<DecodedBatch> decode_legacy(const RawBatch& batch, size_t most_bytes);

}  // namespace kferry::wire
