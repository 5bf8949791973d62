// Records and batches for tests: as they lie in a source's log, which wire/ reads and never writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "wire/record_batch.h"

namespace kferry::test {

struct TestRecord {
  int64_t offset = 0;
  int64_t timestamp_ms = 0;
  std::optional<std::string> key = {};
  std::optional<std::string> value = {};
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};

  bool operator==(const TestRecord&) const = default;
};

// Bytes as hexadecimal digits, null as null.
nlohmann::json to_json(const TestRecord& record);
nlohmann::json to_json(const std::vector<TestRecord>& records);

// The record's body in format 2. make_raw's points into `body`, which it fills.
std::string record_body(const TestRecord& record);
wire::RawRecord make_raw(const TestRecord& record, std::string& body);

// `count` records from `first_offset` on, one offset apart, of about `value_bytes` that compress
// about as JSON does; every third without a key, every fourth with headers, every fifth without a
// value.
std::vector<TestRecord> some_records(int64_t first_offset, int count, size_t value_bytes = 50);

struct BatchOptions {
  wire::Codec codec = wire::Codec::kNone;
  int32_t leader_epoch = 5;
  wire::ProducerStamp stamp = {};
  bool transactional = false;
  bool control = false;
  std::optional<int64_t> append_time_ms = {};  // LogAppendTime
  // What compaction left out: the batch's first and last offset. Default: of its records.
  std::optional<int64_t> base_offset = {};
  std::optional<int64_t> last_offset = {};
};

// A batch of format 2, offsets (and gaps between them) as the records have them. At least one
// record, or both offsets.
std::string make_batch(const std::vector<TestRecord>& records, const BatchOptions& options = {});

// What a batch's checksum should be, and the entry (of any format) with that one.
uint32_t checksum(std::string_view batch);
std::string repaired(std::string entry);

// One message of format 0 or 1 with its offset and length, the checksum right. `attributes`: the
// codec, and 8 for LogAppendTime.
struct LegacyMessage {
  int8_t magic = 1;
  int64_t offset = 0;
  int8_t attributes = 0;
  int64_t timestamp_ms = 0;
  std::optional<std::string> key = {};
  std::optional<std::string> value = {};
};
std::string make_message(const LegacyMessage& message);

// What `log` holds. Throws std::runtime_error with the error, also for a part of a batch at the
// end.
std::vector<wire::RawBatch> take_all(std::string_view log);
std::vector<TestRecord> decode_all(std::string_view log, size_t most_bytes = 64 << 20);

// For hostile bytes, and for libFuzzer: takes, decodes, parses, encodes and decodes again what can
// be, with `codec` the second time. Whatever `data` is, it must not crash, and what is decoded must
// survive the second time: throws std::runtime_error if not. Gives how many records there were.
size_t exercise_records(std::string_view data, size_t most_bytes,
                        wire::Codec codec = wire::Codec::kNone);

}  // namespace kferry::test
