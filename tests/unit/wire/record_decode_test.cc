// Records of batches of format 2, in both directions.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/records.h"
#include "wire/batch_layout.h"
#include "wire/big_endian.h"
#include "wire/record_batch.h"

namespace kferry::wire {
namespace {

using test::decode_all;
using test::make_batch;
using test::some_records;
using test::TestRecord;

constexpr size_t kPlenty = 64 << 20;

std::string error_of(const std::string& bytes, size_t most_bytes = kPlenty) {
  const auto decoded = decode_batch(test::take_all(bytes).at(0), most_bytes);
  return decoded ? "" : decoded.error().message;
}

constexpr Codec kCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4,
                             Codec::kZstd};

TEST(RecordDecode, AllThereIs) {
  for (const Codec codec : kCodecs) {
    for (const int count : {1, 2, 100, 3000}) {
      const auto records = some_records(int64_t{1} << 40, count);
      EXPECT_EQ(decode_all(make_batch(records, {.codec = codec})), records);
    }
  }
}

TEST(RecordDecode, OffsetsWithGaps) {
  auto records = some_records(100, 4);
  records[1].offset = 150;
  records[2].offset = 151;
  records[3].offset = 1'000'000;
  EXPECT_EQ(decode_all(make_batch(records, {.base_offset = 7, .last_offset = 2'000'000})), records);
}

TEST(RecordDecode, WhatCompactionLeavesOfABatch) {
  for (const Codec codec : kCodecs) {
    const std::string bytes =
        make_batch({}, {.codec = codec, .base_offset = 10, .last_offset = 19});
    EXPECT_EQ(decode_all(bytes), std::vector<TestRecord>{});
    EXPECT_EQ(test::take_all(bytes).at(0).header.last_offset(), 19);
  }
}

TEST(RecordDecode, TheBrokersTimestampIsForAll) {
  auto records = some_records(0, 3);
  const std::string bytes = make_batch(records, {.append_time_ms = 123});
  for (TestRecord& record : records) record.timestamp_ms = 123;
  EXPECT_EQ(decode_all(bytes), records);
}

TEST(RecordDecode, TimestampsGoBackAndWrap) {
  auto records = some_records(0, 3);
  records[0].timestamp_ms = 1000;
  records[1].timestamp_ms = -1;
  records[2].timestamp_ms = 10;
  EXPECT_EQ(decode_all(make_batch(records)), records);
  std::string bytes = make_batch(records);
  store(bytes.data() + kBaseTimestampAt, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(decode_all(test::repaired(bytes)).at(2).timestamp_ms,
            std::numeric_limits<int64_t>::max() - 989);
}

TEST(RecordDecode, BodiesOfAllShapes) {
  TestRecord record{0, 0, "", "", {{"", ""}, {"k", std::nullopt}, {"k", "v"}}};
  EXPECT_EQ(decode_all(make_batch({record})), std::vector{record});
  record = {0, 0, std::string(200, 'k'), std::string(2'000'000, 'v'), {}};
  EXPECT_EQ(decode_all(make_batch({record})), std::vector{record});
  record.headers.assign(10'000, {"key", "value"});
  EXPECT_EQ(decode_all(make_batch({record})), std::vector{record});
}

TEST(RecordDecode, AWrongChecksum) {
  for (const Codec codec : kCodecs) {
    std::string bytes = make_batch(some_records(42, 5), {.codec = codec});
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    EXPECT_EQ(error_of(bytes),
              "corrupt batch at offset 42: its checksum (CRC-32C) does not match");
  }
}

TEST(RecordDecode, MoreThanAllowed) {
  const auto records = some_records(0, 100);
  for (const Codec codec : kCodecs) {
    const std::string bytes = make_batch(records, {.codec = codec});
    const std::string error = error_of(bytes, 1000);
    if (codec == Codec::kNone)
      EXPECT_EQ(error, "");
    else
      EXPECT_EQ(error, fmt::format("corrupt batch at offset 0: {} data of more than the 1000 bytes "
                                   "that are allowed",
                                   to_string(codec)));
  }
}

TEST(RecordDecode, CountsThatAreNotTrue) {
  const std::string bytes = make_batch(some_records(0, 3), {.last_offset = 2'000'000'000});
  const auto with_count = [&](int32_t count) {
    std::string changed = bytes;
    store(changed.data() + kRecordCountAt, count);
    return error_of(test::repaired(changed));
  };
  EXPECT_EQ(with_count(3), "");
  EXPECT_EQ(with_count(4), "corrupt batch at offset 0: record 4 of 4 is malformed");
  EXPECT_TRUE(with_count(2).ends_with(" bytes behind its 2 records"));
  EXPECT_TRUE(with_count(0).ends_with(" bytes behind its 0 records"));
  EXPECT_TRUE(with_count(2'000'000'000).ends_with(" bytes cannot be 2000000000 records"));
}

TEST(RecordDecode, OffsetsThatDoNotRise) {
  auto records = some_records(10, 3);
  records[2].offset = records[1].offset;
  EXPECT_EQ(error_of(make_batch(records, {.last_offset = 12})),
            "corrupt batch at offset 10: record 3 of 3 is malformed");
  records[2].offset = 20;
  EXPECT_EQ(error_of(make_batch(records, {.last_offset = 20})), "");
  EXPECT_NE(error_of(make_batch(records, {.last_offset = 19})), "");
  EXPECT_NE(error_of(make_batch(records, {.base_offset = 11})), "");
}

TEST(RecordDecode, AnUnknownCodec) {
  std::string bytes = make_batch(some_records(0, 1));
  store<int16_t>(bytes.data() + kAttributesAt, 6);
  EXPECT_EQ(error_of(test::repaired(bytes)),
            "corrupt batch at offset 0: 6 is not the number of a compression");
}

TEST(RecordDecode, MalformedBodies) {
  const std::string body =
      test::record_body({0, 0, "key", "value", {{"h", "1"}, {"i", std::nullopt}}});
  ASSERT_TRUE(parse_body(body));
  for (size_t size = 0; size < body.size(); ++size) EXPECT_FALSE(parse_body(body.substr(0, size)));
  EXPECT_FALSE(parse_body(body + '\0'));
  using namespace std::string_literals;
  EXPECT_TRUE(parse_body("\1\1\0"s));
  EXPECT_FALSE(parse_body("\1\1\1"s)) << "-1 headers";
  EXPECT_FALSE(parse_body("\1\1\2\1\1"s)) << "a header without a key";
  EXPECT_FALSE(parse_body("\1\1\xfe\xff\xff\xff\x0f"s)) << "2^31-1 headers";
  EXPECT_FALSE(parse_body("\xfe\xff\xff\xff\x0f\1\0"s)) << "a key of 2^31-1 bytes";
  EXPECT_FALSE(parse_body("\1\xfe\xff\xff\xff\x0f\0"s)) << "a value of 2^31-1 bytes";
  EXPECT_FALSE(parse_body("\1\xff\xff\xff\xff\x1f\0"s)) << "33 bits";
  EXPECT_FALSE(parse_body("\1\x81\x80\x80\x80\x80\0\0"s)) << "6 bytes for 32 bits";
  EXPECT_TRUE(parse_body("\x81\x80\0\1\0"s)) << "more bytes than needed";
  EXPECT_EQ(parse_body("\3\1\0"s)->key, std::nullopt) << "-2 is null in Java";
}

TEST(RecordEncode, RecordsAreRenumbered) {
  auto records = some_records(500, 300);
  records[7].offset = 20'000;  // gaps close; order is the caller's
  std::vector<std::string> bodies(records.size());
  std::vector<RawRecord> raw;
  for (size_t i = 0; i < records.size(); ++i) raw.push_back(make_raw(records[i], bodies[i]));
  records[20].timestamp_ms = raw[20].timestamp_ms = 1'800'000'000'000;
  records[21].timestamp_ms = raw[21].timestamp_ms = 5;
  for (size_t i = 0; i < records.size(); ++i) records[i].offset = static_cast<int64_t>(i);
  for (const Codec codec : kCodecs) {
    const auto encoded = encode_batch(raw, codec, {9, 3, 1000});
    ASSERT_TRUE(encoded) << encoded.error().message;
    const BatchHeader header = test::take_all(*encoded).at(0).header;
    EXPECT_EQ(header.base_offset, 0);
    EXPECT_EQ(header.last_offset_delta, 299);
    EXPECT_EQ(header.partition_leader_epoch, -1);
    EXPECT_EQ(header.attributes, static_cast<int16_t>(codec));
    EXPECT_EQ(header.base_timestamp_ms, records[0].timestamp_ms);
    EXPECT_EQ(header.max_timestamp_ms, 1'800'000'000'000);
    EXPECT_EQ(header.producer_id, 9);
    EXPECT_EQ(header.producer_epoch, 3);
    EXPECT_EQ(header.base_sequence, 1000);
    EXPECT_EQ(header.record_count, 300);
    EXPECT_EQ(decode_all(*encoded), records);
  }
}

TEST(RecordEncode, RecordsWithoutATimestamp) {
  const std::string body = test::record_body({});
  const std::vector<RawRecord> records(3, {0, -1, body});
  const std::string bytes = *encode_batch(records, Codec::kNone, {});
  EXPECT_EQ(test::take_all(bytes).at(0).header.base_timestamp_ms, -1);
  EXPECT_EQ(test::take_all(bytes).at(0).header.max_timestamp_ms, -1);
  EXPECT_EQ(decode_all(bytes).at(2).timestamp_ms, -1);
}

TEST(RecordEncode, AsABatchOfALogHasIt) {
  const auto records = some_records(0, 100);
  std::vector<std::string> bodies(records.size());
  std::vector<RawRecord> raw;
  for (size_t i = 0; i < records.size(); ++i) raw.push_back(make_raw(records[i], bodies[i]));
  EXPECT_EQ(*encode_batch(raw, Codec::kZstd, {1, 2, 3}),
            make_batch(records, {.codec = Codec::kZstd, .leader_epoch = -1, .stamp = {1, 2, 3}}));
}

TEST(RecordEncode, WhatCannotBeABatch) {
  EXPECT_FALSE(encode_batch({}, Codec::kNone, {}));
  const std::string body = test::record_body({});
  const RawRecord record{0, 0, body};
  EXPECT_EQ(encode_batch({&record, 1}, static_cast<Codec>(7), {}).error().message,
            "7 is not the number of a compression");
  // A body that is not there is not read: the sizes are added up first.
  const RawRecord huge{0, 0, {body.data(), size_t{1} << 31}};
  EXPECT_EQ(encode_batch({&huge, 1}, Codec::kNone, {}).error().message,
            "1 records are more than a batch can hold");
}

TEST(RecordEncode, FillersAreSmall) {
  for (const int32_t count : {1, 2, 999, 1'000'000}) {
    const auto filler = encode_filler(count, 1234, Codec::kZstd, {5, 6, 7});
    ASSERT_TRUE(filler) << filler.error().message;
    EXPECT_LT(filler->size(), 1'000'000U);
    const RawBatch batch = test::take_all(*filler).at(0);
    EXPECT_EQ(batch.header.base_sequence, 7);
    EXPECT_EQ(batch.header.max_timestamp_ms, 1234);
    const auto decoded = decode_batch(batch, kPlenty);
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(decoded->records.size(), static_cast<size_t>(count));
    const RawRecord& last = decoded->records.back();
    EXPECT_EQ(last.offset, count - 1);
    EXPECT_EQ(last.timestamp_ms, 1234);
    EXPECT_EQ(parse_body(last.body)->key, std::nullopt);
    EXPECT_EQ(parse_body(last.body)->value, std::nullopt);
  }
  EXPECT_EQ(decode_all(*encode_filler(5, 1, Codec::kGzip, {})).size(), 5U);
  EXPECT_FALSE(encode_filler(0, 1, Codec::kZstd, {}));
  EXPECT_FALSE(encode_filler(1'000'001, 1, Codec::kZstd, {}));
}

}  // namespace
}  // namespace kferry::wire
