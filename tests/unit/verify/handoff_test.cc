// Which groups are ready to be handed over, and why the others are not.
#include "verify/handoff.h"

#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/unit/verify/schema.h"
#include "verify/handoff_report.h"

namespace kferry::verify {
namespace {

using test::fails;
using test::has;
using test::ok;

constexpr int64_t kReportedAt = 1'700'000'000'000;

PartitionReport partition(int number, std::optional<int64_t> zookeeper,
                          std::optional<int64_t> kafka, Outcome outcome) {
  PartitionReport one;
  one.topic = TopicName("orders");
  one.partition = Partition(number);
  one.zookeeper_offset = zookeeper;
  one.kafka_offset = kafka;
  one.outcome = outcome;
  return one;
}

GroupReport group_of(std::vector<PartitionReport> partitions) {
  GroupReport group;
  group.group = GroupId("billing");
  group.team = "payments";
  group.partitions = std::move(partitions);
  return group;
}

// A report of a migration after which all is well: orders-0 at 10, orders-1 at 20.
CollectedReport migrated() {
  CollectedReport collected;
  collected.file = "reports/payments.json";
  collected.report.verb = "migrate";
  collected.report.executed = true;
  collected.report.generated_at_ms = kReportedAt;
  collected.report.source.cluster_id = "cluster-a";
  collected.report.groups = {
      group_of({partition(0, 10, 10, Outcome::kMigrated), partition(1, 20, 20, Outcome::kEqual)})};
  return collected;
}

groupproto::GroupOffsets committed(int64_t first, int64_t second) {
  return {{{TopicName("orders"), Partition(0)}, {Offset(first), {}}},
          {{TopicName("orders"), Partition(1)}, {Offset(second), {}}}};
}

// What stands there when nothing has changed since that report.
HandoffFacts unchanged() {
  HandoffFacts facts;
  facts.now_ms = kReportedAt + 60'000;
  facts.cluster_id = "cluster-a";
  facts.zookeeper_read = true;
  facts.reports = {migrated()};
  GroupNow& now = facts.groups[GroupId("billing")];
  now.in_kafka = true;
  now.verified =
      group_of({partition(0, 10, 10, Outcome::kEqual), partition(1, 20, 20, Outcome::kEqual)});
  now.changed_at_ms = kReportedAt - 1'000;
  now.kafka = committed(10, 20);
  return facts;
}

GroupNow& billing(HandoffFacts& facts) {
  return facts.groups[GroupId("billing")];
}
PartitionReport& reported(HandoffFacts& facts, size_t partition) {
  return facts.reports->front().report.groups.front().partitions.at(partition);
}

// The one group's.
GroupReadiness verdict(const HandoffFacts& facts) {
  const auto all = judge(facts);
  EXPECT_EQ(all.size(), 1U);
  return all.front();
}
std::string why(const HandoffFacts& facts) {
  const GroupReadiness one = verdict(facts);
  EXPECT_LE(one.reasons.size(), 1U);
  return one.ready() ? "ready" : one.reasons.front();
}

TEST(Handoff, AGroupWithAGoodReportIsReady) {
  const GroupReadiness one = verdict(unchanged());
  EXPECT_TRUE(one.ready()) << one.reasons.front();
  EXPECT_EQ(one.basis, HandoffBasis::kReport);
  EXPECT_EQ(one.team, "payments");
  EXPECT_EQ(one.partitions, 2);
  EXPECT_EQ(one.report_file, "reports/payments.json");
  EXPECT_EQ(one.report_at_ms, kReportedAt);
}

TEST(Handoff, AGroupThatHasMovedOnInKafkaIsReady) {
  HandoffFacts facts = unchanged();
  billing(facts).kafka = committed(15, 2'000);
  // A verification now knows no receipt, and would call that a difference.
  billing(facts).verified->partitions[0].outcome = Outcome::kDifferent;
  EXPECT_EQ(why(facts), "ready");
}

TEST(Handoff, WhatTheReportSaysIsNotOverlooked) {
  const std::pair<Outcome, const char*> cases[] = {
      {Outcome::kPending, "1 partition not migrated yet (orders-1: because)"},
      {Outcome::kRefused, "1 partition refused (orders-1: because)"},
      {Outcome::kFailed, "1 partition failed (orders-1: because)"},
      {Outcome::kDenied, "1 partition denied (orders-1: because)"},
      {Outcome::kNotAttempted, "1 partition not attempted (orders-1: because)"},
      {Outcome::kDifferent, "1 partition different (orders-1: because)"},
      {Outcome::kMissing, "1 partition missing in Kafka (orders-1: because)"},
      {Outcome::kRestored, "1 partition rolled back (orders-1: because)"},
      {Outcome::kDeleted, "1 partition rolled back (orders-1: because)"},
      {Outcome::kSkipped, "ready"},
      {Outcome::kNoOffset, "ready"},
      {Outcome::kKafkaAhead, "ready"},
  };
  for (const auto& [outcome, reason] : cases) {
    HandoffFacts facts = unchanged();
    reported(facts, 1).outcome = outcome;
    reported(facts, 1).detail = "because";
    EXPECT_EQ(why(facts), reason);
  }
}

TEST(Handoff, TheNewestReportCounts) {
  HandoffFacts facts = unchanged();
  CollectedReport later = migrated();
  later.file = "reports/later.json";
  later.report.generated_at_ms += 1;
  later.report.groups[0].partitions[0].outcome = Outcome::kRestored;
  facts.reports->insert(facts.reports->begin(), later);
  EXPECT_EQ(why(facts), "1 partition rolled back (orders-0)");
  EXPECT_EQ(verdict(facts).report_file, "reports/later.json");
}

TEST(Handoff, ZooKeeperHasMovedSince) {
  HandoffFacts facts = unchanged();
  billing(facts).verified->partitions[0].zookeeper_offset = 12;
  EXPECT_EQ(why(facts), "ZooKeeper has moved since: orders-0 was at 10 and is at 12");
  billing(facts).verified->partitions[1].zookeeper_offset = 13;
  EXPECT_EQ(why(facts), "ZooKeeper has moved since: orders-0 was at 10 and is at 12, and 1 more");

  facts = unchanged();
  billing(facts).verified->partitions.push_back(partition(2, 7, {}, Outcome::kMissing));
  EXPECT_EQ(why(facts), "ZooKeeper has moved since: orders-2 is at 7 and not in the report");
}

TEST(Handoff, AWriteOfTheSameOffsetMakesTheReportOld) {
  HandoffFacts facts = unchanged();
  billing(facts).changed_at_ms = kReportedAt + 1;
  EXPECT_TRUE(has(why(facts), "the report is older than the last change in ZooKeeper, at 2023-"));
  EXPECT_TRUE(has(why(facts), "kferry verify --group billing"));
}

TEST(Handoff, RegisteredConsumersWillCommitThereAgain) {
  HandoffFacts facts = unchanged();
  billing(facts).verified->evidence.registered_consumers = 2;
  EXPECT_EQ(why(facts),
            "2 of its consumers are still registered in ZooKeeper and will commit there");
}

TEST(Handoff, ZnodesThatAreGoneDoNotMatter) {
  HandoffFacts facts = unchanged();
  billing(facts).verified.reset();
  billing(facts).changed_at_ms.reset();
  EXPECT_EQ(why(facts), "ready");
}

TEST(Handoff, OffsetsThatAreGoneFromKafka) {
  HandoffFacts facts = unchanged();
  billing(facts).kafka->erase({TopicName("orders"), Partition(1)});
  EXPECT_EQ(why(facts), "its offsets in Kafka are gone, expired or deleted: orders-1 was at 20");
  facts.reports->front().report.groups.front().expires_at_ms = facts.now_ms - 1;
  EXPECT_TRUE(has(why(facts), "its offsets in Kafka have expired (2023-"));
}

TEST(Handoff, OffsetsThatWereSetBack) {
  HandoffFacts facts = unchanged();
  billing(facts).kafka = committed(10, 3);
  EXPECT_EQ(why(facts), "its offsets in Kafka were set back since: orders-1 was at 20 and is at 3");
  billing(facts).kafka = fail(ErrorKind::kNotAuthorised, "denied");
  EXPECT_EQ(why(facts), "Kafka's offsets could not be read: denied");
}

TEST(Handoff, AReportOfAnotherClusterProvesNothing) {
  HandoffFacts facts = unchanged();
  facts.cluster_id = "cluster-b";
  EXPECT_EQ(why(facts), "the report is about cluster cluster-a, the source is cluster-b");
}

TEST(Handoff, WithReportsEachGroupInZooKeeperNeedsOne) {
  HandoffFacts facts = unchanged();
  facts.reports->clear();
  EXPECT_EQ(why(facts), "no report is about it");
  // Nothing in ZooKeeper: there is nothing to migrate.
  billing(facts).verified.reset();
  EXPECT_EQ(why(facts), "ready");
  EXPECT_EQ(verdict(facts).basis, HandoffBasis::kKafka);
  facts.zookeeper_read = false;
  EXPECT_TRUE(has(why(facts), "ZooKeeper was not looked at"));
}

TEST(Handoff, WithoutReportsAVerificationDecides) {
  HandoffFacts facts = unchanged();
  facts.reports.reset();
  EXPECT_EQ(why(facts), "ready");
  EXPECT_EQ(verdict(facts).basis, HandoffBasis::kVerified);
  billing(facts).verified->partitions[0].outcome = Outcome::kMissing;
  billing(facts).verified->partitions[1].outcome = Outcome::kMissing;
  billing(facts).verified->partitions[0].detail = "should be 10";
  EXPECT_EQ(why(facts), "2 partitions missing in Kafka (orders-0: should be 10)");
  billing(facts).verified->partitions.clear();
  EXPECT_EQ(why(facts), "ready") << "its offsets are in Kafka alone";
  billing(facts).trouble = "some of its offsets in ZooKeeper may not be read";
  EXPECT_EQ(why(facts), "some of its offsets in ZooKeeper may not be read");
}

TEST(Handoff, AGroupThatNobodyKnows) {
  HandoffFacts facts;
  facts.zookeeper_read = true;
  facts.groups[GroupId("typo")];
  EXPECT_EQ(why(facts), "neither ZooKeeper nor Kafka knows it");
  EXPECT_EQ(verdict(facts).basis, HandoffBasis::kNothing);
}

TEST(Handoff, TopicsThatAreNotCopiedDoNotMatter) {
  HandoffFacts facts = unchanged();
  facts.copies = [](const TopicName& topic) { return topic != TopicName("old"); };
  PartitionReport other = partition(0, 1, {}, Outcome::kRefused);
  other.topic = TopicName("old");
  facts.reports->front().report.groups.front().partitions.push_back(other);
  EXPECT_EQ(why(facts), "ready");
  EXPECT_EQ(verdict(facts).partitions, 2);
  EXPECT_EQ(verdict(facts).partitions_not_copied, 1);
}

HandoffReport two_groups() {
  HandoffReport report;
  report.generated_at_ms = kReportedAt;
  report.flow = "onprem->cloud";
  report.reports = {{"reports/payments.json", "migrate", kReportedAt, 1}};
  report.by_reports = true;
  GroupReadiness ready;
  ready.group = GroupId("billing");
  ready.basis = HandoffBasis::kReport;
  ready.expires_at_ms = kReportedAt;
  GroupReadiness behind;
  behind.group = GroupId("clicks");
  behind.team = "web";
  behind.reasons = {"no report is about it", "\x1b[2J"};
  report.groups = {ready, behind};
  return report;
}

TEST(HandoffReport, FollowsItsSchema) {
  HandoffReport report = two_groups();
  auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(testing::schema_trouble("handoff-report.schema.json", json), "");
  EXPECT_EQ(json["exit_code"], 3);
  EXPECT_EQ(json["summary"], (nlohmann::json{{"groups", 2}, {"ready", 1}, {"not_ready", 1}}));
  report.groups.pop_back();
  report.zookeeper = "zk1:2181";
  json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(testing::schema_trouble("handoff-report.schema.json", json), "");
  EXPECT_EQ(json["exit_code"], 0);
  report.groups.clear();
  EXPECT_EQ(exit_code_of(report), 3) << "nothing to hand over is no success";
}

TEST(HandoffReport, TheTableHasThoseInTroubleFirst) {
  const std::string table = to_table(two_groups(), 10);
  EXPECT_LT(table.find("clicks"), table.find("billing"));
  EXPECT_TRUE(has(table, "1 of 2 groups are ready"));
  EXPECT_TRUE(has(table, "its consumers must be back before 2023-"));
  EXPECT_EQ(table.find('\x1b'), std::string::npos);
  EXPECT_TRUE(has(to_table(two_groups(), 1), "and 1 more groups"));
}

TEST(HandoffReport, TheGroupsThatStayBehindAreReadBack) {
  const auto behind = parse_not_ready(to_json(two_groups()));
  ASSERT_TRUE(ok(behind));
  EXPECT_EQ(*behind, (std::vector{GroupId("clicks")}));
  EXPECT_TRUE(fails(parse_not_ready("{"), ErrorKind::kUsage, "not a JSON object"));
  EXPECT_TRUE(fails(parse_not_ready(R"({"schema": "kferry/plan/v1"})"), ErrorKind::kUsage,
                    "/schema is not"));
  EXPECT_TRUE(fails(
      parse_not_ready(R"({"schema": "kferry/handoff-report/v1", "groups": [{"group": "a"}]})"),
      ErrorKind::kUsage, "/groups/0/ready"));
}

}  // namespace
}  // namespace kferry::verify
