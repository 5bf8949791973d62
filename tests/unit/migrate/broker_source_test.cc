// Offsets that are read through brokers: what is asked for, and what that means for a plan.
#include "migrate/broker_source.h"

#include <gtest/gtest.h>

#include "migrate/expectation.h"
#include "migrate/receipt.h"
#include "planner_fixture.h"

namespace kferry::migrate {
namespace {

using kferry::testing::contains;
using kferry::testing::expect;
using kferry::testing::kOrders;
using kferry::testing::OnePartition;
using kferry::testing::orders;
using enum Verdict;
using enum Action;

const TopicName kClicks{"clicks"};
const TopicName kInternal{"__consumer_offsets"};

std::map<TopicName, wire::TopicInfo> topics() {
  std::map<TopicName, wire::TopicInfo> all;
  for (const TopicName& topic : {kOrders, kClicks, kInternal})
    all[topic].partitions[Partition(0)] = {};
  all[kOrders].partitions[Partition(1)] = {};
  return all;
}

TEST(BrokerSource, AsksForAllTopicsButInternalOnesOrForThoseThatAreNamed) {
  EXPECT_EQ(partitions_to_ask(topics(), {}),
            (std::vector<TopicPartition>{{kClicks, Partition(0)}, orders(0), orders(1)}));
  EXPECT_EQ(partitions_to_ask(topics(), {kOrders}),
            (std::vector<TopicPartition>{orders(0), orders(1)}));
  EXPECT_EQ(partitions_to_ask(topics(), {kInternal, TopicName("gone")}).size(), 1U);
}

// As BrokerSource gives it: without a version.
OnePartition through_brokers(int64_t offset) {
  OnePartition facts(offset);
  facts.facts.zookeeper.clear();
  facts.group().broker_read.reset();
  facts.node().node = {};
  return facts;
}

TEST(BrokerSource, ThePlanSaysWhatWasNotSeen) {
  OnePartition facts = through_brokers(50);
  const PlannedGroup planned = facts.planned();
  expect(planned.partitions.front(), {kCreate, kCommit, 50}, "read through brokers");
  EXPECT_EQ(planned.evidence.reads, "broker");
  EXPECT_EQ(planned.evidence.registered_consumers, std::nullopt);
  EXPECT_EQ(planned.evidence.owned_partitions, std::nullopt);
  ASSERT_EQ(planned.evidence.notes.size(), 1U);
  EXPECT_EQ(planned.evidence.notes[0], kConsumersNotSeen);
  facts.group().quiescence = {1, 0, {}};
  EXPECT_TRUE(contains(facts.planned().evidence.notes.back(), "not sampled"));
}

TEST(BrokerSource, PartitionsOfNamedTopicsAreToldWithoutAnOffset) {
  OnePartition facts = through_brokers(50);
  facts.facts.topics[kClicks].partitions[Partition(0)] = {0, BrokerId(1)};
  EXPECT_EQ(facts.planned().partitions.size(), 1U);
  facts.group().asked_topics = {kOrders, kClicks};
  const PlannedGroup planned = facts.planned();
  ASSERT_EQ(planned.partitions.size(), 2U);
  expect(planned.partitions.front(), {kNoOffset, kSkip}, "named");
}

TEST(BrokerSource, AReceiptIsAboutTheNumberWhereThereIsNoVersion) {
  using enum zkoffsets::Convention;
  const zkoffsets::NodeVersion version{7, 1, 1};
  const zkoffsets::NodeVersion none;
  const ZookeeperOffset at(50);
  const Receipt by_version{Offset(50), 7};
  const Receipt by_number{Offset(60), 0, at};
  EXPECT_TRUE(is_about(by_version, version, at, kNext));
  EXPECT_FALSE(is_about(by_version, {8, 1, 1}, at, kNext)) << "written anew";
  EXPECT_TRUE(is_about(by_version, none, at, kNext));
  EXPECT_FALSE(is_about(by_version, none, at, kLastProcessed)) << "50 there was 51 in Kafka";
  EXPECT_FALSE(is_about(by_version, none, std::nullopt, kNext));
  for (const auto& node : {version, none}) {
    EXPECT_TRUE(is_about(by_number, node, at, kNext)) << "clamped to 60";
    EXPECT_FALSE(is_about(by_number, node, ZookeeperOffset(60), kNext));
  }
}

TEST(BrokerSource, AReceiptNotesTheNumberWhereThereIsNoVersion) {
  PlannedPartition planned;
  planned.partition = orders(0);
  planned.zookeeper_offset = ZookeeperOffset(50);
  for (const int64_t mzxid : {0, 9}) {
    planned.node.mzxid = mzxid;
    const auto written = make_receipt(orders(0), receipt_of(planned, Offset(60)));
    EXPECT_EQ(written.metadata,
              mzxid == 0 ? "kferry/1 migrated zookeeper_offset=50" : "kferry/1 migrated mzxid=9");
    const auto read = parse_receipt({written.offset, written.metadata});
    ASSERT_TRUE(read);
    EXPECT_EQ(read->offset, Offset(60));
    EXPECT_EQ(read->mzxid, mzxid);
    EXPECT_EQ(read->zookeeper_offset.has_value(), mzxid == 0);
    EXPECT_FALSE(parse_receipt({written.offset, written.metadata + "x"}));
  }
  EXPECT_FALSE(parse_receipt({Offset(60), "kferry/1 migrated "}));
}

TEST(BrokerSource, AnotherNumberThanThePlansIsTrouble) {
  const PlannedGroup planned = through_brokers(50).planned();
  const PlannedGroup same = through_brokers(50).planned();
  const PlannedGroup other = through_brokers(51).planned();
  EXPECT_EQ(expect_from_plan(planned, &same).partitions.front().trouble, "");
  EXPECT_TRUE(contains(expect_from_plan(planned, &other).partitions.front().trouble, "changed"));
}

}  // namespace
}  // namespace kferry::migrate
