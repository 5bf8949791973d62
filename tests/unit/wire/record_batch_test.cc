// Entries of a log, and batches made fit to be produced.
#include "wire/record_batch.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/java_wire.h"
#include "tests/support/records.h"
#include "wire/batch_layout.h"
#include "wire/big_endian.h"

namespace kferry::wire {
namespace {

using test::BatchOptions;
using test::make_batch;
using test::make_message;
using test::some_records;

constexpr size_t kPlenty = 64 << 20;

TEST(RecordBatch, TakesTheHeaderApart) {
  const std::string bytes =
      make_batch(some_records(1000, 3),
                 {.codec = Codec::kLz4, .leader_epoch = 9, .stamp = {4711, 2, 77},
                  .transactional = true, .append_time_ms = 5000, .base_offset = 998,
                  .last_offset = 1005});
  std::string_view data = bytes;
  const auto batch = take_batch(data);
  ASSERT_TRUE(batch && *batch);
  EXPECT_TRUE(data.empty());
  EXPECT_EQ((*batch)->bytes, bytes);
  const BatchHeader& header = (*batch)->header;
  EXPECT_EQ(header.base_offset, 998);
  EXPECT_EQ(header.last_offset(), 1005);
  EXPECT_EQ(header.batch_length, static_cast<int32_t>(bytes.size() - 12));
  EXPECT_EQ(header.partition_leader_epoch, 9);
  EXPECT_EQ(header.magic, 2);
  EXPECT_EQ(header.codec(), Codec::kLz4);
  EXPECT_TRUE(header.log_append_time());
  EXPECT_TRUE(header.transactional());
  EXPECT_FALSE(header.control());
  EXPECT_EQ(header.base_timestamp_ms, 1'700'000'000'000);
  EXPECT_EQ(header.max_timestamp_ms, 5000);
  EXPECT_EQ(header.producer_id, 4711);
  EXPECT_EQ(header.producer_epoch, 2);
  EXPECT_EQ(header.base_sequence, 77);
  EXPECT_EQ(header.record_count, 3);
}

TEST(RecordBatch, TakesOldMessages) {
  const std::string bytes =
      make_message({.magic = 1, .offset = 5, .attributes = 0x0a, .value = "v"}) +
      // What format 0 does not define does not count.
      make_message({.magic = 0, .offset = 6, .attributes = 0x79, .value = "v"});
  const auto batches = test::take_all(bytes);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].header.magic, 1);
  EXPECT_EQ(batches[0].header.base_offset, 5);
  EXPECT_EQ(batches[0].header.last_offset(), 5);
  EXPECT_EQ(batches[0].header.codec(), Codec::kSnappy);
  EXPECT_TRUE(batches[0].header.log_append_time());
  EXPECT_EQ(batches[1].header.magic, 0);
  EXPECT_EQ(batches[1].header.attributes, 1);
  EXPECT_EQ(batches[1].header.producer_id, -1);
  EXPECT_EQ(batches[0].bytes.size() + batches[1].bytes.size(), bytes.size());
}

TEST(RecordBatch, AnEntryThatIsCutOffIsNotTaken) {
  const std::string whole = make_batch(some_records(0, 2));
  for (const std::string& last :
       {make_batch(some_records(2, 2)), make_message({.offset = 2, .value = "v"})}) {
    for (size_t size = 0; size < last.size(); ++size) {
      const std::string bytes = whole + last.substr(0, size);
      std::string_view data = bytes;
      const auto first = take_batch(data);
      ASSERT_TRUE(first && *first);
      const auto second = take_batch(data);
      ASSERT_TRUE(second) << second.error().message;
      EXPECT_FALSE(*second);
      EXPECT_EQ(data.size(), size);
    }
  }
}

// `number` in place of what is there.
template <class Number>
std::string with(std::string bytes, size_t at, Number number) {
  store(bytes.data() + at, number);
  return bytes;
}

std::string error_of(std::string_view data) {
  const auto batch = take_batch(data);
  return batch ? "" : batch.error().message;
}

TEST(RecordBatch, HeadersThatCannotBe) {
  const std::string batch = make_batch(some_records(7, 3));
  EXPECT_EQ(error_of(batch), "");
  EXPECT_EQ(error_of(with<int8_t>(batch, kMagicAt, 3)),
            "corrupt batch at offset 7: its format (magic) is 3");
  EXPECT_NE(error_of(with<int8_t>(batch, kMagicAt, -1)), "");
  for (const int32_t length : {std::numeric_limits<int32_t>::min(), -1, 0, 48})
    EXPECT_EQ(error_of(with(batch, kLengthAt, length)),
              fmt::format("corrupt batch at offset 7: its length is {}", length));
  EXPECT_EQ(error_of(with(batch, kLengthAt, std::numeric_limits<int32_t>::max())), "");
  EXPECT_NE(error_of(with<int64_t>(batch, kBaseOffsetAt, -1)), "");
  EXPECT_NE(error_of(with(batch, kBaseOffsetAt, std::numeric_limits<int64_t>::max() - 1)), "");
  EXPECT_NE(error_of(with<int32_t>(batch, kLastOffsetDeltaAt, -1)), "");
  EXPECT_EQ(error_of(with<int32_t>(batch, kLastOffsetDeltaAt, 1)),
            "corrupt batch at offset 7: 3 records with a last offset delta of 1");
  EXPECT_NE(error_of(with<int32_t>(batch, kRecordCountAt, -1)), "");
  EXPECT_NE(error_of(with(batch, kRecordCountAt, std::numeric_limits<int32_t>::max())), "");
  EXPECT_EQ(error_of(with<int32_t>(batch, kRecordCountAt, 0)), "");

  for (const int8_t magic : {int8_t{0}, int8_t{1}}) {
    const std::string message = make_message({.magic = magic, .offset = 7});
    EXPECT_EQ(error_of(message), "");
    EXPECT_NE(error_of(with(message, kLengthAt, static_cast<int32_t>(message.size() - 13))), "");
  }
}

TEST(RecordBatch, SequencesWrap) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(advance_sequence(0, 0), 0);
  EXPECT_EQ(advance_sequence(5, 10), 15);
  EXPECT_EQ(advance_sequence(kMax, 1), 0);
  EXPECT_EQ(advance_sequence(kMax - 1, 1), kMax);
  EXPECT_EQ(advance_sequence(kMax, kMax), kMax - 1);
  EXPECT_EQ(advance_sequence(3, int64_t{1} << 31), 3);
  EXPECT_EQ(advance_sequence(kMax, std::numeric_limits<int64_t>::max()), kMax - 1);
}

TEST(RecordBatch, AStampMakesItFitToBeProduced) {
  for (const Codec codec : {Codec::kNone, Codec::kZstd}) {
    for (const int count : {1, 2, 5000}) {
      const auto records = some_records(1'000'000'000'000, count);
      std::string bytes = make_batch(records, {.codec = codec, .stamp = {1, 1, 1},
                                               .transactional = true, .append_time_ms = 5});
      // The delete horizon of compacted batches (KIP-534) goes too.
      bytes[kAttributesAt + 1] = static_cast<char>(bytes[kAttributesAt + 1] | 0x40);
      store(bytes.data() + kCrcAt, test::checksum(bytes));
      stamp_for_produce(bytes, {12345678901, 7, 2'000'000'000});
      const RawBatch batch = test::take_all(bytes).at(0);
      EXPECT_EQ(batch.header.base_offset, 0);
      EXPECT_EQ(batch.header.partition_leader_epoch, -1);
      EXPECT_EQ(batch.header.attributes, static_cast<int16_t>(codec));
      EXPECT_EQ(batch.header.producer_id, 12345678901);
      EXPECT_EQ(batch.header.producer_epoch, 7);
      EXPECT_EQ(batch.header.base_sequence, 2'000'000'000);
      EXPECT_EQ(batch.header.record_count, count);
      EXPECT_EQ(batch.header.crc, test::checksum(bytes));
      auto expected = records;
      for (test::TestRecord& record : expected) record.offset -= records.front().offset;
      EXPECT_EQ(test::decode_all(bytes), expected);
    }
  }
}

TEST(RecordBatch, AStampDoesNotHideCorruption) {
  const std::string intact = make_batch(some_records(0, 20), {.codec = Codec::kLz4});
  for (size_t at = kAttributesAt; at < intact.size(); ++at) {
    // These are overwritten.
    if (at < kLastOffsetDeltaAt || (at >= kProducerIdAt && at < kRecordCountAt)) continue;
    std::string bytes = intact;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x04);
    stamp_for_produce(bytes, {1, 0, 0});
    EXPECT_NE(load<uint32_t>(bytes.data() + kCrcAt), test::checksum(bytes)) << at;
  }
}

}  // namespace
}  // namespace kferry::wire
