// Records out of batches of format 2.
#include <fmt/format.h>

#include "wire/batch_layout.h"
#include "wire/crc32c.h"
#include "wire/record_batch.h"
#include "wire/varint.h"

namespace kferry::wire {
namespace {

// Length, attributes, both deltas, key, value and headers take a byte each.
constexpr size_t kLeastRecordBytes = 7;

// -1: null. Java takes every negative length for that.
std::optional<std::string_view> read_nullable(VarintReader& reader) {
  const int32_t length = reader.varint();
  if (length < 0) return std::nullopt;
  return reader.bytes(length);
}

// Takes a body apart; false: malformed. on_header gets key and value of each header.
template <class OnHeader>
bool walk_body(std::string_view body, RecordContent& content, const OnHeader& on_header) {
  VarintReader reader(body);
  content.key = read_nullable(reader);
  content.value = read_nullable(reader);
  const int32_t headers = reader.varint();
  if (headers < 0) return false;
  // Each takes bytes, so that a count that is not true ends as a failure of the reader.
  for (int32_t i = 0; i < headers && !reader.failed(); ++i) {
    const std::string_view key = reader.bytes(reader.varint());
    on_header(key, read_nullable(reader));
  }
  return !reader.failed() && reader.rest().empty();
}

bool well_formed(std::string_view body) {
  RecordContent content;
  return walk_body(body, content, [](std::string_view, std::optional<std::string_view>) {});
}

class RecordsReader {
 public:
  RecordsReader(const BatchHeader& header, std::string_view payload)
      : header_(header), reader_(payload), last_delta_(-1) {}

  Result<std::vector<RawRecord>> read() {
    const auto count = static_cast<size_t>(header_.record_count);
    if (count > reader_.rest().size() / kLeastRecordBytes)
      return corrupt(fmt::format("{} bytes cannot be {} records", reader_.rest().size(), count));
    std::vector<RawRecord> records(count);
    for (RawRecord& record : records)
      if (!read_one(record))
        return corrupt(fmt::format("record {} of {} is malformed", &record - records.data() + 1,
                                   count));
    if (reader_.rest().empty()) return records;
    return corrupt(fmt::format("{} bytes behind its {} records", reader_.rest().size(), count));
  }

 private:
  bool read_one(RawRecord& record) {
    VarintReader one(reader_.bytes(reader_.varint()));
    one.skip_byte();  // attributes: none are defined
    const int64_t timestamp_delta = one.varlong();
    const int32_t offset_delta = one.varint();
    if (one.failed() || offset_delta <= last_delta_ || offset_delta > header_.last_offset_delta)
      return false;
    last_delta_ = offset_delta;
    record.offset = header_.base_offset + offset_delta;
    record.timestamp_ms = header_.log_append_time() ? header_.max_timestamp_ms
                                                    : add(header_.base_timestamp_ms,
                                                          timestamp_delta);
    record.body = one.rest();
    return well_formed(record.body);
  }

  // Wraps, as Java's does.
  static int64_t add(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }

  std::unexpected<Error> corrupt(std::string_view what) const {
    return corrupt_batch(header_.base_offset, what);
  }

  const BatchHeader& header_;
  VarintReader reader_;
  int32_t last_delta_;
};

Result<DecodedBatch> decode_current(const RawBatch& batch, size_t most_bytes) {
  const BatchHeader& header = batch.header;
  if (crc32c(batch.bytes.substr(kAttributesAt)) != header.crc)
    return corrupt_batch(header.base_offset, "its checksum (CRC-32C) does not match");
  DecodedBatch decoded;
  std::string_view payload = batch.bytes.substr(kBatchHeaderBytes);
  // Nothing is no compressed data either: what compaction leaves of a batch when all is gone.
  if (header.codec() != Codec::kNone && !payload.empty()) {
    auto plain = decompress(header.codec(), payload, most_bytes);
    if (!plain) return corrupt_batch(header.base_offset, plain.error().message);
    decoded.storage.push_back(std::move(*plain));
    payload = decoded.storage.back();
  }
  KFERRY_TRY(decoded.records, RecordsReader(header, payload).read());
  return decoded;
}

}  // namespace

Result<RecordContent> parse_body(std::string_view body) {
  RecordContent content;
  const auto add = [&](std::string_view key, std::optional<std::string_view> value) {
    content.headers.push_back({key, value});
  };
  if (!walk_body(body, content, add))
    return fail(ErrorKind::kFailed, "a record whose key, value or headers are malformed");
  return content;
}

Result<DecodedBatch> decode_batch(const RawBatch& batch, size_t most_bytes) {
  const BatchHeader& header = batch.header;
  if (batch.bytes.size() < least_entry_bytes(header.magic))
    return corrupt_batch(header.base_offset, "it is shorter than its header");
  return header.magic == 2 ? decode_current(batch, most_bytes) : decode_legacy(batch, most_bytes);
}

}  // namespace kferry::wire
