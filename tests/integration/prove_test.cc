// `kferry prove` on real brokers: a mirrored topic is the same, and each kind of damage is named.
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "kafkaio/topic_admin.h"
#include "replicate/wire_sink.h"
#include "replicate/wire_source.h"
#include "testenv/testenv.h"
#include "tests/integration/trouble_fixture.h"
#include "tests/integration/two_sides.h"
#include "wire/record_batch.h"

namespace kferry::integration {
namespace {

using testenv::Environment;
using testenv::Side;
using trouble::Json;
using wire::RawRecord;

constexpr int kPartitions = 3;
constexpr int kRecords = 36'000;
constexpr int kDamaged = 1;  // the partition that is
constexpr size_t kAt = 6'123;

// What a log holds, with the memory that the records lie in.
struct Log {
  std::vector<wire::DecodedBatch> batches;
  std::vector<RawRecord> records;
};

class Prove : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    env = std::make_unique<Environment>(Environment::start({.source = "3.9.1", .target = "4.1.0"}));
    env->load({"--topic", "orders", "--partitions", std::to_string(kPartitions), "--records",
               std::to_string(kRecords), "--compression", "snappy"});
    const auto mirrored = testenv::run_kferry(
        {"replicate", "--source", servers(Side::source), "--target", servers(Side::target),
         "--topics", "orders", "--replication-factor", "1", "--until-caught-up"});
    ASSERT_EQ(mirrored.exit_code, 0) << mirrored.err;
  }
  static void TearDownTestSuite() { env.reset(); }

  static std::string servers(Side side) { return env->bootstrap_servers(side); }

  static wire::Broker connect(Side side) {
    const auto addresses = value_of(wire::parse_bootstrap_servers(servers(side)));
    return value_of(wire::Broker::connect(addresses[0], {}, within()));
  }

  static Log read_source(int partition) {
    replicate::WireSource source(connect(Side::source));
    Log log;
    for (size_t before = 1; before != log.records.size();) {
      before = log.records.size();
      const auto next = SourceOffset(static_cast<int64_t>(before));
      source.follow(trouble::at("orders", partition), {.offset = next});
      const auto fetched = value_of(source.fetch(4 << 20, Duration(500), within()));
      for (const auto& one : fetched.partitions) take(one.records, log);
    }
    return log;
  }

  static void take(std::string_view bytes, Log& log) {
    while (const auto batch = value_of(wire::take_batch(bytes))) {
      log.batches.push_back(value_of(wire::decode_batch(*batch, 64 << 20)));
      wire::DecodedBatch& decoded = log.batches.back();
      for (const RawRecord& record : decoded.records) {
        if (record.offset != static_cast<int64_t>(log.records.size())) continue;
        log.records.push_back(record);
        bodies.push_back(std::make_unique<std::string>(record.body));
        log.records.back().body = *bodies.back();
      }
    }
  }

  static void write(const std::string& topic, int partition,
                    const std::vector<RawRecord>& records) {
    constexpr size_t kPerBatch = 1'000;
    replicate::WireSink sink(connect(Side::target), {-1, -1});
    for (size_t begin = 0; begin < records.size(); begin += kPerBatch) {
      const auto some =
          std::span(records).subspan(begin, std::min(kPerBatch, records.size() - begin));
      const std::string batch = value_of(wire::encode_batch(some, wire::Codec::kLz4, {}));
      ASSERT_TRUE(sink.send({{trouble::at(topic, partition), batch}}, within()));
      const auto answer = value_of(sink.take_answer(within()));
      ASSERT_EQ(answer.at(0).error_code, 0) << answer.at(0).message;
    }
  }

  // A second copy, `prefix` in front of its name, made by hand.
  static void make_copy(const std::string& prefix,
                        const std::function<void(std::vector<RawRecord>&)>& damage) {
    auto admin =
        value_of(kafkaio::TopicAdmin::connect({.bootstrap_servers = servers(Side::target)}));
    const std::string topic = prefix + "orders";
    const auto created = value_of(admin.create({{TopicName(topic), kPartitions, 1}}, within()));
    ASSERT_TRUE(created.at(TopicName(topic)));
    for (int partition = 0; partition < kPartitions; ++partition) {
      std::vector<RawRecord> records = read_source(partition).records;
      if (partition == kDamaged) damage(records);
      ASSERT_NO_FATAL_FAILURE(write(topic, partition, records));
    }
  }

  static testenv::ProcessResult prove(const trouble::Arguments& more = {}) {
    const trouble::Arguments arguments{
        "prove",  "--source", servers(Side::source), "--target", servers(Side::target), "--topics",
        "orders", "--report", folder / "p.json"};
    return testenv::run_kferry(trouble::operator+(arguments, more));
  }
  static Json report() { return trouble::read_json(folder / "p.json"); }

  // What the report says of the damaged partition; the others are equal.
  static Json difference_of(const std::string& prefix) {
    const auto done = prove({"--prefix", prefix});
    EXPECT_EQ(done.exit_code, 3) << done.out << done.err;
    const Json found = report();
    EXPECT_EQ(found["summary"]["differing"], 1) << done.out;
    EXPECT_EQ(found["summary"]["equal"], kPartitions - 1) << done.out;
    return found["partitions"][kDamaged]["difference"];
  }

  static inline std::unique_ptr<Environment> env;
  static inline trouble::Folder folder;
  static inline std::vector<std::unique_ptr<std::string>> bodies;
};

TEST_F(Prove, AMirroredTopicIsTheSame) {
  auto done = prove();
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  EXPECT_TRUE(trouble::contains(done.out, "The same on both sides."));
  Json found = report();
  EXPECT_EQ(found["equal"], true);
  EXPECT_EQ(found["summary"]["records"], kRecords);
  done = prove({"--flow", "source->target"});
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  done = prove({"--records-via", "librdkafka"});
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  EXPECT_EQ(report()["summary"]["records"], kRecords);
  done = prove({"--sample", "40%"});
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  EXPECT_TRUE(trouble::contains(done.out, "this sample of 40 %"));
  EXPECT_LT(report()["summary"]["records"], kRecords);
  EXPECT_GT(report()["summary"]["records"], 0);
}

TEST_F(Prove, OneFlippedByteIsNamed) {
  make_copy("flipped.", [](std::vector<RawRecord>& records) {
    auto body = std::make_unique<std::string>(records[kAt].body);
    (*body)[body->size() / 2] ^= 1;
    records[kAt].body = *body;
    bodies.push_back(std::move(body));
  });
  const Json difference = difference_of("flipped.");
  EXPECT_EQ(difference["kind"], "value");
  EXPECT_EQ(difference["offset"], kAt);
}

TEST_F(Prove, OneMissingRecordIsNamed) {
  make_copy("missing.", [](std::vector<RawRecord>& records) {
    records.erase(records.begin() + static_cast<ptrdiff_t>(kAt));
  });
  const Json difference = difference_of("missing.");
  EXPECT_EQ(difference["kind"], "missing_on_target");
  EXPECT_EQ(difference["offset"], kAt);
}

TEST_F(Prove, OneSwappedPairIsNamed) {
  make_copy("swapped.",
            [](std::vector<RawRecord>& records) { std::swap(records[kAt], records[kAt + 1]); });
  const Json difference = difference_of("swapped.");
  EXPECT_EQ(difference["kind"], "swapped");
  EXPECT_EQ(difference["offset"], kAt);
}

TEST_F(Prove, AnInterruptedProofGoesOn) {
  const std::string file = folder / "p.json";
  testenv::ChildProcess child({testenv::kferry_binary().string(), "prove", "--source",
                               servers(Side::source), "--target", servers(Side::target), "--topics",
                               "orders", "--report", file, "--max-bytes-per-second", "300000"});
  EXPECT_FALSE(child.wait(7'000));  // one report was saved meanwhile
  child.send_signal(2);
  const auto ended = child.wait(20'000);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 130) << ended->err;
  EXPECT_TRUE(trouble::contains(ended->err, "--resume"));
  EXPECT_EQ(report()["complete"], false);
  auto done = prove({"--resume", "--sample", "50%"});
  EXPECT_EQ(done.exit_code, 2) << done.out;
  done = prove({"--resume"});
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  EXPECT_EQ(report()["summary"]["records"], kRecords);
  EXPECT_EQ(prove({"--resume"}).exit_code, 2);
}

TEST_F(Prove, UnreachableAndUsageHaveTheirCodes) {
  EXPECT_EQ(prove({"--sample", "0%"}).exit_code, 2);
  EXPECT_EQ(prove({"--records-via", "java"}).exit_code, 2);
  EXPECT_EQ(prove({"--flow", "no-such->flow"}).exit_code, 2);
  const auto done =
      testenv::run_kferry({"prove", "--source", servers(Side::source), "--target", "127.0.0.1:1",
                           "--topics", "orders", "--report", folder / "q.json"});
  EXPECT_EQ(done.exit_code, 5) << done.err;
}

}  // namespace
}  // namespace kferry::integration
