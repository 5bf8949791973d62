// Message sets of formats 0 and 1.
#include <gtest/gtest.h>

#include "tests/support/records.h"
#include "wire/record_batch.h"

namespace kferry::wire {
namespace {

using test::decode_all;
using test::LegacyMessage;
using test::make_message;
using test::TestRecord;

constexpr size_t kPlenty = 64 << 20;

// A compressed set of these messages in the message `outer`, whose codec is in its attributes.
std::string make_set(LegacyMessage outer, const std::vector<LegacyMessage>& inner) {
  std::string set;
  for (const LegacyMessage& message : inner) set += make_message(message);
  outer.value = *compress(static_cast<Codec>(outer.attributes & 7), set);
  return make_message(outer);
}

std::string error_of(const std::string& bytes, size_t most_bytes = kPlenty) {
  const auto decoded = decode_batch(test::take_all(bytes).at(0), most_bytes);
  return decoded ? "" : decoded.error().message;
}

std::vector<int64_t> offsets_of(const std::string& bytes) {
  std::vector<int64_t> offsets;
  for (const TestRecord& record : decode_all(bytes)) offsets.push_back(record.offset);
  return offsets;
}

TEST(LegacyRecords, SingleMessages) {
  const std::string bytes =
      make_message({.magic = 0, .offset = 3, .key = "k", .value = std::string(1000, 'v')}) +
      make_message({.magic = 1, .offset = 4, .timestamp_ms = 77}) +
      make_message({.magic = 1, .offset = 9, .attributes = 8, .timestamp_ms = 78, .key = "",
                    .value = ""});
  const std::vector<TestRecord> expected = {{3, -1, "k", std::string(1000, 'v'), {}},
                                            {4, 77, std::nullopt, std::nullopt, {}},
                                            {9, 78, "", "", {}}};
  EXPECT_EQ(decode_all(bytes), expected);
}

TEST(LegacyRecords, OffsetsInSetsOfFormat0AreAbsolute) {
  for (const int8_t codec : {int8_t{1}, int8_t{2}, int8_t{3}})
    EXPECT_EQ(offsets_of(make_set({.magic = 0, .offset = 12, .attributes = codec},
                                  {{.magic = 0, .offset = 10}, {.magic = 0, .offset = 12}})),
              (std::vector<int64_t>{10, 12}));
}

TEST(LegacyRecords, OffsetsInSetsOfFormat1AreRelativeToTheLast) {
  for (const int8_t codec : {int8_t{1}, int8_t{2}, int8_t{3}}) {
    EXPECT_EQ(offsets_of(make_set({.offset = 1002, .attributes = codec},
                                  {{.offset = 0}, {.offset = 1}, {.offset = 2}})),
              (std::vector<int64_t>{1000, 1001, 1002}));
    // Compacted.
    EXPECT_EQ(offsets_of(make_set({.offset = 1007, .attributes = codec},
                                  {{.offset = 3}, {.offset = 7}})),
              (std::vector<int64_t>{1003, 1007}));
  }
  EXPECT_EQ(offsets_of(make_set({.offset = 0, .attributes = 1}, {{.offset = 0}})),
            std::vector<int64_t>{0});
}

TEST(LegacyRecords, TimestampsAreTheProducersOrTheBrokers) {
  const std::vector<LegacyMessage> inner = {{.offset = 0, .timestamp_ms = 5},
                                            {.offset = 1, .timestamp_ms = 6}};
  auto records = decode_all(make_set({.offset = 1, .attributes = 1, .timestamp_ms = 99}, inner));
  EXPECT_EQ(records.at(0).timestamp_ms, 5);
  EXPECT_EQ(records.at(1).timestamp_ms, 6);
  records = decode_all(make_set({.offset = 1, .attributes = 9, .timestamp_ms = 99}, inner));
  EXPECT_EQ(records.at(0).timestamp_ms, 99);
  EXPECT_EQ(records.at(1).timestamp_ms, 99);
}

TEST(LegacyRecords, ManyAndLarge) {
  std::vector<LegacyMessage> inner;
  std::vector<TestRecord> expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string value(static_cast<size_t>(i % 300), static_cast<char>(i));
    inner.push_back({.offset = i, .timestamp_ms = i, .value = value});
    expected.push_back({i + 10, i, std::nullopt, value, {}});
  }
  EXPECT_EQ(decode_all(make_set({.offset = 5009, .attributes = 3}, inner)), expected);
}

TEST(LegacyRecords, WhatIsCorrupt) {
  std::string bytes = make_message({.offset = 6, .value = "v"});
  bytes.back() = 'w';
  EXPECT_EQ(error_of(bytes), "corrupt batch at offset 6: its checksum (CRC-32) does not match");
  EXPECT_EQ(error_of(make_message({.offset = 6, .attributes = 1})),
            "corrupt batch at offset 6: a compressed set that is null");
  EXPECT_EQ(error_of(make_message({.offset = 6, .attributes = 4, .value = "v"})),
            "corrupt batch at offset 6: zstd, which its format does not have");
  EXPECT_EQ(error_of(make_set({.offset = 6, .attributes = 1}, {})),
            "corrupt batch at offset 6: a compressed set without messages");
  EXPECT_EQ(error_of(make_set({.offset = 6, .attributes = 1}, {{.offset = 7}})),
            "corrupt batch at offset 6: its last message has a larger offset");
  EXPECT_EQ(error_of(make_set({.offset = 6, .attributes = 1}, {{.attributes = 2, .value = "v"}})),
            "corrupt batch at offset 6: compressed messages within");
  for (const int64_t second : {int64_t{1}, int64_t{2}})  // behind 2
    EXPECT_EQ(error_of(make_set({.offset = 6, .attributes = 1},
                                {{.offset = 2}, {.offset = second}, {.offset = 3}})),
              "corrupt batch at offset 6: its messages' offsets do not rise");
  EXPECT_EQ(error_of(make_set({.offset = 6, .attributes = 1},
                              {{.offset = std::numeric_limits<int64_t>::max()}, {.offset = 3}})),
            "corrupt batch at offset 6: its messages' offsets do not rise");
}

TEST(LegacyRecords, WhatIsCorruptWithin) {
  const auto with_set = [](const std::string& set) {
    return error_of(
        make_message({.offset = 6, .attributes = 1, .value = *compress(Codec::kGzip, set)}));
  };
  const std::string inner = make_message({.offset = 0, .value = "value"});
  EXPECT_EQ(with_set(inner), "");
  for (size_t size = 0; size < inner.size(); ++size) {
    EXPECT_NE(with_set(inner.substr(0, size)), "");
    EXPECT_EQ(with_set(inner + inner.substr(0, size)).empty(), size == 0);
  }
  std::string damaged = inner;
  damaged.back() = 'w';
  EXPECT_EQ(with_set(damaged),
            "corrupt batch at offset 6: within it: corrupt batch at offset 0: its checksum "
            "(CRC-32) does not match");
  EXPECT_EQ(with_set(test::make_batch(test::some_records(0, 1))),
            "corrupt batch at offset 6: a batch of format 2 within it");
}

TEST(LegacyRecords, MoreThanAllowed) {
  const std::string bytes =
      make_set({.offset = 0, .attributes = 3}, {{.value = std::string(5000, 'v')}});
  EXPECT_EQ(error_of(bytes, 5034), "");
  EXPECT_EQ(error_of(bytes, 5033),
            "corrupt batch at offset 0: lz4 data of more than the 5033 bytes that are allowed");
}

}  // namespace
}  // namespace kferry::wire
