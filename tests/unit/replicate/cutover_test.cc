// When a cut-over may go on: rules, records and report.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "replicate/cutover_report.h"
#include "replicate/cutover_rules.h"
#include "tests/unit/verify/schema.h"

namespace kferry::replicate {
namespace {

using Stage = GroupMove::Stage;
using std::chrono_literals::operator""s;

const TopicPartition kOrders{TopicName("orders"), Partition(0)};
const GroupId kBilling("billing");

// One partition, copied up to `position`, whose source ends at `end`.
CutoverFacts facts_at(int64_t at_ms, int64_t position, int64_t end) {
  CutoverFacts facts;
  facts.at_ms = at_ms;
  facts.partitions[kOrders] = {.source = kOrders,
                               .phase = Phase::kCopying,
                               .position = SourceOffset(position),
                               .target_end = TargetOffset(position),
                               .source_end = SourceOffset(end)};
  facts.source_ends[kOrders] = SourceOffset(end);
  return facts;
}

// A group at these offsets on both sides.
CutoverFacts group_at(int64_t at_ms, const char* source_state, int64_t source,
                      const char* target_state, int64_t target) {
  CutoverFacts facts = facts_at(at_ms, 1'000, 1'000);
  GroupFacts& group = facts.groups[kBilling];
  group.source_state = source_state;
  group.target_state = target_state;
  group.source[kOrders] = {Offset(source), ""};
  group.translations[kOrders] = Translation{kOrders, TargetOffset(source), true};
  if (target >= 0) group.target[kOrders] = {Offset(target), ""};
  return facts;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(CutoverCatchUp, ASmallLagMustLastForTheWindow) {
  CatchUp catch_up;
  EXPECT_TRUE(has(catch_up.take(facts_at(0, 0, 5'000)), "the lag is 5000 records"));
  EXPECT_TRUE(has(catch_up.take(facts_at(1'000, 4'990, 5'000)), "must stay small for 10 s more"));
  EXPECT_NE(catch_up.take(facts_at(10'000, 5'000, 5'000)), "");
  EXPECT_EQ(catch_up.take(facts_at(11'000, 5'000, 5'000)), "");
  // One look with a lag, and the window begins anew.
  EXPECT_TRUE(has(catch_up.take(facts_at(12'000, 0, 5'000)), "the lag is 5000"));
  EXPECT_NE(catch_up.take(facts_at(13'000, 5'000, 5'000)), "");
}

TEST(CutoverCatchUp, WhatProducersWriteInTwoSecondsIsNoLag) {
  CatchUp catch_up;
  std::string waiting;
  for (int64_t second = 0; second <= 11; ++second)
    waiting = catch_up.take(facts_at(second * 1'000, second * 1'000 - 1'500, second * 1'000));
  EXPECT_EQ(waiting, "");
  EXPECT_NEAR(catch_up.publish_rate(), 1'000, 1);
}

TEST(CutoverCatchUp, AStuckOrLonelyPartitionIsNamed) {
  CutoverFacts facts = facts_at(0, 5, 5);
  facts.partitions[kOrders].phase = Phase::kQuarantined;
  facts.partitions[kOrders].reason = "retention was faster";
  EXPECT_TRUE(has(CatchUp().take(facts), "orders-0 cannot follow: retention was faster"));
  facts.unattended.push_back(kOrders);
  EXPECT_TRUE(has(CatchUp().take(facts), "no process of the mirror attends to orders-0"));
}

TEST(CutoverSourceQuiet, GrowthIsNamedUntilItIsOver) {
  SourceQuiet quiet(3s);
  quiet.take(facts_at(0, 0, 10));
  EXPECT_TRUE(has(quiet.take(facts_at(2'000, 0, 11)), "orders-0"));
  EXPECT_TRUE(has(quiet.take(facts_at(4'900, 0, 11)), "orders-0"));
  EXPECT_EQ(quiet.take(facts_at(5'000, 0, 11)), "");
  EXPECT_TRUE(quiet.grown_since_settled(facts_at(5'000, 0, 12)).empty());
  quiet.settle(facts_at(5'000, 0, 11));
  ASSERT_EQ(quiet.grown_since_settled(facts_at(6'000, 0, 14)).size(), 1U);
  EXPECT_TRUE(
      has(quiet.grown_since_settled(facts_at(6'000, 0, 14))[0].words, "orders-0 on the source: 3"));
}

TEST(CutoverGroupMoves, WaitsForItsMembersItsLastCommitAndTheTarget) {
  GroupMoves moves;
  std::set<GroupId> lived;
  const auto judge = [&](const CutoverFacts& facts) {
    return moves.take(facts, {}, lived).at(kBilling);
  };
  EXPECT_TRUE(has(judge(group_at(0, "Stable", 10, "Dead", 10)).waiting, "stop its consumers"));
  EXPECT_EQ(lived.count(kBilling), 1U);
  EXPECT_TRUE(has(judge(group_at(500, "Empty", 12, "Dead", 10)).waiting, "last commit"));
  EXPECT_TRUE(has(judge(group_at(1'000, "Empty", 12, "Dead", 10)).waiting, "must be at 12"));
  EXPECT_TRUE(has(judge(group_at(1'200, "Empty", 12, "Dead", -1)).waiting, "has not committed"));
  CutoverFacts partly = group_at(1'300, "Empty", 12, "Dead", 12);
  partly.groups[kBilling].translations[kOrders]->complete = false;
  EXPECT_TRUE(has(judge(partly).waiting, "still to be copied"));
  const GroupMove ready = judge(group_at(1'500, "Empty", 12, "Dead", 12));
  EXPECT_EQ(ready.stage, Stage::kReady);
  EXPECT_EQ(ready.moved.empty_at_ms, 500);
  EXPECT_EQ(ready.moved.offsets.at(kOrders), std::pair(SourceOffset(12), TargetOffset(12)));
}

TEST(CutoverGroupMoves, ItsPauseEndsWhenItIsAtWorkOnTheTarget) {
  GroupMoves moves;
  std::set<GroupId> lived{kBilling};
  CutoverFacts facts = group_at(4'000, "Empty", 12, "Empty", 12);
  facts.moved[kBilling] = {1'000, 2'000, -1, {{kOrders, {SourceOffset(12), TargetOffset(12)}}}};
  EXPECT_TRUE(has(moves.take(facts, {}, lived).at(kBilling).waiting, "without any for 3.0 s"));
  // By its members, or by a commit of one that is no member.
  facts.groups[kBilling].target_state = "Stable";
  EXPECT_EQ(moves.take(facts, {}, lived).at(kBilling).moved.pause_ms(), 3'000);
  facts.groups[kBilling].target_state = "Empty";
  facts.groups[kBilling].target[kOrders].offset = Offset(15);
  EXPECT_EQ(moves.take(facts, {}, lived).at(kBilling).stage, Stage::kAlive);
}

TEST(CutoverGroupMoves, AGroupWithoutConsumersIsNotWaitedFor) {
  GroupMoves moves;
  std::set<GroupId> lived;
  moves.take(group_at(0, "Empty", 12, "Dead", 12), {}, lived);
  const auto ready = moves.take(group_at(500, "Empty", 12, "Dead", 12), {}, lived).at(kBilling);
  EXPECT_EQ(ready.stage, Stage::kReady);
  EXPECT_EQ(ready.moved.empty_at_ms, -1);
  CutoverFacts facts = group_at(1'000, "Empty", 12, "Dead", 12);
  facts.moved[kBilling] = ready.moved;
  EXPECT_EQ(moves.take(facts, {}, lived).at(kBilling).waiting, "");
  // One that was asked for by a wrong name is.
  const auto named = moves.take(facts, std::set<GroupId>{GroupId("biling")}, lived);
  EXPECT_TRUE(has(named.at(GroupId("biling")).waiting, "no such group"));
}

TEST(CutoverAlarms, AGroupWithTwoHomes) {
  CutoverFacts facts = group_at(0, "Empty", 12, "Stable", 40);
  facts.moved[kBilling].offsets[kOrders] = {SourceOffset(12), TargetOffset(12)};
  EXPECT_TRUE(alarms_of(facts).empty());
  facts.groups[kBilling].source[kOrders].offset = Offset(13);
  ASSERT_EQ(alarms_of(facts).size(), 1U);
  EXPECT_TRUE(has(alarms_of(facts)[0].words, "has committed 13 for orders-0 on the source since"));
  facts.groups[kBilling].source_state = "Stable";
  EXPECT_EQ(alarms_of(facts).size(), 2U);
}

TEST(CutoverState, RecordsReadBackAsTheyWereWritten) {
  CutoverRecord record{7, CutoverState::kDrained, true, "a \xff wait", "abc", 12, {}, {}};
  record.lived = {kBilling};
  record.history = {{CutoverState::kMirroring, 5}, {CutoverState::kDrained, 9}};
  const auto back = parse_cutover(to_json(record));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->version, 7);
  EXPECT_EQ(back->state, CutoverState::kDrained);
  EXPECT_TRUE(back->released);
  EXPECT_EQ(back->lived, record.lived);
  EXPECT_EQ(back->history, record.history);
  MovedGroup moved{1, 2, 3, {{kOrders, {SourceOffset(4), TargetOffset(5)}}}};
  EXPECT_EQ(parse_moved(to_json(moved))->offsets, moved.offsets);
  SlotProgress progress{"me", 1, 2, {{kOrders, Phase::kFilling, false, SourceOffset(3)}}};
  const auto told = parse_progress(to_json(progress));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->partitions[0].phase, Phase::kFilling);
  EXPECT_FALSE(told->partitions[0].identity);
  EXPECT_EQ(told->seen, 2);
  EXPECT_FALSE(parse_cutover("{}"));
  EXPECT_FALSE(parse_progress(R"({"instance":"x","at_ms":1,"seen":1,"partitions":[["t"]]})"));
  // Numbers that would overflow where times and offsets are taken from one another.
  EXPECT_TRUE(parse_progress(R"({"instance":"x","at_ms":1,"seen":1,"partitions":[]})"));
  for (const char* const at : {"-1", "9223372036854775807", "1e300", "18446744073709551615"})
    EXPECT_FALSE(parse_progress(
        fmt::format(R"({{"instance":"x","at_ms":{},"seen":1,"partitions":[]}})", at)))
        << at;
  EXPECT_FALSE(parse_progress(
      R"({"instance":"x","at_ms":1,"next_ms":9000000000000000000,"seen":1,"partitions":[]})"));
}

TEST(CutoverState, OthersMayWriteOnceProducersMayMove) {
  CutoverRecord record;
  record.state = CutoverState::kConsumersMoved;
  EXPECT_FALSE(record.expects_other_writers());
  record.released = true;
  EXPECT_TRUE(record.expects_other_writers());
}

TEST(CutoverReport, IsAsItsSchemaSays) {
  CutoverReport report;
  report.record.state = CutoverState::kConsumersMoved;
  report.record.waiting = "your release";
  report.record.history = {{CutoverState::kMirroring, 5}};
  report.moved[kBilling] = {-1, 2'000, -1, {{kOrders, {SourceOffset(12), TargetOffset(-1)}}}};
  report.alarms = {"two homes"};
  FlowSettings flow;
  const auto document = nlohmann::json::parse(to_json_text(report, flow, 3));
  EXPECT_EQ(kferry::testing::schema_trouble("cutover-report.schema.json", document), "");
  EXPECT_TRUE(document["groups"][0]["pause_ms"].is_null());
  EXPECT_TRUE(has(to_text(report), "ALARM: two homes"));
  EXPECT_TRUE(has(to_text(report), "waiting for: your release"));
}

TEST(CutoverReport, TheHtmlIsForTheTicketAndBelievesNobody) {
  CutoverReport report;
  report.finished = true;
  report.record.state = CutoverState::kStopped;
  report.record.history = {{CutoverState::kMirroring, 5}, {CutoverState::kStopped, 2'000}};
  report.moved[GroupId("<b>&")] = {
      500, 1'000, 3'400, {{kOrders, {SourceOffset(12), TargetOffset(13)}}}};
  report.record.proof = "12 partitions are equal";
  FlowSettings flow;
  flow.name = "a->b";
  std::string text = to_html(report, flow, 0);
  EXPECT_TRUE(has(text, "<h1>Cut-over of a-&gt;b</h1>"));
  EXPECT_TRUE(has(text, "badge good\">the move is over<"));
  EXPECT_TRUE(has(text, "&lt;b&gt;&amp;</td>"));
  EXPECT_TRUE(has(text, ">2.9 s</td>"));
  EXPECT_TRUE(has(text, "12 partitions are equal"));
  EXPECT_EQ(text.find("<b>"), std::string::npos);
  EXPECT_EQ(text.find("Alarms"), std::string::npos);
  report.alarms = {"group 'x' has two homes"};
  text = to_html(report, flow, 0);
  EXPECT_TRUE(has(text, "badge warn\">the move is over, with alarms<"));
  EXPECT_TRUE(has(text, "<li>group &#39;x&#39; has two homes</li>"));
  report.finished = false;
  report.record.waiting = "your release";
  text = to_html(report, flow, 4);
  EXPECT_TRUE(has(text, "badge bad\">ended at stopped with exit code 4<"));
  EXPECT_TRUE(has(text, "It waits for: your release"));
}

}  // namespace
}  // namespace kferry::replicate
