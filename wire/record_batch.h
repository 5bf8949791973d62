// Record batches: format 2 (KIP-98; Kafka: DefaultRecordBatch), and for reading the message sets of
// formats 0 and 1 (KIP-31, KIP-32; Kafka: AbstractLegacyRecordBatch).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/named.h"
#include "base/result.h"
#include "wire/compression.h"

namespace kferry::wire {

constexpr size_t kBatchHeaderBytes = 61;

// The header of one entry of a log. Of formats 0 and 1 only magic, base_offset (the offset of the
// outer message, which is that of its last record), batch_length, crc (CRC-32 there) and, in
// `attributes`, the codec and log_append_time() (format 1) are set.
struct BatchHeader {
  int64_t base_offset = 0;
  int32_t batch_length = 0;  // bytes behind this field
  int32_t partition_leader_epoch = -1;
  int8_t magic = 2;
  uint32_t crc = 0;
  int16_t attributes = 0;
  int32_t last_offset_delta = 0;
  int64_t base_timestamp_ms = 0;
  int64_t max_timestamp_ms = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  int32_t record_count = 0;

  Codec codec() const { return static_cast<Codec>(attributes & 0x07); }
  bool log_append_time() const { return (attributes & 0x08) != 0; }
  bool transactional() const { return (attributes & 0x10) != 0; }
  bool control() const { return (attributes & 0x20) != 0; }
  int64_t last_offset() const { return base_offset + last_offset_delta; }
};

// One entry of a log as it lies there, from take_batch: a batch of format 2, or a message of format
// 0 or 1, which may be a compressed set of messages.
struct RawBatch {
  std::string_view bytes;
  BatchHeader header;
};

// Takes the first whole entry off the front of `data`; nullopt when what is left is none: a broker
// cuts the last one off where the fetch's bytes end. The payload is not looked at, and the checksum
// is not checked. kFailed: a length that is impossible, an unknown magic, offsets or counts that
// are negative, overflow or contradict each other. Thread-safe.
Result<std::optional<RawBatch>> take_batch(std::string_view& data);

// Of a batch of format 2, which has at least kBatchHeaderBytes.
Codec codec_of(std::span<const char> batch);

// A record. `body` is what follows the offset delta in format 2: key, value and headers with their
// lengths. It does not change when the record moves to another batch.
struct RawRecord {
  int64_t offset = 0;
  int64_t timestamp_ms = -1;  // -1: none (format 0)
  std::string_view body;
};

struct RecordHeader {
  std::string_view key;
  std::optional<std::string_view> value;
};
// A record's body in its parts.
struct RecordContent {
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<RecordHeader> headers;
};
// kFailed: malformed.
Result<RecordContent> parse_body(std::string_view body);

// The records of one entry, in order of their offsets; none in what compaction leaves of a batch
// whose records are all gone. Those of control batches are there too. They point into `storage`, or
// into the bytes of the RawBatch, which must outlive them.
struct DecodedBatch {
  std::vector<std::string> storage;
  std::vector<RawRecord> records;
};

// Checks the checksum, decompresses and takes the records apart. A batch whose timestamps are the
// broker's (LogAppendTime) gives every record the batch's max_timestamp_ms. Offsets within
// compressed message sets are absolute (format 0) or relative to the last (format 1). kFailed:
// corrupt, also in a record's body; more than `most_bytes` when decompressed; offsets that do not
// rise. Thread-safe.
Result<DecodedBatch> decode_batch(const RawBatch& batch, size_t most_bytes);

// Who produces a batch, and the sequence number of its first record (KIP-98): 0 to 2^31-1, and then
// 0 again.
struct ProducerStamp {
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
};

// `sequence` + `count`, wrapping from 2^31-1 to 0 (Kafka: DefaultRecordBatch.incrementSequence).
int32_t advance_sequence(int32_t sequence, int64_t count);

// Makes a batch of format 2 out of the source's log fit to be produced, in place: base offset 0, no
// leader epoch, stamped; of the attributes only the codec stays, so that it is not transactional,
// and has no delete horizon (KIP-534). Without LogAppendTime its records show their producer's
// timestamps again: to keep the broker's, decode and encode instead. The checksum is patched
// (crc32c_patch), so that a batch that was corrupt before still is. `batch` has at least
// kBatchHeaderBytes.
void stamp_for_produce(std::span<char> batch, const ProducerStamp& stamp);

// One batch of format 2 with these records, their offsets renumbered from 0 on: gaps close. At
// least one record. A record without a timestamp keeps -1 (Kafka: NO_TIMESTAMP). kFailed: no
// record; more than 2^31-1 bytes; the codec's. Thread-safe.
Result<std::string> encode_batch(std::span<const RawRecord> records, Codec codec,
                                 const ProducerStamp& stamp);

// A batch of `count` records that have neither key nor value, zstd or, for brokers before 2.1,
// gzip: what fills the offsets before a log's start. Fits 1,000,000 bytes for up to 1,000,000
// records with zstd (1.4 MB with gzip). 1 <= count <= 1,000,000, else kFailed.
Result<std::string> encode_filler(int32_t count, int64_t timestamp_ms, Codec codec,
                                  const ProducerStamp& stamp);

}  // namespace kferry::wire
