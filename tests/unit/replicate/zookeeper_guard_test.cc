// What in ZooKeeper speaks against mirroring a group.
#include "replicate/zookeeper_guard.h"

#include <gtest/gtest.h>

#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using groupproto::GroupOffsets;
using test::fails;
using test::has;
using test::ok;
using zkoffsets::OffsetProblem;
using zkoffsets::ParsedOffset;

const TopicPartition kPartition{TopicName("t"), Partition(0)};
constexpr int64_t kMzxid = 77;

zkoffsets::GroupSnapshot group_at(int64_t offset) {
  zkoffsets::GroupSnapshot group;
  group.group = GroupId("g");
  group.offsets.push_back({kPartition.topic, kPartition.partition, "/consumers/g/offsets/t/0",
                           ParsedOffset{ZookeeperOffset(offset), OffsetProblem::kNone, ""},
                           {.mzxid = kMzxid}, {}, {}});
  return group;
}
GroupOffsets kafka_at(int64_t offset) {
  return {{kPartition, {Offset(offset), ""}}};
}
migrate::Receipts receipt(int64_t offset, int64_t mzxid = kMzxid) {
  return {{kPartition, {Offset(offset), mzxid}}};
}
std::string judged(const zkoffsets::GroupSnapshot& group, const GroupOffsets& kafka,
                   const migrate::Receipts& receipts = {}) {
  return unverified(group, kafka, receipts, [](const TopicName& topic) {
           return topic == kPartition.topic;
         }).value_or("");
}

TEST(ZookeeperGuard, KafkaMustHaveAsMuch) {
  EXPECT_EQ(judged(group_at(100), {}), "t-0 is at 100 in ZooKeeper and has no offset in Kafka");
  EXPECT_EQ(judged(group_at(100), kafka_at(99)), "t-0 is at 100 in ZooKeeper and at 99 in Kafka");
  EXPECT_EQ(judged(group_at(100), kafka_at(100)), "");
  EXPECT_EQ(judged(group_at(100), kafka_at(101)), "");
}

TEST(ZookeeperGuard, AGroupThatWasMigratedMayBeAnywhere) {
  EXPECT_EQ(judged(group_at(100), kafka_at(120), receipt(100)), "");
  EXPECT_EQ(judged(group_at(100), kafka_at(5), receipt(100)), "") << "gone back since, in Kafka";
  EXPECT_NE(judged(group_at(100), {}, receipt(100)), "") << "its offsets have expired";
  EXPECT_NE(judged(group_at(100), kafka_at(5), receipt(5, kMzxid - 1)), "")
      << "somebody has consumed the old way since";
}

TEST(ZookeeperGuard, TheLargerOfTwoPathsCounts) {
  auto group = group_at(100);
  group.offsets[0].misplaced = ParsedOffset{ZookeeperOffset(150), OffsetProblem::kNone, ""};
  EXPECT_TRUE(has(judged(group, kafka_at(149)), "at 150 in ZooKeeper"));
  EXPECT_EQ(judged(group, kafka_at(150)), "");
}

TEST(ZookeeperGuard, OtherTopicsDoNotMatter) {
  auto group = group_at(100);
  group.offsets[0].topic = TopicName("gone");
  group.denied_topics = {TopicName("gone")};
  group.kafka07_topics = {TopicName("gone")};
  EXPECT_EQ(judged(group, {}), "");
}

TEST(ZookeeperGuard, WhatCannotBeReadIsNotVerified) {
  auto group = group_at(100);
  group.offsets[0].parsed = {std::nullopt, OffsetProblem::kNotANumber, "abc"};
  EXPECT_TRUE(has(judged(group, kafka_at(500)), "holds no offset (abc)"));
  group.offsets.clear();
  group.denied_offsets = {kPartition};
  EXPECT_TRUE(has(judged(group, kafka_at(500)), "offset of t-0 may not be read"));
  group.denied_offsets.clear();
  group.denied_topics = {kPartition.topic};
  EXPECT_TRUE(has(judged(group, kafka_at(500)), "offsets of t may not be read"));
  group.denied_topics.clear();
  group.kafka07_topics = {kPartition.topic};
  EXPECT_TRUE(has(judged(group, kafka_at(500)), "Kafka 0.7"));
  group.kafka07_topics.clear();
  group.all_denied = true;
  EXPECT_TRUE(has(judged(group, kafka_at(500)), "may not be listed"));
}

TEST(ZookeeperGuard, ManyProblemsAreSummedUp) {
  auto group = group_at(100);
  for (int32_t p = 1; p < 10; ++p) {
    group.offsets.push_back(group.offsets[0]);
    group.offsets.back().partition = Partition(p);
  }
  EXPECT_TRUE(has(judged(group, {}), "; and 7 more"));
}

TEST(ZookeeperGuard, NoGroupIsReleasedBeforeTheFirstCheck) {
  FlowSettings flow;
  flow.zookeeper = "127.0.0.1:1";
  Troubles troubles;
  const ZookeeperGuard guard(flow, troubles);
  EXPECT_TRUE(fails(guard.refusals(), ErrorKind::kUnreachable, "not been read yet"));
  flow.guard = GuardPolicy::kWarn;
  EXPECT_TRUE(ok(guard.refusals()));
}

}  // namespace
}  // namespace kferry::replicate
