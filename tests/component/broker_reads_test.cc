// Reading ZooKeeper's offsets through brokers: which of them is asked, and when the next one.
#include <gtest/gtest.h>

#include "migrate/broker_reads.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/error_code.h"
#include "wire/messages.h"

namespace kferry::migrate {
namespace {

using groupproto::OffsetsQuery;
using groupproto::ZookeeperOffsetsByGroup;
using test::connect_to;
using test::fails;
using test::FakeBroker;
using test::FakeReply;
using test::FakeView;
using test::ok;
using test::wait_for;
using test::WireRequest;
using wire::ApiKey;
using wire::OffsetFetchRequest;
using wire::OffsetFetchResponse;

constexpr Duration kLong{20'000};
const GroupId kGroup{"g"};
const TopicName kTopic{"a"};

class BrokerReads : public testing::Test {
 protected:
  BrokerReads() {
    for (FakeBroker* const broker : {&first_, &second_}) {
      // Partition n has the offset n; what a broker answers is in the order of the request.
      broker->answer<OffsetFetchRequest>([](const OffsetFetchRequest& request, const WireRequest&) {
        OffsetFetchResponse response;
        for (const auto& topic : *request.topics) {
          auto& answered = response.topics.emplace_back();
          answered.name = topic.name;
          for (const Partition partition : topic.partition_indexes) {
            auto& one = answered.partitions.emplace_back();
            one.partition_index = partition;
            one.committed_offset = partition.value();
          }
        }
        return response;
      });
      broker->speak<OffsetFetchRequest>(0, 7);
    }
    show(first_, 3);
    show(second_, 3);
  }

  // What a broker says of the cluster.
  void show(FakeBroker& broker, int32_t partitions) {
    FakeView view;
    for (const FakeBroker* const one : {&first_, &second_})
      view.brokers[one->id()] = one->address();
    for (int32_t i = 0; i < partitions; ++i) view.leaders[{kTopic, Partition(i)}] = first_.id();
    broker.show(view);
  }

  Result<ZookeeperOffsetsByGroup> read(int32_t partitions, int groups = 1) {
    wire::Cluster cluster = connect_to({&first_, &second_});
    const auto metadata = cluster.fetch_metadata(std::nullopt, wait_for(kLong));
    if (!metadata) return std::unexpected(metadata.error());
    std::vector<OffsetsQuery> queries;
    for (int group = 0; group < groups; ++group) {
      queries.push_back({groups == 1 ? kGroup : GroupId(fmt::format("g{}", group)), {}});
      for (int32_t i = 0; i < partitions; ++i)
        queries.back().partitions.push_back({kTopic, Partition(i)});
    }
    return read_through_brokers(cluster, metadata->topics, queries, wait_for(kLong));
  }

  size_t asked(const FakeBroker& broker) { return broker.count(ApiKey::kOffsetFetch); }

  FakeBroker first_{BrokerId(1)};
  FakeBroker second_{BrokerId(2)};
};

TEST_F(BrokerReads, WhatDoesNotExistIsNotAskedFor) {
  const auto found = read(5);
  ASSERT_TRUE(ok(found));
  ASSERT_TRUE(ok(found->at(kGroup)));
  EXPECT_EQ(found->at(kGroup)->found.size(), 3U);
  EXPECT_EQ(asked(first_) + asked(second_), 1U);
}

TEST_F(BrokerReads, ManyAreCutIntoSlices) {
  show(first_, 400);
  show(second_, 400);
  const auto found = read(400, 5);
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->size(), 5U);
  for (const auto& [group, result] : *found) {
    ASSERT_TRUE(ok(result));
    ASSERT_EQ(result->found.size(), 400U);
    for (const auto& [partition, committed] : result->found)
      EXPECT_EQ(committed.offset.value(), partition.partition.value());
  }
  EXPECT_GT(asked(first_), 0U);
  EXPECT_GT(asked(second_), 0U);
}

TEST_F(BrokerReads, TheNextBrokerIsAskedWhenOneFails) {
  for (FakeBroker* const one : {&first_, &second_})
    one->once(ApiKey::kOffsetFetch, [](const WireRequest&) { return FakeReply{.close = true}; });
  const auto found = read(3);
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->at(kGroup)->found.size(), 3U);
  EXPECT_EQ(asked(first_) + asked(second_), 3U);
}

// It would answer that there is no offset.
TEST_F(BrokerReads, ABrokerThatDoesNotKnowTheTopicYetIsNotAsked) {
  for (const bool swapped : {false, true}) {
    FakeBroker& knows = swapped ? second_ : first_;
    FakeBroker& does_not = swapped ? first_ : second_;
    wire::Cluster cluster = connect_to({&knows, &does_not});
    show(knows, 3);
    const auto metadata = cluster.fetch_metadata(std::nullopt, wait_for(kLong));
    ASSERT_TRUE(ok(metadata));
    show(does_not, 1);
    const size_t before = asked(does_not);
    const auto found = read_through_brokers(
        cluster, metadata->topics, {{kGroup, {{kTopic, Partition(0)}, {kTopic, Partition(2)}}}},
        wait_for(kLong));
    ASSERT_TRUE(ok(found));
    EXPECT_EQ(found->at(kGroup)->found.size(), 2U);
    EXPECT_EQ(asked(does_not), before);
  }
}

TEST_F(BrokerReads, OneBrokerWithVersion0IsEnough) {
  first_.speak<OffsetFetchRequest>(1, 9);
  ASSERT_TRUE(ok(read(3)));
  second_.speak<OffsetFetchRequest>(1, 9);
  const auto refused = read(3);
  ASSERT_TRUE(fails(refused, ErrorKind::kFailed, "versions 1 to 9, kferry needs 0 to 0"));
  EXPECT_EQ(refused.error().kafka_code, wire::kUnsupportedVersion);
}

}  // namespace
}  // namespace kferry::migrate
