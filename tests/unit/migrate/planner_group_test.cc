#include <random>

#include <gtest/gtest.h>

#include "migrate/planner.h"
#include "planner_fixture.h"

namespace kferry::migrate {
namespace {

using kferry::testing::contains;
using kferry::testing::offset_node;
using kferry::testing::OnePartition;
using kferry::testing::orders;

void expect_refused(const OnePartition& facts, const std::string& reason_part) {
  const PlannedGroup planned = facts.planned();
  EXPECT_TRUE(contains(planned.refusal, reason_part)) << planned.refusal;
  for (const PlannedPartition& partition : planned.partitions) {
    EXPECT_NE(partition.action, Action::kCommit);
    EXPECT_EQ(partition.target, std::nullopt);
  }
}

TEST(PlannerGroup, SomebodyConsumes) {
  OnePartition registered(50);
  registered.group().zookeeper.registrations = {{"billing_host1-1-abc", {"orders"}, "static"}};
  expect_refused(registered, "billing_host1-1-abc");
  EXPECT_EQ(registered.planned().evidence.registered_consumers, 1);
  EXPECT_EQ(registered.planned().partitions[0].verdict, Verdict::kCreate);
  EXPECT_EQ(registered.planned().partitions[0].detail, "group refused");

  OnePartition owned(50);
  owned.group().zookeeper.owners = {{TopicName("orders"), Partition(0), "billing_host1-0"}};
  expect_refused(owned, "billing_host1-0 of orders-0");
  EXPECT_EQ(owned.planned().evidence.owned_partitions, 1);

  OnePartition member(50);
  member.group().state =
      groupproto::GroupState{"Stable", "consumer", {{MemberId("m-1"), "pay-1", "/10.1.2.3"}}};
  expect_refused(member, "client 'pay-1' on /10.1.2.3 (member m-1)");
  EXPECT_EQ(member.planned().evidence.kafka_members, 1);

  OnePartition rebalancing(50);
  rebalancing.group().state = groupproto::GroupState{"PreparingRebalance", "consumer", {}};
  expect_refused(rebalancing, "PreparingRebalance");

  OnePartition committing(50);
  committing.group().quiescence = {5, 4000, {"/consumers/billing/offsets/orders/0"}};
  expect_refused(committing, "1 offset znodes changed within 4000 ms");
  EXPECT_TRUE(contains(committing.planned().refusal, "/consumers/billing/offsets/orders/0"));
  EXPECT_EQ(committing.planned().evidence.changed_nodes, 1);
}

TEST(PlannerGroup, ManyConsumersAreNotAllNamed) {
  OnePartition facts(50);
  std::vector<groupproto::GroupMember> members;
  for (int i = 0; i < 1000; ++i) {
    facts.group().zookeeper.registrations.push_back({fmt::format("consumer-{}", i), {}, ""});
    members.push_back({MemberId(fmt::format("m-{}", i)), "client", "/10.0.0.1"});
  }
  facts.group().state = groupproto::GroupState{"Stable", "consumer", members};
  expect_refused(facts, "1000 consumers are registered in ZooKeeper: consumer-0, consumer-1");
  expect_refused(facts, "and 995 more");
  EXPECT_LT(facts.planned().refusal.size(), 1000U);
}

TEST(PlannerGroup, WithNothingToDoIsNotRefused) {
  OnePartition facts(50);
  facts.kafka_has(50);
  facts.group().zookeeper.registrations = {{"billing_host1-1-abc", {"orders"}, "static"}};
  facts.group().state = fail(ErrorKind::kNotAuthorised, "no");
  EXPECT_EQ(facts.planned().refusal, "");
  EXPECT_EQ(facts.planned().partitions[0].action, Action::kKeep);
}

TEST(PlannerGroup, DeadAndEmptyGroupsAreQuiet) {
  for (const char* state : {"Dead", "Empty"}) {
    OnePartition facts(50);
    facts.group().state = groupproto::GroupState{state, "", {}};
    EXPECT_EQ(facts.planned().refusal, "");
    EXPECT_EQ(facts.planned().partitions[0].action, Action::kCommit);
  }
}

TEST(PlannerGroup, KafkaCannotBeRead) {
  OnePartition facts(50);
  facts.add_partition(1, 0, 10);
  facts.group().kafka = fail(ErrorKind::kNotAuthorised, "GROUP_AUTHORIZATION_FAILED: billing");
  expect_refused(facts, "GROUP_AUTHORIZATION_FAILED: billing");
  EXPECT_EQ(facts.planned().partitions[0].action, Action::kRefuse);
  EXPECT_EQ(facts.planned().partitions[1].verdict, Verdict::kNoOffset);
  EXPECT_EQ(facts.planned().partitions[1].detail, "");

  OnePartition undescribed(50);
  undescribed.group().state = fail(ErrorKind::kNotAuthorised, "DESCRIBE denied");
  expect_refused(undescribed, "DESCRIBE denied");
  EXPECT_EQ(undescribed.planned().evidence.kafka_group_state, "");
}

TEST(PlannerGroup, ANameThatIsNotUtf8) {
  OnePartition facts(50);
  facts.group().zookeeper.group = GroupId("bill\xFF");
  expect_refused(facts, "not UTF-8");
}

TEST(PlannerGroup, Evidence) {
  OnePartition facts(50);
  facts.group().team = "payments";
  PlannedGroup planned = facts.planned();
  EXPECT_EQ(planned.evidence.reads, "zookeeper+broker");
  EXPECT_EQ(planned.evidence.kafka_group_state, "Empty");
  EXPECT_EQ(planned.evidence.samples, 3);
  EXPECT_TRUE(planned.evidence.notes.empty());
  EXPECT_EQ(planned.team, "payments");

  facts.group().broker_read.reset();
  facts.facts.why_no_broker_read = "KRaft";
  facts.group().quiescence = {};
  facts.group().zookeeper.problems = {"may not read /consumers/billing/offsets/x"};
  planned = facts.planned();
  EXPECT_EQ(planned.evidence.reads, "zookeeper");
  ASSERT_EQ(planned.evidence.notes.size(), 2U);
  EXPECT_EQ(planned.evidence.notes[0], "no second read: KRaft");
  EXPECT_TRUE(contains(planned.evidence.notes[1], "not sampled"));
  EXPECT_EQ(planned.warnings, facts.group().zookeeper.problems);
}

TEST(PlannerGroup, Kafka07) {
  OnePartition facts(50);
  facts.add_partition(1, 0, 10);
  facts.group().zookeeper.kafka07_topics = {TopicName("old"), kferry::testing::kOrders};
  const PlannedGroup planned = facts.planned();
  ASSERT_EQ(planned.partitions.size(), 3U);
  EXPECT_EQ(planned.partitions[0].partition.topic.value(), "old");
  EXPECT_EQ(planned.partitions[0].verdict, Verdict::kUnparsable);
  EXPECT_EQ(planned.partitions[0].action, Action::kRefuse);
  EXPECT_TRUE(contains(planned.partitions[0].detail, "Kafka 0.7"));
  EXPECT_EQ(planned.partitions[1].action, Action::kCommit);  // has a node that 0.8 wrote
  EXPECT_EQ(planned.partitions[2].action, Action::kRefuse);  // has only what 0.7 left
  EXPECT_EQ(planned.warnings.size(), 2U);
}

TEST(PlannerGroup, WhatAnAclHidesIsRefusedNotTakenForAbsent) {
  OnePartition facts(50);
  facts.add_partition(1, 0, 10);
  facts.group().zookeeper.denied_offsets = {orders(1)};
  facts.group().zookeeper.denied_topics = {TopicName("hidden")};
  PlannedGroup planned = facts.planned();
  ASSERT_EQ(planned.partitions.size(), 3U);
  EXPECT_EQ(planned.partitions[0].partition.topic.value(), "hidden");
  EXPECT_EQ(planned.partitions[0].action, Action::kRefuse);
  EXPECT_EQ(planned.partitions[1].action, Action::kCommit);
  EXPECT_EQ(planned.partitions[2].action, Action::kRefuse);
  EXPECT_TRUE(contains(planned.partitions[2].detail, "ACL"));
  EXPECT_EQ(planned.partitions[2].verdict, Verdict::kDenied);
  EXPECT_EQ(verify::exit_code_of(to_report(facts.plan())), 7);

  OnePartition all(50);
  all.group().zookeeper.offsets.clear();
  all.broker().clear();
  all.group().zookeeper.all_denied = true;
  const verify::DiffReport report = to_report(all.plan());
  EXPECT_EQ(verify::count_partitions(report), 0);
  EXPECT_EQ(verify::exit_code_of(report), 7);

  // What stands at the place of brokers 1.1.0 may be older than what is hidden.
  OnePartition partly(50);
  partly.group().zookeeper.all_denied = true;
  EXPECT_EQ(partly.planned().partitions[0].action, Action::kRefuse);
}

TEST(PlannerGroup, ConventionWarnings) {
  const auto caught_up = [](int64_t behind_end, int32_t partitions) {
    OnePartition facts(100 - behind_end);
    for (int32_t i = 1; i < partitions; ++i) {
      facts.add_partition(i, 10, 100).broker_reads(i, 100 - behind_end);
      facts.group().zookeeper.offsets.push_back(offset_node(orders(i), 100 - behind_end));
    }
    return facts;
  };
  EXPECT_EQ(caught_up(1, 3).planned().warnings.size(), 1U);
  EXPECT_TRUE(contains(caught_up(1, 3).planned().warnings[0], "--convention last"));
  EXPECT_TRUE(caught_up(1, 2).planned().warnings.empty());
  EXPECT_TRUE(caught_up(0, 3).planned().warnings.empty());
  EXPECT_TRUE(caught_up(2, 3).planned().warnings.empty());

  OnePartition configured = caught_up(1, 3);
  configured.group().configured_convention = zkoffsets::Convention::kNext;
  EXPECT_TRUE(configured.planned().warnings.empty());

  OnePartition one_differs = caught_up(1, 4);
  one_differs.group().zookeeper.offsets[2].parsed = kferry::testing::parsed(50);
  one_differs.broker_reads(2, 50);
  EXPECT_TRUE(one_differs.planned().warnings.empty());

  OnePartition empty_logs = caught_up(1, 4);
  empty_logs.add_partition(4, 100, 100);
  EXPECT_EQ(empty_logs.planned().warnings.size(), 1U);

  OnePartition kafkaex = caught_up(5, 3);
  kafkaex.group().zookeeper.layout = zkoffsets::Layout::kOffsetCommitV0;
  ASSERT_EQ(kafkaex.planned().warnings.size(), 1U);
  EXPECT_TRUE(contains(kafkaex.planned().warnings[0], "KafkaEx.stream"));
}

TEST(PlannerGroup, ReportOfAPlan) {
  OnePartition facts(50);
  facts.add_partition(1, 0, 30);
  facts.group().zookeeper.problems = {"a problem"};
  const verify::DiffReport report = to_report(facts.plan());
  EXPECT_EQ(report.verb, "plan");
  EXPECT_FALSE(report.executed);
  EXPECT_EQ(verify::exit_code_of(report), 3);
  ASSERT_EQ(report.groups.size(), 1U);
  EXPECT_EQ(report.groups[0].layout, "high-level-consumer");
  EXPECT_EQ(report.groups[0].convention, "next");
  EXPECT_EQ(report.groups[0].evidence.notes, std::vector<std::string>{"a problem"});
  ASSERT_EQ(report.groups[0].partitions.size(), 2U);
  EXPECT_EQ(report.groups[0].partitions[0].outcome, verify::Outcome::kPending);
  EXPECT_EQ(report.groups[0].partitions[0].verdict, "create");
  EXPECT_EQ(report.groups[0].partitions[0].planned_offset, 50);
  EXPECT_EQ(report.groups[0].partitions[0].kafka_offset, std::nullopt);
  EXPECT_EQ(report.groups[0].partitions[1].outcome, verify::Outcome::kNoOffset);

  const auto outcome = [](OnePartition& one, const Policies& policies = {}) {
    return to_report(one.plan(policies)).groups[0].partitions[0].outcome;
  };
  OnePartition equal(50);
  equal.kafka_has(50);
  EXPECT_EQ(outcome(equal), verify::Outcome::kEqual);
  OnePartition ahead(50);
  ahead.kafka_has(60);
  EXPECT_EQ(outcome(ahead), verify::Outcome::kRefused);
  Policies policies;
  policies.on_conflict = ConflictPolicy::kKafka;
  EXPECT_EQ(outcome(ahead, policies), verify::Outcome::kKafkaAhead);
  OnePartition outside(5);
  policies.on_range = RangePolicy::kSkip;
  EXPECT_EQ(outcome(outside, policies), verify::Outcome::kSkipped);
}

// What must hold whatever the facts and the policies are.
class RandomFacts {
 public:
  explicit RandomFacts(uint32_t seed) : random_(seed) {}

  OnePartition next() {
    OnePartition facts(offset());
    for (int32_t i = 0; i < 6; ++i) {
      if (one_in(8)) continue;
      facts.add_partition(i, 10, one_in(4) ? 10 : 40);
      if (one_in(8)) facts.facts.log_ranges[orders(i)].error_code = wire::kLeaderNotAvailable;
    }
    facts.group().zookeeper.offsets.clear();
    for (int32_t i = 0; i < 8; ++i) add_partition(facts, i);
    if (one_in(4)) facts.group().broker_read.reset();
    if (one_in(10)) facts.group().kafka = fail(ErrorKind::kFailed, "no");
    if (one_in(10)) facts.group().state = fail(ErrorKind::kFailed, "no");
    if (one_in(5)) facts.group().zookeeper.registrations.push_back({"c", {}, ""});
    if (one_in(2)) facts.group().configured_convention = zkoffsets::Convention::kLastProcessed;
    if (one_in(6)) facts.group().zookeeper.kafka07_topics.push_back(kferry::testing::kOrders);
    return facts;
  }
  Policies policies() {
    return {static_cast<ConflictPolicy>(below(5)), static_cast<RangePolicy>(below(3)),
            static_cast<MissingPolicy>(below(2))};
  }

 private:
  void add_partition(OnePartition& facts, int32_t i) {
    if (!one_in(5)) {
      auto node = offset_node(orders(i), offset());
      if (one_in(8)) node.parsed = {std::nullopt, zkoffsets::OffsetProblem::kNegative, "'-1'"};
      if (one_in(8)) node.misplaced = kferry::testing::parsed(offset());
      if (node.parsed.offset && !one_in(8))
        facts.broker()[orders(i)] = {Offset(node.parsed.offset->value()), ""};
      facts.group().zookeeper.offsets.push_back(node);
    }
    if (!one_in(3)) (*facts.group().kafka)[orders(i)] = {Offset(offset()), ""};
    if (one_in(3)) facts.group().receipts[orders(i)] = {Offset(offset()), 100 + below(2) * i};
  }
  int below(int limit) { return static_cast<int>(random_() % static_cast<uint32_t>(limit)); }
  bool one_in(int chances) { return below(chances) == 0; }
  int64_t offset() {
    return one_in(20) ? std::numeric_limits<int64_t>::max() - below(2) : below(50);
  }

  std::mt19937 random_;
};

void expect_sound(const PlannedGroup& group, const Policies& policies) {
  for (size_t i = 1; i < group.partitions.size(); ++i)
    ASSERT_LT(group.partitions[i - 1].partition, group.partitions[i].partition);
  for (const PlannedPartition& partition : group.partitions) {
    ASSERT_EQ(partition.target.has_value(), partition.action == Action::kCommit);
    if (partition.action == Action::kRefuse) {
      ASSERT_NE(partition.detail, "");
    }
    if (!partition.target) continue;
    ASSERT_EQ(group.refusal, "");
    ASSERT_GE(partition.target->value(), 0);
    ASSERT_GE(*partition.target, *partition.log_start);
    ASSERT_LE(*partition.target, *partition.log_end);
    ASSERT_NE(partition.kafka_before, partition.target);
    ASSERT_FALSE(partition.path.empty());
    // Never a silent rewind, never a silent clamp.
    if (partition.kafka_before && *partition.target < *partition.kafka_before) {
      ASSERT_TRUE(contains(partition.detail, "rewinds")) << partition.detail;
    }
    const Offset straight =
        zkoffsets::to_kafka_offset(*partition.zookeeper_offset, group.convention);
    if (*partition.target != straight) {
      ASSERT_NE(partition.detail, "");
    }
    if (policies.on_conflict == ConflictPolicy::kFail && policies.on_range != RangePolicy::kClamp) {
      ASSERT_EQ(*partition.target, straight);
    }
  }
}

TEST(PlannerGroup, Properties) {
  RandomFacts random(20261123);
  std::map<Verdict, int> verdicts;
  for (int round = 0; round < 1500; ++round) {
    const OnePartition facts = random.next();
    const Policies policies = random.policies();
    const Plan plan = facts.plan(policies);
    ASSERT_NO_FATAL_FAILURE(expect_sound(plan.groups[0], policies)) << "round " << round;
    for (const PlannedPartition& partition : plan.groups[0].partitions)
      ++verdicts[partition.verdict];
    const verify::DiffReport report = to_report(plan);
    int64_t sum = 0;
    for (const auto& [outcome, count] : verify::summarise(report)) sum += count;
    ASSERT_EQ(sum, verify::count_partitions(report));
    ASSERT_EQ(sum, std::ssize(plan.groups[0].partitions));
  }
  // All but the missing topic came up.
  EXPECT_EQ(verdicts.size(), 10U);
}

}  // namespace
}  // namespace kferry::migrate
