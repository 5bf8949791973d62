// Batches of the Java client are read by us, and ours by it.
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/java_records.h"

namespace kferry::test {
namespace {

using wire::Codec;

constexpr size_t kPlenty = 64 << 20;
constexpr int16_t kDeleteHorizonBit = 0x40;

std::vector<TestRecord> records_for(int8_t magic, int count) {
  std::vector<TestRecord> records = some_records(5'000'000'000, count, 300);
  records.front().value = std::string(70'000, 'v');  // more than one block of snappy and lz4
  if (magic == 2) return records;
  for (TestRecord& record : records) {
    record.headers.clear();
    if (magic == 0) record.timestamp_ms = -1;
  }
  return records;
}

// Every format and codec; with and without the broker's timestamps, gaps, transactions.
std::vector<JavaBatch> java_batches() {
  std::vector<JavaBatch> batches;
  for (const int8_t magic : {int8_t{0}, int8_t{1}, int8_t{2}}) {
    for (const char* const codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
      if (magic < 2 && std::string_view(codec) == "zstd") continue;
      JavaBatch batch{.magic = magic, .codec = codec, .base_offset = 5'000'000'000};
      batch.records = records_for(magic, 40);
      batches.push_back(batch);
      batch.records[30].offset += 100;
      batch.records.resize(31);
      batches.push_back(batch);
      batch.records.resize(1);
      batches.push_back(batch);
      if (magic == 0) continue;
      batch.log_append_time = true;
      batch.append_time = 1'750'000'000'000;
      batch.records = records_for(magic, 10);
      batches.push_back(batch);
    }
  }
  JavaBatch batch{.codec = "lz4", .base_offset = 5'000'000'000, .producer_id = 9,
                  .producer_epoch = 3, .base_sequence = 2147483640};
  batch.records = records_for(2, 20);
  batches.push_back(batch);
  batch.transactional = true;
  batches.push_back(batch);
  batch.delete_horizon = 1'760'000'000'000;
  batches.push_back(batch);
  for (const char* const marker : {"COMMIT", "ABORT"})
    batches.push_back({.base_offset = 77, .marker = marker, .producer_id = 9, .producer_epoch = 3,
                       .transactional = true});
  batches.push_back({.base_offset = 77, .empty = true, .producer_id = 9, .producer_epoch = 3,
                     .base_sequence = 5});
  return batches;
}

// As RecordGolden.java describes what it has read.
nlohmann::json describe(const wire::RawBatch& batch) {
  const wire::BatchHeader& header = batch.header;
  nlohmann::json one = {{"valid", true},
                        {"magic", header.magic},
                        {"codec", wire::to_string(header.codec())},
                        {"last_offset", header.last_offset()},
                        {"log_append_time", header.log_append_time()},
                        {"records", to_json(decode_all(batch.bytes, kPlenty))}};
  if (header.magic < 2) return one;
  const bool horizon = (header.attributes & kDeleteHorizonBit) != 0;
  one["base_offset"] = header.base_offset;
  one["leader_epoch"] = header.partition_leader_epoch;
  one["transactional"] = header.transactional();
  one["control"] = header.control();
  one["delete_horizon"] = horizon ? header.base_timestamp_ms : -1;
  one["max_timestamp_ms"] = header.max_timestamp_ms;
  one["producer_id"] = header.producer_id;
  one["producer_epoch"] = header.producer_epoch;
  one["base_sequence"] = header.base_sequence;
  return one;
}

// Of old messages Java tells things that they do not have.
nlohmann::json without_format_2(nlohmann::json batch) {
  if (batch.at("magic") == 2) return batch;
  for (const char* const field : {"base_offset", "leader_epoch", "transactional", "control",
                                  "delete_horizon", "max_timestamp_ms", "producer_id",
                                  "producer_epoch", "base_sequence"})
    batch.erase(field);
  return batch;
}

// Asked once.
const std::vector<JavaAnswer>& written(const std::string& kafka_version) {
  static std::map<std::string, std::vector<JavaAnswer>> answers;
  std::vector<JavaAnswer>& known = answers[kafka_version];
  if (known.empty()) known = java_writes(kafka_version, java_batches());
  return known;
}

class RecordGolden : public testing::TestWithParam<const char*> {};

TEST_P(RecordGolden, WeReadWhatJavaWrites) {
  const std::vector<JavaBatch> batches = java_batches();
  const std::vector<JavaAnswer>& answers = written(GetParam());
  for (size_t i = 0; i < batches.size(); ++i) {
    SCOPED_TRACE(fmt::format("magic {}, {}", batches[i].magic, batches[i].codec));
    nlohmann::json expected = nlohmann::json::array();
    for (const auto& batch : answers[i].batches) expected.push_back(without_format_2(batch));
    nlohmann::json ours = nlohmann::json::array();
    for (const wire::RawBatch& batch : take_all(answers[i].bytes)) ours.push_back(describe(batch));
    EXPECT_EQ(ours.dump(), expected.dump());
    // And what Java has read is what was to be written.
    if (batches[i].log_append_time || !batches[i].marker.empty()) continue;
    EXPECT_TRUE(decode_all(answers[i].bytes) == batches[i].records);
  }
}

// What decode_batch makes of the batches in a log, as one batch.
std::string encoded_again(std::string_view log, Codec codec, const wire::ProducerStamp& stamp) {
  std::vector<wire::DecodedBatch> decoded;
  std::vector<wire::RawRecord> records;
  for (const wire::RawBatch& batch : take_all(log)) {
    decoded.push_back(*wire::decode_batch(batch, kPlenty));
    records.insert(records.end(), decoded.back().records.begin(), decoded.back().records.end());
  }
  return *wire::encode_batch(records, codec, stamp);
}

nlohmann::json renumbered(std::vector<TestRecord> records) {
  for (size_t i = 0; i < records.size(); ++i) records[i].offset = static_cast<int64_t>(i);
  return to_json(records);
}

TEST_P(RecordGolden, JavaReadsWhatWeEncode) {
  std::vector<std::string> logs;
  std::vector<nlohmann::json> expected;
  std::vector<Codec> codecs;
  for (const JavaAnswer& answer : written(GetParam())) {
    const auto records = decode_all(answer.bytes);
    if (records.empty()) continue;
    const auto codec = static_cast<Codec>(logs.size() % 5);
    logs.push_back(encoded_again(answer.bytes, codec, {11, 2, 44}));
    expected.push_back(renumbered(records));
    codecs.push_back(codec);
  }
  logs.push_back(*wire::encode_filler(1000, 99, Codec::kZstd, {11, 2, 44}));
  expected.push_back(to_json(decode_all(logs.back())));
  codecs.push_back(Codec::kZstd);
  const auto answers = java_reads(GetParam(), logs);
  for (size_t i = 0; i < logs.size(); ++i) {
    SCOPED_TRACE(fmt::format("{} with {}", i, wire::to_string(codecs[i])));
    ASSERT_EQ(answers[i].size(), 1U) << answers[i];
    const nlohmann::json& batch = answers[i][0];
    EXPECT_EQ(batch.at("records").dump(), expected[i].dump());
    EXPECT_EQ(batch.dump(), describe(take_all(logs[i]).at(0)).dump());
  }
}

TEST_P(RecordGolden, JavaReadsWhatWeStamp) {
  std::vector<std::string> logs;
  std::vector<JavaBatch> sources;
  const std::vector<JavaBatch> batches = java_batches();
  for (size_t i = 0; i < batches.size(); ++i) {
    if (batches[i].magic < 2 || !batches[i].marker.empty()) continue;
    sources.push_back(batches[i]);
    logs.push_back(written(GetParam())[i].bytes);
    wire::stamp_for_produce(logs.back(), {11, 2, 44});
  }
  // What was damaged before is still.
  std::string damaged = make_batch(some_records(0, 20));
  damaged[200] = static_cast<char>(damaged[200] ^ 1);
  wire::stamp_for_produce(damaged, {11, 2, 44});
  logs.push_back(damaged);
  const auto answers = java_reads(GetParam(), logs);
  EXPECT_EQ(answers.back().at(0).at("valid"), false);
  for (size_t i = 0; i < sources.size(); ++i) {
    SCOPED_TRACE(sources[i].codec);
    ASSERT_EQ(answers[i].size(), 1U) << answers[i];
    const nlohmann::json& batch = answers[i][0];
    EXPECT_EQ(batch.at("valid"), true);
    EXPECT_EQ(batch.at("base_offset"), 0);
    EXPECT_EQ(batch.at("leader_epoch"), -1);
    EXPECT_EQ(batch.at("producer_id"), 11);
    EXPECT_EQ(batch.at("producer_epoch"), 2);
    EXPECT_EQ(batch.at("base_sequence"), 44);
    EXPECT_EQ(batch.at("transactional"), false);
    EXPECT_EQ(batch.at("log_append_time"), false);
    EXPECT_EQ(batch.at("delete_horizon"), -1);
    for (TestRecord& record : sources[i].records) record.offset -= sources[i].base_offset;
    EXPECT_EQ(batch.at("records").dump(), to_json(sources[i].records).dump());
  }
}

INSTANTIATE_TEST_SUITE_P(Kafka, RecordGolden, testing::Values("3.9.1", "4.2.0"),
                         [](const auto& version) {
                           std::string name = version.param;
                           std::erase(name, '.');
                           return name;
                         });

}  // namespace
}  // namespace kferry::test
