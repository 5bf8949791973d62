// Groups that are migrated in the same moment ask once where their logs start and end.
#include <thread>

#include <gtest/gtest.h>

#include "migrate/recent_log_ranges.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/error_code.h"
#include "wire/messages.h"

namespace kferry::migrate {
namespace {

using test::connect_to;
using test::FakeBroker;
using test::FakeView;
using test::ok;
using test::wait_for;
using test::WireRequest;
using wire::ListOffsetsRequest;
using wire::ListOffsetsResponse;

constexpr Duration kLong{10'000};
constexpr Duration kNever{3'600'000};

TopicPartition tp(const char* topic, int32_t partition) {
  return {TopicName(topic), Partition(partition)};
}

class RecentLogRangesTest : public testing::Test {
 protected:
  RecentLogRangesTest() {
    FakeView view;
    for (const char* const topic : {"t", "u"})
      for (int32_t p = 0; p < 3; ++p) view.leaders[tp(topic, p)] = fake_.id();
    fake_.show(view);
    fake_.answer<ListOffsetsRequest>(
        [this](const ListOffsetsRequest& request, const WireRequest&) { return answer(request); });
  }

  // Partition p starts at p and ends at 100 + p; partition 2 of "u" has a trouble.
  static ListOffsetsResponse answer(const ListOffsetsRequest& request) {
    ListOffsetsResponse response;
    for (const auto& topic : request.topics) {
      auto& to = response.topics.emplace_back();
      to.name = topic.name;
      for (const auto& asked : topic.partitions) {
        auto& one = to.partitions.emplace_back();
        one.partition_index = asked.partition_index;
        const bool earliest = asked.timestamp == ListOffsetsRequest::kEarliest;
        one.offset = asked.partition_index.value() + (earliest ? 0 : 100);
        if (topic.name == TopicName("u") && asked.partition_index == Partition(2))
          one.error_code = wire::kTopicAuthorizationFailed;
      }
    }
    return response;
  }

  // How many partitions were asked for, in both directions.
  size_t asked() const {
    size_t count = 0;
    for (const auto& request : fake_.decoded<ListOffsetsRequest>())
      for (const auto& topic : request.topics) count += topic.partitions.size();
    return count;
  }

  void expect_range(const Result<std::map<TopicPartition, wire::LogRange>>& ranges,
                    const TopicPartition& partition) {
    ASSERT_TRUE(ok(ranges));
    ASSERT_TRUE(ranges->contains(partition));
    EXPECT_EQ(ranges->at(partition).start, Offset(partition.partition.value()));
    EXPECT_EQ(ranges->at(partition).end, Offset(100 + partition.partition.value()));
  }

  FakeBroker fake_;
};

TEST_F(RecentLogRangesTest, AsksOnlyForWhatIsNotKnown) {
  wire::Cluster cluster = connect_to({&fake_});
  RecentLogRanges ranges(kNever);
  const auto first = ranges.get(cluster, {tp("t", 0), tp("t", 1)}, wait_for(kLong));
  expect_range(first, tp("t", 0));
  expect_range(first, tp("t", 1));
  EXPECT_EQ(first->size(), 2U);
  EXPECT_EQ(asked(), 4U);

  const auto second = ranges.get(cluster, {tp("t", 1), tp("t", 2)}, wait_for(kLong));
  expect_range(second, tp("t", 1));
  expect_range(second, tp("t", 2));
  EXPECT_EQ(second->size(), 2U);
  EXPECT_EQ(asked(), 6U);

  const size_t before = fake_.requests().size();
  expect_range(ranges.get(cluster, {tp("t", 0), tp("t", 2)}, wait_for(kLong)), tp("t", 0));
  EXPECT_EQ(fake_.requests().size(), before) << "nothing at all is asked";
}

TEST_F(RecentLogRangesTest, AsksAgainLater) {
  wire::Cluster cluster = connect_to({&fake_});
  RecentLogRanges ranges(Duration(50));
  ASSERT_TRUE(ok(ranges.get(cluster, {tp("t", 0)}, wait_for(kLong))));
  std::this_thread::sleep_for(Duration(60));
  expect_range(ranges.get(cluster, {tp("t", 0)}, wait_for(kLong)), tp("t", 0));
  EXPECT_EQ(asked(), 4U);
}

TEST_F(RecentLogRangesTest, AnErrorIsNotRemembered) {
  wire::Cluster cluster = connect_to({&fake_});
  RecentLogRanges ranges(kNever);
  for (int i = 1; i <= 2; ++i) {
    const auto answer = ranges.get(cluster, {tp("u", 1), tp("u", 2)}, wait_for(kLong));
    expect_range(answer, tp("u", 1));
    EXPECT_EQ(answer->at(tp("u", 2)).error_code, wire::kTopicAuthorizationFailed);
  }
  EXPECT_EQ(asked(), 6U);  // "u" 2 twice
}

TEST_F(RecentLogRangesTest, WhatCannotBeAskedIsAnError) {
  wire::Cluster cluster = connect_to({&fake_});
  RecentLogRanges ranges(Duration(0));
  fake_.drop_connections(true);
  const auto fails_now = [&] {
    const auto answer = ranges.get(cluster, {tp("t", 0)}, wait_for(Duration(300)));
    return !answer && answer.error().kind == ErrorKind::kUnreachable;
  };
  EXPECT_TRUE(test::eventually(fails_now));
}

}  // namespace
}  // namespace kferry::migrate
