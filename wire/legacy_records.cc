// Records out of message sets of formats 0 and 1 (Kafka: LegacyRecord, AbstractLegacyRecordBatch).
#include <limits>

#include <isa-l/crc.h>

#include "wire/batch_layout.h"
#include "wire/big_endian.h"
#include "wire/varint.h"

namespace kferry::wire {
namespace {

// A message; of a compressed set, the outer one or one of the inner ones.
struct Message {
  BatchHeader header;
  int64_t timestamp_ms = -1;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
};

// CRC-32 as zlib and java.util.zip have it.
uint32_t crc32(std::string_view bytes) {
  return crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

// An int32 length and so many bytes; nullopt inside: null (-1). False: malformed.
bool take_nullable(std::string_view& in, std::optional<std::string_view>& out) {
  if (in.size() < sizeof(int32_t)) return false;
  const auto length = load<int32_t>(in.data());
  in.remove_prefix(sizeof(int32_t));
  if (length < 0) return length == -1;
  const auto size = static_cast<size_t>(length);
  if (size > in.size()) return false;
  out = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

Result<Message> read_message(const RawBatch& batch) {
  Message message{batch.header, -1, {}, {}};
  const auto corrupt = [&](std::string_view what) {
    return corrupt_batch(batch.header.base_offset, what);
  };
  if (crc32(batch.bytes.substr(kMagicAt)) != batch.header.crc)
    return corrupt("its checksum (CRC-32) does not match");
  std::string_view rest = batch.bytes.substr(kLegacyTimestampAt);
  if (batch.header.magic == 1) {
    message.timestamp_ms = load<int64_t>(rest.data());
    rest.remove_prefix(sizeof(int64_t));
  }
  if (!take_nullable(rest, message.key) || !take_nullable(rest, message.value) || !rest.empty())
    return corrupt("key and value do not fill the message");
  return message;
}

size_t body_bytes(const Message& message) {
  const size_t key = message.key ? message.key->size() : 0;
  const size_t value = message.value ? message.value->size() : 0;
  return 2 * kMaxVarintBytes + key + value + 1;
}

void append_nullable(std::string& out, const std::optional<std::string_view>& bytes) {
  char length[kMaxVarintBytes];
  const int64_t size = bytes ? static_cast<int64_t>(bytes->size()) : -1;
  out.append(length, static_cast<size_t>(put_varint(length, size) - length));
  if (bytes) out += *bytes;
}

// The message's body in format 2, without headers. `storage` has room for it, so that what points
// into it stays valid.
RawRecord make_record(const Message& message, std::string& storage) {
  const size_t start = storage.size();
  append_nullable(storage, message.key);
  append_nullable(storage, message.value);
  storage.push_back(0);
  return {message.header.base_offset, message.timestamp_ms,
          std::string_view(storage).substr(start)};
}

// All of them, before any is made a record: in format 1 the last one tells what the others'
// offsets mean (KIP-31).
Result<std::vector<Message>> read_inner(const Message& outer, std::string_view set) {
  const int64_t offset = outer.header.base_offset;
  std::vector<Message> messages;
  while (!set.empty()) {
    auto inner = take_batch(set);
    if (!inner) return corrupt_batch(offset, "within it: " + inner.error().message);
    if (!*inner) return corrupt_batch(offset, "it ends in the middle of a message");
    const BatchHeader& header = (*inner)->header;
    if (header.magic == 2) return corrupt_batch(offset, "a batch of format 2 within it");
    if (header.codec() != Codec::kNone) return corrupt_batch(offset, "compressed messages within");
    auto message = read_message(**inner);
    if (!message) return corrupt_batch(offset, "within it: " + message.error().message);
    messages.push_back(std::move(*message));
  }
  if (messages.empty()) return corrupt_batch(offset, "a compressed set without messages");
  return messages;
}

// Makes the offsets absolute, and applies the broker's timestamp, which is in the outer message
// only (KIP-32).
Result<> complete(const Message& outer, std::vector<Message>& messages) {
  const int64_t outer_offset = outer.header.base_offset;
  const int64_t last = messages.back().header.base_offset;
  if (last > outer_offset)
    return corrupt_batch(outer_offset, "its last message has a larger offset");
  const int64_t base = outer.header.magic == 1 ? outer_offset - last : 0;
  int64_t previous = -1;
  for (Message& message : messages) {
    int64_t& offset = message.header.base_offset;
    if (offset > last) return corrupt_batch(outer_offset, "its messages' offsets do not rise");
    offset += base;
    if (offset <= previous)
      return corrupt_batch(outer_offset, "its messages' offsets do not rise");
    previous = offset;
    if (outer.header.log_append_time() && message.header.magic == 1)
      message.timestamp_ms = outer.timestamp_ms;
  }
  return {};
}

Result<std::vector<Message>> decompress_inner(const Message& outer, size_t most_bytes,
                                              std::string& plain) {
  const int64_t offset = outer.header.base_offset;
  if (outer.header.codec() == Codec::kZstd)
    return corrupt_batch(offset, "zstd, which its format does not have");
  if (!outer.value) return corrupt_batch(offset, "a compressed set that is null");
  auto set = decompress(outer.header.codec(), *outer.value, most_bytes, outer.header.magic == 0);
  if (!set) return corrupt_batch(offset, set.error().message);
  plain = std::move(*set);
  KFERRY_TRY(std::vector<Message> messages, read_inner(outer, plain));
  KFERRY_CHECK(complete(outer, messages));
  return messages;
}

}  // namespace

Result<DecodedBatch> decode_legacy(const RawBatch& batch, size_t most_bytes) {
  KFERRY_TRY(Message outer, read_message(batch));
  std::string plain;  // what the messages point into until they are records
  std::vector<Message> messages;
  if (batch.header.codec() == Codec::kNone) {
    messages.push_back(std::move(outer));
  } else {
    KFERRY_TRY(messages, decompress_inner(outer, most_bytes, plain));
  }
  size_t size = 0;
  for (const Message& message : messages) size += body_bytes(message);
  DecodedBatch decoded;
  std::string& storage = decoded.storage.emplace_back();
  storage.reserve(size);
  decoded.records.reserve(messages.size());
  for (const Message& message : messages) decoded.records.push_back(make_record(message, storage));
  return decoded;
}

}  // namespace kferry::wire
