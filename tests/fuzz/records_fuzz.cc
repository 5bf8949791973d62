// What logs hold: batches of all formats and compressions, and compressed data by itself. The first
// byte chooses; 3 bits of it are a codec.
#include "tests/fuzz/fuzz.h"
#include "tests/support/records.h"
#include "wire/batch_layout.h"
#include "wire/big_endian.h"

namespace kferry::fuzz {
namespace {

constexpr size_t kMostBytes = 1 << 20;

// As if the input were one entry: with the length and the checksum that it should have.
std::string as_one_entry(std::string bytes) {
  if (bytes.size() < wire::kLengthEnd) return bytes;
  wire::store(bytes.data() + wire::kLengthAt,
              static_cast<int32_t>(bytes.size() - wire::kLengthEnd));
  return test::repaired(std::move(bytes));
}

void take_compressed(wire::Codec codec, const std::string& bytes, bool legacy_lz4) {
  const auto plain = wire::decompress(codec, bytes, kMostBytes, legacy_lz4);
  if (!plain) return;
  expect(plain->size() <= kMostBytes, "more came out than is allowed");
  const auto packed = wire::compress(codec, *plain);
  expect(packed && wire::decompress(codec, *packed, kMostBytes) == *plain,
         "it does not survive its compression");
}

// As the mirror passes batches through: who produced it is all that changes.
void stamp(const std::string& entry) {
  std::string_view rest = entry;
  const auto before = wire::take_batch(rest);
  if (!before || !*before || (*before)->header.magic != 2) return;
  const auto records = wire::decode_batch(**before, kMostBytes);
  std::string stamped((*before)->bytes);
  wire::stamp_for_produce(stamped, {.producer_id = 7, .producer_epoch = 1, .base_sequence = 5});
  std::string_view again = stamped;
  const auto after = wire::take_batch(again);
  expect(after && *after && again.empty(), "a stamped batch is none");
  const auto second = wire::decode_batch(**after, kMostBytes);
  expect(records.has_value() == second.has_value(), "the stamp changed whether it is intact");
  if (!records) return;
  expect(records->records.size() == second->records.size(), "the stamp lost records");
  for (size_t i = 0; i < records->records.size(); ++i)
    expect(records->records[i].body == second->records[i].body, "the stamp changed a record");
}

}  // namespace
}  // namespace kferry::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kferry;
  const fuzz::Input input(data, size);
  const auto codec = static_cast<wire::Codec>(input.choice % 5);
  switch (input.choice / 8 % 4) {
    case 0:
      fuzz::take_compressed(codec, input.rest, input.choice >= 128);
      break;
    case 1:
      test::exercise_records(input.rest, fuzz::kMostBytes, codec);
      break;
    case 2:
      test::exercise_records(fuzz::as_one_entry(input.rest), fuzz::kMostBytes, codec);
      break;
    default:
      fuzz::stamp(fuzz::as_one_entry(input.rest));
  }
  return 0;
}
