// Whatever a log has in it, reading it does not crash (the sanitizers watch) and does not take more
// than its bound.
#include <random>

#include <gtest/gtest.h>

#include "tests/support/records.h"
#include "wire/batch_layout.h"
#include "wire/big_endian.h"

namespace kferry::wire {
namespace {

using test::exercise_records;
using test::make_message;
using test::repaired;

using namespace std::string_view_literals;

constexpr size_t kMostBytes = 1 << 20;

// One entry of each kind.
std::vector<std::string> entries() {
  std::vector<std::string> all;
  const auto records = test::some_records(100, 6, 20);
  for (const Codec codec :
       {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd})
    all.push_back(test::make_batch(records, {.codec = codec}));
  all.push_back(test::make_batch({}, {.base_offset = 1, .last_offset = 3}));
  for (const int8_t magic : {int8_t{0}, int8_t{1}}) {
    all.push_back(make_message({.magic = magic, .key = "key", .value = "value"}));
    const std::string set = make_message({.magic = magic, .offset = 0, .value = "one"}) +
                            make_message({.magic = magic, .offset = 1, .value = "two"});
    for (const int8_t codec : {int8_t{1}, int8_t{2}, int8_t{3}})
      all.push_back(make_message({.magic = magic,
                                  .offset = 1,
                                  .attributes = codec,
                                  .value = *compress(static_cast<Codec>(codec), set)}));
  }
  return all;
}

TEST(RecordRobustness, Intact) {
  const std::vector<size_t> expected = {6, 6, 6, 6, 6, 0, 1, 2, 2, 2, 1, 2, 2, 2};
  std::vector<size_t> counts;
  for (const std::string& entry : entries()) counts.push_back(exercise_records(entry, kMostBytes));
  EXPECT_EQ(counts, expected);
}

TEST(RecordRobustness, Truncated) {
  for (const std::string& entry : entries()) {
    for (size_t size = 0; size < entry.size(); ++size) {
      std::string cut = entry.substr(0, size);
      EXPECT_EQ(exercise_records(cut, kMostBytes), 0U);
      // As if it were all.
      if (size < kLengthEnd) continue;
      store(cut.data() + kLengthAt, static_cast<int32_t>(size - kLengthEnd));
      exercise_records(repaired(cut), kMostBytes);
    }
  }
}

TEST(RecordRobustness, EveryBitFlipped) {
  for (const std::string& entry : entries()) {
    for (size_t bit = 0; bit < entry.size() * 8; ++bit) {
      std::string damaged = entry;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      exercise_records(damaged, kMostBytes);
      // A checksum keeps honest mistakes out, not an attacker.
      exercise_records(repaired(damaged), kMostBytes);
    }
  }
}

TEST(RecordRobustness, ExtremeNumbersEverywhere) {
  for (const std::string& entry : entries()) {
    for (size_t at = 0; at < entry.size(); ++at) {
      for (const std::string_view number :
           {"\x7f\xff\xff\xff"sv, "\xff\xff\xff\xff"sv, "\x80\0\0\0"sv, "\xfe\xff\xff\xff\x0f"sv,
            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv}) {
        std::string damaged = entry;
        number.copy(damaged.data() + at, damaged.size() - at);
        exercise_records(damaged, kMostBytes);
        exercise_records(repaired(damaged), kMostBytes);
      }
    }
  }
}

TEST(RecordRobustness, Noise) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 300, 0);
    for (char& byte : bytes) byte = static_cast<char>(random() % 8 == 0 ? random() : random() % 3);
    if (bytes.size() > kMagicAt) {
      bytes[kMagicAt] = static_cast<char>(random() % 3);
      store(bytes.data() + kLengthAt, static_cast<int32_t>(bytes.size() - kLengthEnd));
    }
    exercise_records(repaired(bytes), kMostBytes);
  }
}

// 16 MB of records of 7 bytes from a few KB.
TEST(RecordRobustness, Bombs) {
  const std::string filler = *encode_filler(1'000'000, 0, Codec::kZstd, {});
  EXPECT_EQ(exercise_records(filler, kMostBytes), 0U);
  for (const int8_t codec : {int8_t{1}, int8_t{2}, int8_t{3}}) {
    const std::string zeros = *compress(static_cast<Codec>(codec), std::string(16 << 20, '\0'));
    EXPECT_EQ(exercise_records(
                  make_message({.offset = 1, .attributes = codec, .value = zeros}), kMostBytes),
              0U);
  }
}

}  // namespace
}  // namespace kferry::wire
