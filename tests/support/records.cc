#include "tests/support/records.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <zlib.h>

#include "tests/support/hex.h"
#include "wire/batch_layout.h"
#include "wire/big_endian.h"
#include "wire/crc32c.h"
#include "wire/varint.h"

namespace kferry::test {
namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  char bytes[sizeof number];
  wire::store(bytes, number);
  out.append(bytes, sizeof bytes);
}

void append_varint(std::string& out, int64_t value) {
  char bytes[wire::kMaxVarintBytes];
  out.append(bytes, static_cast<size_t>(wire::put_varint(bytes, value) - bytes));
}

void append_nullable(std::string& out, const std::optional<std::string>& bytes) {
  append_varint(out, bytes ? static_cast<int64_t>(bytes->size()) : -1);
  if (bytes) out += *bytes;
}

void append_legacy_nullable(std::string& out, const std::optional<std::string>& bytes) {
  append_number(out, bytes ? static_cast<int32_t>(bytes->size()) : -1);
  if (bytes) out += *bytes;
}

nlohmann::json hex_or_null(const std::optional<std::string>& bytes) {
  return bytes ? nlohmann::json(to_hex(*bytes)) : nlohmann::json();
}

std::optional<std::string> own(const std::optional<std::string_view>& bytes) {
  return bytes ? std::optional(std::string(*bytes)) : std::nullopt;
}

TestRecord to_test_record(const wire::RawRecord& raw) {
  const auto content = wire::parse_body(raw.body);
  if (!content) throw std::runtime_error(content.error().message);
  TestRecord record{raw.offset, raw.timestamp_ms, own(content->key), own(content->value), {}};
  for (const wire::RecordHeader& header : content->headers)
    record.headers.emplace_back(std::string(header.key), own(header.value));
  return record;
}

std::string payload_of(const std::vector<TestRecord>& records, int64_t base_offset,
                       int64_t base_timestamp) {
  std::string payload;
  for (const TestRecord& record : records) {
    std::string one(1, 0);
    append_varint(one, record.timestamp_ms - base_timestamp);
    append_varint(one, record.offset - base_offset);
    one += record_body(record);
    append_varint(payload, static_cast<int64_t>(one.size()));
    payload += one;
  }
  return payload;
}

int16_t attributes_of(const BatchOptions& options) {
  return static_cast<int16_t>(static_cast<int>(options.codec) |
                              (options.append_time_ms ? 0x08 : 0) |
                              (options.transactional ? 0x10 : 0) | (options.control ? 0x20 : 0));
}

// By zlib, which wire/ does not use for this.
uint32_t crc32(std::string_view bytes) {
  return static_cast<uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

nlohmann::json to_json(const TestRecord& record) {
  nlohmann::json headers = nlohmann::json::array();
  for (const auto& [key, value] : record.headers)
    headers.push_back({to_hex(key), hex_or_null(value)});
  return {{"offset", record.offset},
          {"timestamp_ms", record.timestamp_ms},
          {"key", hex_or_null(record.key)},
          {"value", hex_or_null(record.value)},
          {"headers", headers}};
}

nlohmann::json to_json(const std::vector<TestRecord>& records) {
  nlohmann::json all = nlohmann::json::array();
  for (const TestRecord& record : records) all.push_back(to_json(record));
  return all;
}

std::string record_body(const TestRecord& record) {
  std::string body;
  append_nullable(body, record.key);
  append_nullable(body, record.value);
  append_varint(body, static_cast<int64_t>(record.headers.size()));
  for (const auto& [key, value] : record.headers) {
    append_nullable(body, key);
    append_nullable(body, value);
  }
  return body;
}

wire::RawRecord make_raw(const TestRecord& record, std::string& body) {
  body = record_body(record);
  return {record.offset, record.timestamp_ms, body};
}

std::vector<TestRecord> some_records(int64_t first_offset, int count, size_t value_bytes) {
  std::vector<TestRecord> records;
  uint64_t random = static_cast<uint64_t>(first_offset) + 88172645463325252ULL;
  for (int i = 0; i < count; ++i) {
    TestRecord record{first_offset + i, 1'700'000'000'000 + 7 * i, {}, {}, {}};
    if (i % 3 != 1) record.key = fmt::format("key-{}", i % 100);
    if (i % 5 != 4) {
      std::string& value = record.value.emplace();
      while (value.size() < value_bytes) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        value += fmt::format("{{\"id\":{},\"state\":\"{}\"}},", random % 1'000'000,
                             random % 2 == 0 ? "open" : "closed");
      }
      value.resize(value_bytes);
    }
    if (i % 4 == 3) record.headers = {{"trace", "0af7651916cd43dd"}, {"", std::nullopt}};
    records.push_back(std::move(record));
  }
  return records;
}

std::string make_batch(const std::vector<TestRecord>& records, const BatchOptions& options) {
  const int64_t base_offset = options.base_offset ? *options.base_offset : records.at(0).offset;
  const int64_t last_offset = options.last_offset ? *options.last_offset : records.back().offset;
  const int64_t base_timestamp = records.empty() ? -1 : records.front().timestamp_ms;
  int64_t max_timestamp = base_timestamp;
  for (const TestRecord& record : records)
    max_timestamp = std::max(max_timestamp, record.timestamp_ms);
  std::string covered;
  append_number(covered, attributes_of(options));
  append_number(covered, static_cast<int32_t>(last_offset - base_offset));
  append_number(covered, base_timestamp);
  append_number(covered, options.append_time_ms.value_or(max_timestamp));
  append_number(covered, options.stamp.producer_id);
  append_number(covered, options.stamp.producer_epoch);
  append_number(covered, options.stamp.base_sequence);
  append_number(covered, static_cast<int32_t>(records.size()));
  if (!records.empty())
    covered += or_throw(
        wire::compress(options.codec, payload_of(records, base_offset, base_timestamp)));
  std::string batch;
  append_number(batch, base_offset);
  append_number(batch, static_cast<int32_t>(9 + covered.size()));
  append_number(batch, options.leader_epoch);
  append_number(batch, int8_t{2});
  append_number(batch, wire::crc32c(covered));
  return batch + covered;
}

uint32_t checksum(std::string_view batch) {
  return wire::crc32c(batch.substr(wire::kAttributesAt));
}

std::string repaired(std::string entry) {
  if (entry.size() <= wire::kMagicAt) return entry;
  if (entry[wire::kMagicAt] != 2)
    wire::store(entry.data() + wire::kLegacyCrcAt,
                crc32(std::string_view(entry).substr(wire::kMagicAt)));
  else if (entry.size() > wire::kAttributesAt)
    wire::store(entry.data() + wire::kCrcAt, checksum(entry));
  return entry;
}

std::string make_message(const LegacyMessage& message) {
  std::string covered;
  append_number(covered, message.magic);
  append_number(covered, message.attributes);
  if (message.magic == 1) append_number(covered, message.timestamp_ms);
  append_legacy_nullable(covered, message.key);
  append_legacy_nullable(covered, message.value);
  std::string bytes;
  append_number(bytes, message.offset);
  append_number(bytes, static_cast<int32_t>(4 + covered.size()));
  append_number(bytes, crc32(covered));
  return bytes + covered;
}

std::vector<wire::RawBatch> take_all(std::string_view log) {
  std::vector<wire::RawBatch> batches;
  while (!log.empty()) {
    const auto batch = or_throw(wire::take_batch(log));
    if (!batch) throw std::runtime_error(fmt::format("{} bytes left over", log.size()));
    batches.push_back(*batch);
  }
  return batches;
}

std::vector<TestRecord> decode_all(std::string_view log, size_t most_bytes) {
  std::vector<TestRecord> records;
  for (const wire::RawBatch& batch : take_all(log)) {
    const wire::DecodedBatch decoded = or_throw(wire::decode_batch(batch, most_bytes));
    for (const wire::RawRecord& raw : decoded.records) records.push_back(to_test_record(raw));
  }
  return records;
}

size_t exercise_records(std::string_view data, size_t most_bytes, wire::Codec codec) {
  size_t count = 0;
  while (true) {
    const auto batch = wire::take_batch(data);
    if (!batch || !*batch) return count;
    const auto decoded = wire::decode_batch(**batch, most_bytes);
    if (!decoded || decoded->records.empty()) continue;
    const std::vector<wire::RawRecord>& records = decoded->records;
    count += records.size();
    const std::string again = or_throw(wire::encode_batch(records, codec, {}));
    const std::vector<TestRecord> second = decode_all(again);
    if (second.size() != records.size()) throw std::runtime_error("records got lost");
    for (size_t i = 0; i < second.size(); ++i) {
      TestRecord first = to_test_record(records[i]);
      first.offset = static_cast<int64_t>(i);
      if (first != second[i]) throw std::runtime_error("a record has changed");
    }
  }
}

}  // namespace kferry::test
