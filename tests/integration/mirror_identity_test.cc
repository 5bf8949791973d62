// The mirror's copy is the same, offsets included, whatever lies in the source's log: by the word
// of a Java consumer and of a librdkafka consumer.
#include <algorithm>

#include <fmt/format.h>

#include "tests/integration/mirror_fixture.h"

namespace kferry::mirror {
namespace {

using test::ok;

struct Versions {
  const char* source;
  const char* target;
  bool zstd;         // from 2.1 on
  bool old_formats;  // message.format.version has an effect: before 3.0
};

// A topic that was planted, and whether its log has offsets that no consumer sees: the time at
// which those were filled is the target's own.
struct Planted {
  std::string topic;
  int32_t partitions = 1;
  bool gaps = false;
};

class MirrorIdentity : public testing::TestWithParam<Versions> {
 protected:
  MirrorIdentity()
      : environment_(Environment::start({.source = GetParam().source,
                                         .source_settings = {{"log.cleaner.backoff.ms", "100"}},
                                         .target = GetParam().target})),
        source_(environment_.bootstrap_servers()) {}

  std::string create(const std::string& topic, int32_t partitions, bool gaps = false,
                     const kafkaio::ConfigValues& configs = {}) {
    source_.create(topic, partitions, configs);
    planted_.push_back({topic, partitions, gaps});
    return topic;
  }

  void plant_codecs();
  void plant_shapes();
  void plant_append_time();
  void plant_old_formats();
  void plant_trimmed();
  void plant_transactions();
  void plant_compacted();
  void wait_until_compacted(const std::vector<std::string>& topics, int32_t partitions);
  void check_times(const Json& comparison);

  Environment environment_;
  SourceWriter source_;
  std::vector<Planted> planted_;
};

void MirrorIdentity::plant_codecs() {
  using enum wire::Codec;
  std::vector<wire::Codec> codecs{kNone, kGzip, kSnappy, kLz4};
  if (GetParam().zstd) codecs.push_back(kZstd);
  const std::string topic = create("m-codecs", static_cast<int32_t>(codecs.size()));
  for (size_t i = 0; i < codecs.size(); ++i)
    source_.append_some(at(topic, static_cast<int32_t>(i)), {1, 300, 7, 50, 1'000},
                        static_cast<int64_t>(100 * i), codecs[i]);
}

void MirrorIdentity::plant_shapes() {
  const std::string topic = create("m-shapes", 4);
  source_.append_some(at(topic, 0), std::vector<int>(400, 1), 1'000, wire::Codec::kSnappy);
  source_.append_some(at(topic, 1), {10'000, 10'000}, 2'000, wire::Codec::kLz4);
  // Partition 2 is empty.
  for (int64_t i = 0; i < 20; ++i)
    source_.append_some(at(topic, 3), {1, 1'000, 1, 1}, 3'000 + 10 * i);
  create("m-empty", 2);
}

void MirrorIdentity::plant_append_time() {
  const std::string topic =
      create("m-append-time", 2, false, {{"message.timestamp.type", "LogAppendTime"}});
  source_.append_some(at(topic, 0), {100, 1, 20}, 4'000, wire::Codec::kSnappy);
  source_.append_some(at(topic, 1), {1, 1, 1, 50}, 4'100);
}

// With few keys, as for compaction; older formats have no headers.
std::vector<TestRecord> keyed(int count, int64_t seed, bool headers = true) {
  std::vector<TestRecord> records = recent_records(count, seed);
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].key = fmt::format("k{}", (seed * 31 + static_cast<int64_t>(i) * 7) % 40);
    records[i].timestamp_ms = wall_clock_ms();
    if (!headers) records[i].headers.clear();
  }
  return records;
}

const kafkaio::ConfigValues kCompacted{
    {"cleanup.policy", "compact"}, {"segment.ms", "500"}, {"min.cleanable.dirty.ratio", "0.001"}};

// The broker converts what it is given: messages of magic 0 and 1, within those of a compression.
void MirrorIdentity::plant_old_formats() {
  using enum wire::Codec;
  if (!GetParam().old_formats) return;
  const auto without_headers = [](int count, int64_t seed) {
    std::vector<TestRecord> records = recent_records(count, seed);
    for (TestRecord& record : records) record.headers.clear();
    return records;
  };
  std::vector<std::string> compacted;
  for (const char* const version : {"0.9.0", "0.10.2"}) {
    const std::vector<wire::Codec> codecs{kGzip, kNone, kSnappy, kLz4};
    const std::string topic =
        create(fmt::format("m-format-{}", version), static_cast<int32_t>(codecs.size()), false,
               {{"message.format.version", version}});
    for (const int count : {100, 1, 20})
      for (size_t i = 0; i < codecs.size(); ++i)
        source_.append(at(topic, static_cast<int32_t>(i)),
                       without_headers(count, 4'200 + 100 * static_cast<int64_t>(i) + count),
                       codecs[i]);
    kafkaio::ConfigValues configs = kCompacted;
    configs["message.format.version"] = version;
    compacted.push_back(create(topic + "-compacted", 2, true, configs));
    for (int64_t i = 0; i < 8; ++i) {
      source_.append(at(compacted.back(), 0), keyed(60, 4'600 + i, false), kGzip);
      source_.append(at(compacted.back(), 1), keyed(60, 4'700 + i, false));
    }
  }
  wait_until_compacted(compacted, 2);
}

void MirrorIdentity::plant_trimmed() {
  const std::string topic = create("m-trimmed", 2);
  for (int32_t p = 0; p < 2; ++p) source_.append_some(at(topic, p), {50, 50, 50, 50}, 5'000 + p);
  source_.trim(at(topic, 0), 120);  // within a batch
  source_.trim(at(topic, 1), 200);  // all
}

// Of two producers, mixed; every third is aborted.
void MirrorIdentity::plant_transactions() {
  const std::string topic = create("m-transactions", 3, true);
  TransactionWriter one(environment_.bootstrap_servers(), "one", "snappy");
  TransactionWriter other(environment_.bootstrap_servers(), "other");
  for (int i = 0; i < 12; ++i) {
    const int64_t seed = 6'000 + 10 * i;
    one.begin();
    other.begin();
    one.write(at(topic, i % 3), recent_records(1 + 10 * (i % 4), seed));
    other.write(at(topic, i % 3), recent_records(5, seed + 1));
    source_.append_some(at(topic, i % 3), {3}, seed + 2);
    one.write(at(topic, (i + 1) % 3), recent_records(20, seed + 3));
    i % 3 == 0 ? one.abort() : one.commit();
    other.write(at(topic, (i + 2) % 3), recent_records(2, seed + 4));
    i % 3 == 1 ? other.abort() : other.commit();
  }
}

void MirrorIdentity::plant_compacted() {
  const std::string topic = create("m-compacted", 2, true, kCompacted);
  TransactionWriter writer(environment_.bootstrap_servers(), "compacted");
  for (int64_t i = 0; i < 8; ++i) {
    source_.append(at(topic, 0), keyed(60, 7'000 + i), wire::Codec::kGzip);
    writer.begin();
    writer.write(at(topic, 1), keyed(30, 7'100 + i));
    i % 4 == 3 ? writer.abort() : writer.commit();
  }
  wait_until_compacted({topic}, 2);
}

// Begins new segments: what is before them can be compacted. What is compacted later would differ.
void MirrorIdentity::wait_until_compacted(const std::vector<std::string>& topics,
                                          int32_t partitions) {
  const StopToken never;
  never.sleep_for(Duration(700));
  for (const std::string& topic : topics)
    for (int32_t p = 0; p < partitions; ++p)
      source_.append(at(topic, p), keyed(3, 7'200 + p, false));
  for (const std::string& topic : topics) {
    const auto count = [&] {
      size_t most = 0;
      for (const auto& [partition, log] :
           read_topic(environment_.bootstrap_servers(), topic, partitions))
        most = std::max(most, log.size());
      return most;
    };
    ASSERT_TRUE(before_long([&] { return count() < 60; })) << topic << ": it is not compacted";
    source_.set_configs(topic, {{"min.compaction.lag.ms", "86400000"}});
  }
}

// The first one goes on and is committed, the second one aborted.
struct OpenTransactions {
  explicit OpenTransactions(const std::string& bootstrap_servers)
      : committed(bootstrap_servers, "open-committed"), aborted(bootstrap_servers, "open-aborted") {
    committed.begin();
    committed.write(at("m-open", 0), recent_records(10, 8'000));
    aborted.begin();
    aborted.write(at("m-open", 1), recent_records(10, 8'010));
  }
  void end() {
    committed.write(at("m-open", 0), recent_records(5, 8'020));
    committed.commit();
    aborted.abort();
  }

  TransactionWriter committed;
  TransactionWriter aborted;
};

// offsetsForTimes() gives the same. Where the log has gaps, an earlier offset on the target is
// all that may differ: what was filled carries a later time than what follows.
void MirrorIdentity::check_times(const Json& comparison) {
  for (const Json& one : comparison.at("listed")) {
    const auto planted =
        std::ranges::find(planted_, one.at("topic").get<std::string>(), &Planted::topic);
    ASSERT_NE(planted, planted_.end());
    EXPECT_TRUE(planted->gaps || one.at("time_differences") == 0) << one;
  }
}

TEST_P(MirrorIdentity, ConsumersSeeTheSame) {
  plant_codecs();
  plant_shapes();
  plant_append_time();
  ASSERT_NO_FATAL_FAILURE(plant_old_formats());
  plant_trimmed();
  plant_transactions();
  ASSERT_NO_FATAL_FAILURE(plant_compacted());
  create("m-open", 2, true);
  for (int32_t p = 0; p < 2; ++p) source_.append_some(at("m-open", p), {20}, 8'100 + p);
  OpenTransactions open(environment_.bootstrap_servers());
  for (int32_t p = 0; p < 2; ++p) source_.append_some(at("m-open", p), {30}, 8'200 + p);

  MirrorProcess mirror(environment_, flow("identity", "m-.*") +
                                         Arguments{"--until-caught-up", "--offsets", "identity"});
  const auto stands_before_open = [](const Json& status) {
    return partition_of(status, "m-open", 0)["position"] == 20 &&
           partition_of(status, "m-open", 1)["position"] == 20;
  };
  EXPECT_TRUE(mirror.reaches(stands_before_open)) << mirror.status() << mirror.log();
  open.end();
  const ProcessResult done = mirror.finish();
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  const Json status = Json::parse(done.out);
  EXPECT_EQ(status["summary"]["identity_partitions"], status["summary"]["partitions"]);

  mirror_until_caught_up(environment_, flow("identity", "m-.*"));  // what came with the end
  const Json comparison =
      environment_.compare_topics("m-.*", {"--identity", "--times", "20", "--per-partition"});
  EXPECT_TRUE(same_for_java(comparison));
  check_times(comparison);
  for (const Planted& one : planted_)
    EXPECT_TRUE(same_for_librdkafka(environment_, one.topic, one.partitions));
}

INSTANTIATE_TEST_SUITE_P(Versions, MirrorIdentity,
                         testing::Values(Versions{"3.9.1", "4.1.0", true, false},
                                         Versions{"2.8.2", "4.1.0", true, true},
                                         Versions{"1.1.1", "4.1.0", false, true},
                                         Versions{"2.8.2", "3.9.1", true, false}),
                         [](const auto& one) {
                           std::string name =
                               fmt::format("From{}To{}", one.param.source, one.param.target);
                           std::erase(name, '.');
                           return name;
                         });

}  // namespace
}  // namespace kferry::mirror
