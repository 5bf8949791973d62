#include "wire/record_batch.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "wire/batch_layout.h"
#include "wire/big_endian.h"
#include "wire/crc32c.h"

namespace kferry::wire {
namespace {

constexpr int64_t kMaxOffset = std::numeric_limits<int64_t>::max();

BatchHeader read_header(const char* at) {
  BatchHeader header;
  header.base_offset = load<int64_t>(at + kBaseOffsetAt);
  header.batch_length = load<int32_t>(at + kLengthAt);
  header.partition_leader_epoch = load<int32_t>(at + kLeaderEpochAt);
  header.magic = load<int8_t>(at + kMagicAt);
  header.crc = load<uint32_t>(at + kCrcAt);
  header.attributes = load<int16_t>(at + kAttributesAt);
  header.last_offset_delta = load<int32_t>(at + kLastOffsetDeltaAt);
  header.base_timestamp_ms = load<int64_t>(at + kBaseTimestampAt);
  header.max_timestamp_ms = load<int64_t>(at + kMaxTimestampAt);
  header.producer_id = load<int64_t>(at + kProducerIdAt);
  header.producer_epoch = load<int16_t>(at + kProducerEpochAt);
  header.base_sequence = load<int32_t>(at + kBaseSequenceAt);
  header.record_count = load<int32_t>(at + kRecordCountAt);
  return header;
}

BatchHeader read_legacy_header(const char* at) {
  BatchHeader header;
  header.base_offset = load<int64_t>(at + kBaseOffsetAt);
  header.batch_length = load<int32_t>(at + kLengthAt);
  header.magic = load<int8_t>(at + kMagicAt);
  header.crc = load<uint32_t>(at + kLegacyCrcAt);
  const auto attributes = load<int8_t>(at + kLegacyAttributesAt);
  const int16_t meaning = header.magic == 1 ? kCodecBits | kLogAppendTimeBit : kCodecBits;
  header.attributes = static_cast<int16_t>(attributes & meaning);
  return header;
}

// Offsets and counts that no broker has assigned; nobody behind has to expect them.
Result<> check_counts(const BatchHeader& header) {
  if (header.base_offset < 0) return corrupt_batch(header.base_offset, "a negative offset");
  if (header.last_offset_delta < 0 || header.base_offset > kMaxOffset - header.last_offset_delta)
    return corrupt_batch(header.base_offset,
                         fmt::format("a last offset delta of {}", header.last_offset_delta));
  // A compacted batch has fewer records than offsets, or none.
  if (header.magic == 2 &&
      (header.record_count < 0 || header.record_count - 1 > header.last_offset_delta))
    return corrupt_batch(header.base_offset,
                         fmt::format("{} records with a last offset delta of {}",
                                     header.record_count, header.last_offset_delta));
  return {};
}

}  // namespace

std::unexpected<Error> corrupt_batch(int64_t base_offset, std::string_view what) {
  return fail(ErrorKind::kFailed, fmt::format("corrupt batch at offset {}: {}", base_offset, what));
}

Result<std::optional<RawBatch>> take_batch(std::string_view& data) {
  if (data.size() <= kMagicAt) return std::nullopt;
  const auto base_offset = load<int64_t>(data.data() + kBaseOffsetAt);
  const auto length = load<int32_t>(data.data() + kLengthAt);
  const auto magic = load<int8_t>(data.data() + kMagicAt);
  if (magic < 0 || magic > 2)
    return corrupt_batch(base_offset, fmt::format("its format (magic) is {}", magic));
  const size_t least = least_entry_bytes(magic);
  if (length < 0 || kLengthEnd + static_cast<size_t>(length) < least)
    return corrupt_batch(base_offset, fmt::format("its length is {}", length));
  const size_t size = kLengthEnd + static_cast<size_t>(length);
  if (data.size() < size) return std::nullopt;
  const BatchHeader header =
      magic == 2 ? read_header(data.data()) : read_legacy_header(data.data());
  KFERRY_CHECK(check_counts(header));
  const RawBatch batch{data.substr(0, size), header};
  data.remove_prefix(size);
  return batch;
}

int32_t advance_sequence(int32_t sequence, int64_t count) {
  constexpr int64_t kSequences = int64_t{1} << 31;
  return static_cast<int32_t>((sequence + count % kSequences) % kSequences);
}

void stamp_for_produce(std::span<char> batch, const ProducerStamp& stamp) {
  store<int64_t>(batch.data() + kBaseOffsetAt, 0);
  store<int32_t>(batch.data() + kLeaderEpochAt, -1);
  constexpr size_t kFrom = kAttributesAt;
  constexpr size_t kTo = kRecordCountAt;
  char* const from = batch.data() + kFrom;
  std::array<char, kTo - kFrom> before;
  std::copy_n(from, before.size(), before.data());
  const auto attributes = load<int16_t>(from);
  store(from, static_cast<int16_t>(attributes & kCodecBits));
  store(batch.data() + kProducerIdAt, stamp.producer_id);
  store(batch.data() + kProducerEpochAt, stamp.producer_epoch);
  store(batch.data() + kBaseSequenceAt, stamp.base_sequence);
  const auto crc = load<uint32_t>(batch.data() + kCrcAt);
  store(batch.data() + kCrcAt, crc32c_patch(crc, {before.data(), before.size()},
                                            {from, before.size()}, batch.size() - kTo));
}

Codec codec_of(std::span<const char> batch) {
  // The attributes are big-endian: the codec is in their second byte.
  return static_cast<Codec>(batch[kAttributesAt + 1] & kCodecBits);
}

}  // namespace kferry::wire
