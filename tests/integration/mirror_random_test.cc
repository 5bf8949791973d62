// Random topologies, and a log that begins far behind zero: the same on both sides.
#include <cstdlib>
#include <random>

#include <fmt/format.h>

#include "tests/integration/mirror_fixture.h"

namespace kferry::mirror {
namespace {

using test::ok;

// What some application might have left in a topic, step by step.
class RandomTopic {
 public:
  RandomTopic(SourceWriter& source, const std::string& bootstrap_servers, const std::string& name,
              uint64_t seed)
      : source_(source), bootstrap_servers_(bootstrap_servers), name_(name), random_(seed) {
    partitions_ = pick(1, 4);
    codec_ = static_cast<wire::Codec>(pick(0, 4));
    const bool append_time = pick(0, 4) == 0;
    source_.create(name, partitions_,
                   append_time ? kafkaio::ConfigValues{{"message.timestamp.type", "LogAppendTime"}}
                               : kafkaio::ConfigValues{});
  }

  const std::string& name() const { return name_; }
  int32_t partitions() const { return partitions_; }

  void step() {
    switch (pick(0, 5)) {
      case 0:
        return write_tiny_ones();
      case 1:
        return change_transaction(transactions_[0], "a");
      case 2:
        return change_transaction(transactions_[1], "b");
      default:
        source_.append(somewhere(), records(pick(1, pick(1, 2'000))), codec_);
    }
  }
  void trim() {
    const TopicPartition partition = somewhere();
    source_.trim(partition, pick(0, static_cast<int>(source_.range_of(partition).end)));
  }
  void end_transactions() {
    for (Transaction& one : transactions_)
      if (one.open) end(one);
  }

 private:
  struct Transaction {
    std::unique_ptr<TransactionWriter> writer;
    bool open = false;
  };

  int pick(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }
  TopicPartition somewhere() { return at(name_, pick(0, partitions_ - 1)); }
  std::vector<TestRecord> records(int count) {
    return recent_records(count, pick(0, 1'000'000), static_cast<size_t>(pick(0, 200)));
  }
  void write_tiny_ones() {
    const TopicPartition partition = somewhere();
    for (int left = pick(1, 30); left > 0; --left)
      source_.append(partition, records(pick(1, 2)), codec_);
  }
  void change_transaction(Transaction& one, const std::string& id) {
    if (!one.writer)
      one.writer = std::make_unique<TransactionWriter>(bootstrap_servers_, name_ + id, "lz4");
    if (!std::exchange(one.open, true)) one.writer->begin();
    one.writer->write(somewhere(), records(pick(1, 100)));
    if (pick(0, 2) == 0) end(one);
  }
  void end(Transaction& one) {
    pick(0, 2) == 0 ? one.writer->abort() : one.writer->commit();
    one.open = false;
  }

  SourceWriter& source_;
  const std::string bootstrap_servers_;
  const std::string name_;
  std::mt19937_64 random_;
  int32_t partitions_ = 1;
  wire::Codec codec_ = wire::Codec::kNone;
  std::array<Transaction, 2> transactions_;
};

constexpr int kTopics = 4;
constexpr int kSteps = 25;

TEST_F(MirrorOnBrokers, RandomTopologiesAreTheSame) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("KFERRY_SEED={}", seed));
  std::vector<std::unique_ptr<RandomTopic>> topics;
  for (int i = 0; i < kTopics; ++i)
    topics.push_back(std::make_unique<RandomTopic>(source(), clusters().bootstrap_servers(),
                                                   fmt::format("random-{}", i), seed + i));
  const auto go_on = [&](int steps) {
    for (int i = 0; i < steps; ++i)
      for (const auto& topic : topics) topic->step();
  };
  go_on(kSteps);
  for (const auto& topic : topics) topic->trim();
  const Arguments arguments = flow("random", "random-.*");
  {
    MirrorProcess mirror(clusters(), arguments);
    ASSERT_TRUE(mirror.takes_over_slots()) << mirror.log();
    go_on(kSteps);
    EXPECT_EQ(mirror.stop().exit_code, 0) << mirror.log();
  }
  for (const auto& topic : topics) topic->end_transactions();
  mirror_until_caught_up(clusters(), arguments + Arguments{"--offsets", "identity"});
  EXPECT_TRUE(same_for_java(clusters(), "random-.*"));
  for (const auto& topic : topics)
    EXPECT_TRUE(same_for_librdkafka(clusters(), topic->name(), topic->partitions()));
}

// So many offsets before the first record, on both sides; 100 million with --soak.
TEST_F(MirrorOnBrokers, ALogThatBeginsFarBehindZero) {
  const int64_t start = std::getenv("KFERRY_SOAK") != nullptr ? 100'000'000 : 10'000'000;
  source().create("late", 2);
  source().append_filler(at("late", 0), start);
  source().trim(at("late", 0), start);
  source().append_some(at("late", 0), {1, 100, 1'000}, 9'000, wire::Codec::kZstd);
  source().append_some(at("late", 1), {10}, 9'100);
  const test::Stopwatch time;
  const Json status =
      mirror_until_caught_up(clusters(), flow("late", "late") + Arguments{"--offsets", "identity"});
  RecordProperty("mirror_ms", static_cast<int>(time.elapsed().count()));
  EXPECT_EQ(partition_of(status, "late", 0)["position"], start + 1'101);
  EXPECT_EQ(target().range_of(at("late", 0)).start, start);
  const Json comparison =
      clusters().compare_topics("late", {"--identity", "--times", "20", "--per-partition"});
  EXPECT_TRUE(same_for_java(comparison));
  EXPECT_EQ(comparison.at("time_differences"), 0) << comparison;
  EXPECT_TRUE(same_for_librdkafka(clusters(), "late", 2));
}

}  // namespace
}  // namespace kferry::mirror
