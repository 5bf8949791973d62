#include "migrate/planner.h"

#include <limits>

#include <gtest/gtest.h>

#include "planner_fixture.h"

namespace kferry::migrate {
namespace {

using kferry::testing::contains;
using kferry::testing::expect;
using kferry::testing::Expected;
using kferry::testing::on_conflict;
using kferry::testing::on_range;
using kferry::testing::OnePartition;
using kferry::testing::orders;
using kferry::testing::parsed;
using enum Verdict;
using enum Action;

constexpr int64_t kMaxInt64 = std::numeric_limits<int64_t>::max();

TEST(Planner, AgainstKafka) {
  struct Case {
    int64_t zookeeper;
    std::optional<int64_t> kafka;
    Expected expected;
  };
  const Case cases[] = {
      {50, std::nullopt, {kCreate, kCommit, 50}},
      {50, 50, {kEqual, kKeep}},
      {50, 20, {kAdvance, kCommit, 50}},
      {50, 51, {kKafkaAhead, kRefuse}},
      {10, std::nullopt, {kCreate, kCommit, 10}},    // exactly at the log's start
      {100, std::nullopt, {kCreate, kCommit, 100}},  // exactly at its end: all was read
      {9, std::nullopt, {kBeforeLogStart, kRefuse}},
      {101, std::nullopt, {kAfterLogEnd, kRefuse}},
      {0, std::nullopt, {kBeforeLogStart, kRefuse}},
      // The log matters only to what is about to be committed.
      {5, 5, {kEqual, kKeep}},
      {101, 101, {kEqual, kKeep}},
      {kMaxInt64 - 1, std::nullopt, {kAfterLogEnd, kRefuse}},
      {kMaxInt64, std::nullopt, {kUnparsable, kRefuse}},
  };
  for (const Case& example : cases) {
    OnePartition facts(example.zookeeper);
    facts.kafka_has(example.kafka);
    expect(facts.first(), example.expected, fmt::format("{}: ", example.zookeeper));
  }
}

TEST(Planner, WhatIsRecordedForDriftAndRollback) {
  OnePartition facts(50);
  facts.kafka_has(20);
  facts.facts.topics[kferry::testing::kOrders].topic_id = {0xAB, 1};
  facts.facts.offsets_retention_ms = 604'800'000;
  const Plan plan = facts.plan();
  const PlannedPartition& planned = plan.groups[0].partitions[0];
  EXPECT_EQ(planned.path, "/consumers/billing/offsets/orders/0");
  EXPECT_EQ(planned.zookeeper_offset, ZookeeperOffset(50));
  EXPECT_EQ(planned.node, (zkoffsets::NodeVersion{100, 7, 1'700'000'000'000}));
  EXPECT_EQ(planned.kafka_before, Offset(20));
  EXPECT_EQ(planned.kafka_metadata_before, "made by a client");
  EXPECT_EQ(planned.log_start, Offset(10));
  EXPECT_EQ(planned.log_end, Offset(100));
  EXPECT_EQ(plan.topic_ids.at(kferry::testing::kOrders), "ab010000000000000000000000000000");
  EXPECT_EQ(plan.offsets_retention_ms, 604'800'000);
  EXPECT_EQ(plan.source.cluster_id, "abcDEF");
  EXPECT_EQ(plan.created_at_ms, 1'795'464'245'678);
}

TEST(Planner, Convention) {
  OnePartition facts(99);
  facts.group().configured_convention = zkoffsets::Convention::kLastProcessed;
  expect(facts.first(), {kCreate, kCommit, 100}, "last: ");
  facts.kafka_has(100);
  expect(facts.first(), {kEqual, kKeep}, "last: ");
  facts.group().configured_convention.reset();
  facts.group().zookeeper.layout = zkoffsets::Layout::kFlink;
  expect(facts.first(), {kEqual, kKeep}, "Flink: ");
  OnePartition huge(kMaxInt64);
  huge.group().configured_convention = zkoffsets::Convention::kLastProcessed;
  expect(huge.first(), {kUnparsable, kRefuse}, "overflow: ");
}

TEST(Planner, KafkaAheadByPolicy) {
  const std::pair<ConflictPolicy, Expected> cases[] = {
      {ConflictPolicy::kFail, {kKafkaAhead, kRefuse}},
      {ConflictPolicy::kZookeeper, {kKafkaAhead, kCommit, 50}},
      {ConflictPolicy::kKafka, {kKafkaAhead, kKeep}},
      {ConflictPolicy::kMin, {kKafkaAhead, kCommit, 50}},
      {ConflictPolicy::kMax, {kKafkaAhead, kKeep}},
  };
  for (const auto& [policy, expected] : cases) {
    OnePartition facts(50);
    const PlannedPartition planned = facts.kafka_has(57).first(on_conflict(policy));
    expect(planned, expected, std::string(to_string(policy)));
    if (planned.action == kCommit) {
      EXPECT_TRUE(contains(planned.detail, "rewinds Kafka by 7"));
    }
  }
}

// No policy is needed where Kafka is behind and nobody but the consumers set it.
TEST(Planner, AdvancesWhateverThePolicy) {
  for (const auto policy : {ConflictPolicy::kFail, ConflictPolicy::kZookeeper,
                            ConflictPolicy::kKafka, ConflictPolicy::kMin, ConflictPolicy::kMax}) {
    OnePartition facts(50);
    expect(facts.kafka_has(20).first(on_conflict(policy)), {kAdvance, kCommit, 50},
           std::string(to_string(policy)));
  }
}

TEST(Planner, TwoReadsDiffer) {
  // The znode has 50, the broker reads 60, the path of 1.1.0 has 40.
  struct Case {
    ConflictPolicy policy;
    std::optional<int64_t> kafka;
    Expected expected;
  };
  const Case cases[] = {
      {ConflictPolicy::kFail, std::nullopt, {kConflict, kRefuse}},
      {ConflictPolicy::kFail, 50, {kConflict, kRefuse}},
      {ConflictPolicy::kZookeeper, std::nullopt, {kConflict, kCommit, 50}},
      {ConflictPolicy::kZookeeper, 50, {kConflict, kKeep}},
      {ConflictPolicy::kZookeeper, 70, {kConflict, kCommit, 50}},
      {ConflictPolicy::kKafka, std::nullopt, {kConflict, kRefuse}},
      {ConflictPolicy::kKafka, 55, {kConflict, kKeep}},
      {ConflictPolicy::kMin, std::nullopt, {kConflict, kCommit, 40}},
      {ConflictPolicy::kMin, 70, {kConflict, kCommit, 40}},
      {ConflictPolicy::kMin, 30, {kConflict, kKeep}},
      {ConflictPolicy::kMin, 40, {kConflict, kKeep}},
      {ConflictPolicy::kMax, std::nullopt, {kConflict, kCommit, 60}},
      {ConflictPolicy::kMax, 70, {kConflict, kKeep}},
      {ConflictPolicy::kMax, 30, {kConflict, kCommit, 60}},
  };
  for (const Case& example : cases) {
    OnePartition facts(50);
    facts.broker_reads(0, 60).kafka_has(example.kafka);
    facts.node().misplaced = parsed(40);
    const PlannedPartition planned = facts.first(on_conflict(example.policy));
    expect(planned, example.expected,
           fmt::format("{} {}: ", to_string(example.policy), example.kafka.value_or(-1)));
    EXPECT_TRUE(contains(planned.detail, "a broker reads 60")) << planned.detail;
    EXPECT_TRUE(contains(planned.detail, "has 40")) << planned.detail;
  }
}

TEST(Planner, WhatCountsAsTwoReadsThatDiffer) {
  OnePartition absent(50);
  absent.broker().clear();
  expect(absent.first(), {kConflict, kRefuse}, "the broker reads none: ");

  OnePartition gone(50);
  gone.broker().clear();
  gone.facts.topics.clear();
  expect(gone.first(), {kMissingTopic, kRefuse}, "of a missing topic that says nothing: ");

  OnePartition denied(50);
  denied.group().broker_read = fail(ErrorKind::kNotAuthorised, "GROUP_AUTHORIZATION_FAILED");
  expect(denied.first(), {kCreate, kCommit, 50}, "a failed read: ");
  EXPECT_EQ(denied.planned().evidence.reads, "zookeeper");
  EXPECT_TRUE(contains(denied.planned().evidence.notes.front(), "GROUP_AUTHORIZATION_FAILED"));

  OnePartition storm(50);
  storm.broker().clear();
  storm.group().zookeeper.layout = zkoffsets::Layout::kStorm;
  expect(storm.first(), {kCreate, kCommit, 50}, "a broker cannot see Storm: ");

  OnePartition same(50);
  same.node().misplaced = parsed(50);
  expect(same.first(), {kCreate, kCommit, 50}, "equal at both paths: ");

  OnePartition misplaced(50);
  misplaced.node().misplaced = {std::nullopt, zkoffsets::OffsetProblem::kEmpty, "empty"};
  expect(misplaced.first(), {kConflict, kRefuse}, "unusable at the other path: ");
  expect(misplaced.first(on_conflict(ConflictPolicy::kMin)), {kConflict, kCommit, 50}, "min: ");
}

TEST(Planner, UnparsableIsRefusedUnderEveryPolicy) {
  for (const auto policy : {ConflictPolicy::kFail, ConflictPolicy::kZookeeper,
                            ConflictPolicy::kKafka, ConflictPolicy::kMin, ConflictPolicy::kMax}) {
    OnePartition facts(50);
    facts.broker().clear();
    facts.node().parsed = {std::nullopt, zkoffsets::OffsetProblem::kNotANumber, "'abc'"};
    const PlannedPartition planned =
        facts.kafka_has(5).first({policy, RangePolicy::kClamp, MissingPolicy::kSkip});
    expect(planned, {kUnparsable, kRefuse}, std::string(to_string(policy)));
    EXPECT_TRUE(contains(planned.detail, "'abc'"));
  }
}

TEST(Planner, Missing) {
  const auto with = [](MissingPolicy policy) {
    Policies policies;
    policies.on_missing = policy;
    return policies;
  };
  OnePartition topic(50);
  topic.facts.topics.clear();
  expect(topic.first(), {kMissingTopic, kRefuse}, "topic: ");
  expect(topic.first(with(MissingPolicy::kSkip)), {kMissingTopic, kSkip}, "topic: ");
  topic.facts.topics[kferry::testing::kOrders].error_code = wire::kUnknownTopicOrPartition;
  expect(topic.first(with(MissingPolicy::kSkip)), {kMissingTopic, kSkip}, "unknown: ");
  // A topic that we may not see is not missing.
  topic.facts.topics[kferry::testing::kOrders].error_code = wire::kTopicAuthorizationFailed;
  expect(topic.first(with(MissingPolicy::kSkip)), {kMissingTopic, kRefuse}, "hidden: ");
  EXPECT_TRUE(contains(topic.first().detail, "TOPIC_AUTHORIZATION_FAILED"));

  OnePartition partition(50);
  auto& partitions = partition.facts.topics[kferry::testing::kOrders].partitions;
  partitions = {{Partition(7), {}}};
  expect(partition.first(), {kMissingPartition, kRefuse}, "partition: ");
  expect(partition.first(with(MissingPolicy::kSkip)), {kMissingPartition, kSkip}, "partition: ");
}

TEST(Planner, OutsideTheLog) {
  struct Case {
    int64_t zookeeper;
    std::optional<int64_t> kafka;
    RangePolicy policy;
    Expected expected;
  };
  const Case cases[] = {
      {5, std::nullopt, RangePolicy::kFail, {kBeforeLogStart, kRefuse}},
      {5, std::nullopt, RangePolicy::kClamp, {kBeforeLogStart, kCommit, 10}},
      {5, std::nullopt, RangePolicy::kSkip, {kBeforeLogStart, kSkip}},
      {5, 3, RangePolicy::kClamp, {kBeforeLogStart, kCommit, 10}},
      {120, std::nullopt, RangePolicy::kFail, {kAfterLogEnd, kRefuse}},
      {120, std::nullopt, RangePolicy::kClamp, {kAfterLogEnd, kCommit, 100}},
      {120, std::nullopt, RangePolicy::kSkip, {kAfterLogEnd, kSkip}},
      {120, 100, RangePolicy::kClamp, {kAfterLogEnd, kKeep}},
      {120, 110, RangePolicy::kClamp, {kAfterLogEnd, kCommit, 100}},
      {100, std::nullopt, RangePolicy::kClamp, {kCreate, kCommit, 100}},
  };
  for (const Case& example : cases) {
    OnePartition facts(example.zookeeper);
    const PlannedPartition planned = facts.kafka_has(example.kafka).first(on_range(example.policy));
    expect(planned, example.expected,
           fmt::format("{} {}: ", example.zookeeper, to_string(example.policy)));
  }
  EXPECT_TRUE(
      contains(OnePartition(5).first(on_range(RangePolicy::kClamp)).detail,
               "clamped from 5 to the log's start 10: offsets 5 to 9 are deleted and lost"));
  EXPECT_TRUE(contains(OnePartition(120).first(on_range(RangePolicy::kClamp)).detail,
                       "clamped from 120 to the log's end 100"));
  EXPECT_TRUE(contains(OnePartition(120).kafka_has(110).first(on_range(RangePolicy::kClamp)).detail,
                       "rewinds Kafka by 10"));
}

TEST(Planner, ALogThatCannotBeAskedFor) {
  OnePartition facts(50);
  facts.facts.log_ranges[orders(0)].error_code = wire::kLeaderNotAvailable;
  const PlannedPartition planned = facts.first(on_range(RangePolicy::kClamp));
  expect(planned, {kCreate, kRefuse}, "no leader: ");
  EXPECT_TRUE(contains(planned.detail, "LEADER_NOT_AVAILABLE"));
  EXPECT_EQ(planned.log_start, std::nullopt);
  facts.kafka_has(50);
  expect(facts.first(), {kEqual, kKeep}, "nothing to commit: ");
  facts.facts.log_ranges.clear();
  expect(OnePartition(facts).kafka_has(20).first(), {kAdvance, kRefuse}, "unknown: ");
}

TEST(Planner, PartitionsWithoutANode) {
  OnePartition facts(50);
  facts.add_partition(1, 0, 30).add_partition(2, 30, 30).add_partition(3, 0, 30);
  (*facts.group().kafka)[orders(3)] = {Offset(4), ""};
  const auto partitions = facts.planned().partitions;
  ASSERT_EQ(partitions.size(), 4U);
  for (size_t i = 1; i < 4; ++i) expect(partitions[i], {kNoOffset, kSkip}, "without a node: ");
  EXPECT_EQ(partitions[1].detail, "a consumer starts here at auto.offset.reset");
  EXPECT_EQ(partitions[2].detail, "");  // an empty log
  EXPECT_EQ(partitions[3].detail, "");  // it has an offset in Kafka
  EXPECT_EQ(partitions[3].kafka_before, Offset(4));

  // Only a broker sees an offset: without a znode drift could not be noticed.
  facts.broker_reads(1, 20);
  expect(facts.planned().partitions[1], {kConflict, kRefuse}, "a hidden znode: ");
  expect(facts.planned(on_conflict(ConflictPolicy::kMax)).partitions[1], {kConflict, kRefuse},
         "a hidden znode: ");
}

}  // namespace
}  // namespace kferry::migrate
