// Where logs start and end, while leaders come and go.
#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/error_code.h"
#include "wire/log_range.h"
#include "wire/messages.h"

namespace kferry::wire {
namespace {

using test::connect_to;
using test::fails;
using test::FakeBroker;
using test::FakeView;
using test::ok;
using test::wait_for;
using test::WireRequest;

constexpr Duration kLong{10'000};
constexpr Duration kShort{1'000};  // for what is asked again and again
const BrokerId kFirst{1};
const BrokerId kSecond{2};

TopicPartition tp(int32_t partition) {
  return {TopicName("t"), Partition(partition)};
}

// Partition p starts at 100 + p and ends at 200 + p.
struct Log {
  std::map<int32_t, int16_t> codes = {};  // of partitions in trouble

  ListOffsetsResponse answer(const ListOffsetsRequest& request, int16_t version) const {
    ListOffsetsResponse response;
    for (const auto& topic : request.topics) {
      auto& to = response.topics.emplace_back();
      to.name = topic.name;
      for (const auto& asked : topic.partitions) {
        auto& result = to.partitions.emplace_back();
        const int32_t partition = asked.partition_index.value();
        result.partition_index = asked.partition_index;
        const auto trouble = codes.find(partition);
        if (trouble != codes.end()) {
          result.error_code = trouble->second;
          continue;
        }
        const bool earliest = asked.timestamp == ListOffsetsRequest::kEarliest;
        const int64_t offset = (earliest ? 100 : 200) + partition;
        if (version == 0)
          result.old_style_offsets = {offset};
        else
          result.offset = offset;
      }
    }
    return response;
  }
};

void serve(FakeBroker& fake, const Log& log = {}) {
  fake.answer<ListOffsetsRequest>([log](const ListOffsetsRequest& request, const WireRequest& raw) {
    return log.answer(request, raw.version());
  });
}

class LogRanges : public testing::Test {
 protected:
  void show(const std::map<TopicPartition, BrokerId>& leaders) {
    const FakeView view{.brokers = {{kFirst, first_.address()}, {kSecond, second_.address()}},
                        .leaders = leaders};
    first_.show(view);
    second_.show(view);
  }
  // The metadata as it is now, then the ranges.
  Result<std::map<TopicPartition, LogRange>> ranges(const std::vector<TopicPartition>& partitions,
                                                    Duration wait = kLong) {
    Cluster cluster = connect_to({&first_});
    KFERRY_TRY(const auto metadata, cluster.fetch_metadata(std::nullopt, wait_for(kLong)));
    if (after_metadata_) after_metadata_();
    return fetch_log_ranges(cluster, metadata, partitions, wait_for(wait));
  }
  void expect_range(const LogRange& range, int64_t partition) {
    EXPECT_EQ(range.error_code, 0);
    EXPECT_EQ(range.start, Offset(100 + partition));
    EXPECT_EQ(range.end, Offset(200 + partition));
  }

  FakeBroker first_{kFirst};
  FakeBroker second_{kSecond};
  std::function<void()> after_metadata_;
};

TEST_F(LogRanges, InEveryVersion) {
  show({{tp(0), kFirst}, {tp(1), kFirst}});
  serve(first_);
  for (int16_t version = 0; version <= ListOffsetsRequest::kVersions.highest; ++version) {
    first_.speak<ListOffsetsRequest>(version, version);
    const auto found = ranges({tp(0), tp(1)});
    ASSERT_TRUE(ok(found));
    expect_range(found->at(tp(0)), 0);
    expect_range(found->at(tp(1)), 1);
  }
  for (const auto& request : first_.decoded<ListOffsetsRequest>()) {
    EXPECT_EQ(request.replica_id, -1);
    EXPECT_EQ(request.isolation_level, 0) << "the high watermark, not the last stable offset";
  }
}

TEST_F(LogRanges, EachLeaderIsAskedOnceInEachDirectionForItsOwn) {
  show({{tp(0), kFirst}, {tp(1), kSecond}, {tp(2), kFirst}});
  serve(first_);
  serve(second_);
  const auto found = ranges({tp(0), tp(1), tp(2)});
  ASSERT_TRUE(ok(found));
  for (int32_t p = 0; p < 3; ++p) expect_range(found->at(tp(p)), p);
  ASSERT_EQ(first_.count(ApiKey::kListOffsets), 2U);
  ASSERT_EQ(second_.count(ApiKey::kListOffsets), 2U);
  EXPECT_EQ(first_.decoded<ListOffsetsRequest>().at(0).topics.at(0).partitions.size(), 2U);
  EXPECT_EQ(second_.decoded<ListOffsetsRequest>().at(0).topics.at(0).partitions.size(), 1U);
}

TEST_F(LogRanges, FollowsALeaderThatMoved) {
  for (const int16_t code : {kNotLeaderOrFollower, kFencedLeaderEpoch, kUnknownTopicOrPartition,
                             KafkaError(9), KafkaError(78), KafkaError(56)}) {
    show({{tp(0), kFirst}, {tp(1), kFirst}});
    serve(first_, {.codes = {{0, code}}});
    serve(second_);
    after_metadata_ = [this] { show({{tp(0), kSecond}, {tp(1), kFirst}}); };
    const auto found = ranges({tp(0), tp(1)});
    ASSERT_TRUE(ok(found));
    EXPECT_EQ(found->at(tp(0)).error_code, 0) << error_row(code).name;
    expect_range(found->at(tp(0)), 0);
    expect_range(found->at(tp(1)), 1);
  }
}

TEST_F(LogRanges, AreReportedWithoutALeaderAndTheOthersGoOn) {
  show({{tp(0), BrokerId(-1)}, {tp(1), kFirst}});
  serve(first_);
  const auto found = ranges({tp(0), tp(1)}, kShort);
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->at(tp(0)).error_code, kLeaderNotAvailable);
  expect_range(found->at(tp(1)), 1);
}

TEST_F(LogRanges, AreReportedWhereTheLeaderIsDownAndTheOthersGoOn) {
  show({{tp(0), kSecond}, {tp(1), kFirst}});
  serve(first_);
  second_.drop_connections(true);
  const auto found = ranges({tp(0), tp(1)}, kShort);
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->at(tp(0)).error_code, kLeaderNotAvailable);
  expect_range(found->at(tp(1)), 1);
}

TEST_F(LogRanges, AreReadAgainWhereTheConnectionBroke) {
  show({{tp(0), kFirst}});
  first_.once(ApiKey::kListOffsets, [](const auto&) { return test::FakeReply{.close = true}; });
  serve(first_);
  const auto found = ranges({tp(0)});
  ASSERT_TRUE(ok(found));
  expect_range(found->at(tp(0)), 0);
}

TEST_F(LogRanges, OfWhatDoesNotExistOrIsDeniedAreNotAskedForAgain) {
  show({{tp(0), kFirst}});
  serve(first_, {.codes = {{0, kTopicAuthorizationFailed}}});
  const test::Stopwatch watch;
  const auto found = ranges({tp(0), tp(5), {TopicName("gone"), Partition(0)}});
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->at(tp(0)).error_code, kTopicAuthorizationFailed);
  EXPECT_EQ(found->at(tp(5)).error_code, kUnknownTopicOrPartition);
  EXPECT_EQ(found->at({TopicName("gone"), Partition(0)}).error_code, kUnknownTopicOrPartition);
  EXPECT_LT(watch.elapsed(), kShort);
}

TEST_F(LogRanges, OfATopicThatMetadataDeniesSayWhy) {
  first_.answer<MetadataRequest>([this](const auto&, const auto&) {
    MetadataResponse response;
    response.brokers.push_back({kFirst, "127.0.0.1", first_.address().port, {}});
    auto& topic = response.topics.emplace_back();
    topic.name = TopicName("t");
    topic.error_code = kTopicAuthorizationFailed;
    return response;
  });
  const auto found = ranges({tp(0)});
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->at(tp(0)).error_code, kTopicAuthorizationFailed);
}

TEST_F(LogRanges, ThatAnAnswerLeavesOutOrMakesNegativeAreErrors) {
  show({{tp(0), kFirst}, {tp(1), kFirst}});
  first_.answer<ListOffsetsRequest>([](const auto&, const auto&) {
    ListOffsetsResponse response;
    auto& topic = response.topics.emplace_back();
    topic.name = TopicName("t");
    topic.partitions.emplace_back().partition_index = Partition(0);  // its offset is -1
    return response;
  });
  const auto found = ranges({tp(0), tp(1)});
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->at(tp(0)).error_code, kUnknownServerError);
  EXPECT_EQ(found->at(tp(1)).error_code, kUnknownServerError);
}

TEST_F(LogRanges, AStopIsNoResult) {
  show({{tp(0), BrokerId(-1)}});
  Cluster cluster = connect_to({&first_});
  const auto metadata = cluster.fetch_metadata(std::nullopt, wait_for(kLong));
  StopToken stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Duration(150));
    stop.request_stop();
  });
  const test::Stopwatch watch;
  const auto found =
      fetch_log_ranges(cluster, *metadata, {tp(0)}, Wait(Deadline::after(kLong), stop));
  EXPECT_TRUE(fails(found, ErrorKind::kInterrupted, "start and end"));
  EXPECT_LT(watch.elapsed(), Duration(2'000));
}

}  // namespace
}  // namespace kferry::wire
