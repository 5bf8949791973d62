// The flow as others see it: what its processes tell in the state topic, put together again.
#include "replicate/flow_view.h"

#include <gtest/gtest.h>

#include "replicate/flow_health.h"
#include "replicate/flow_progress.h"
#include "replicate/flow_state.h"
#include "replicate/state_topic.h"
#include "replicate/status_json.h"
#include "sample_status.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::has;

using Records = std::map<std::string, std::string>;

constexpr int64_t kNow = 1'800'000'100'000;
constexpr Duration kInterval{5'000};

std::set<Partition> slots(int32_t from, int32_t to) {
  std::set<Partition> some;
  for (int32_t slot = from; slot < to; ++slot) some.insert(Partition(slot));
  return some;
}

FlowStatus a_status(const std::string& instance = "mirror-0") {
  FlowStatus status = test::sample_status();
  status.instance = instance;
  status.rates = {100, 10'000, -3, 103};
  return status;
}

Records a_flow() {
  FlowRecord record;
  record.source_cluster_id = "abc";
  record.topic_prefix = "onprem.";
  return {{"flow", to_json(record)}};
}

void tell(Records& records, const FlowStatus& status, const std::set<Partition>& of,
          bool ended = false) {
  for (const auto& [slot, progress] : progress_of(status, of, 0, kInterval, ended))
    records[progress_key(slot)] = to_json(progress);
}

FlowStatus seen(const Records& records, int64_t now_ms = kNow) {
  auto status = flow_status(records, "onprem->cloud", now_ms);
  EXPECT_TRUE(test::ok(status));
  return status ? *status : FlowStatus();
}

TEST(FlowView, WhatAProcessTellsIsSeen) {
  Records records = a_flow();
  const FlowStatus told = a_status();
  tell(records, told, slots(0, StateTopic::kSlots));
  const FlowStatus status = seen(records);
  EXPECT_EQ(status.flow, "onprem->cloud");
  EXPECT_EQ(status.source_alias, "onprem");
  EXPECT_EQ(status.source_cluster_id, "abc");
  EXPECT_EQ(status.target_cluster_id, std::nullopt);
  EXPECT_EQ(status.taken_at_ms, told.taken_at_ms);
  EXPECT_TRUE(status.ready);
  EXPECT_EQ(status.records, 700);
  EXPECT_EQ(status.troubles, told.troubles);
  ASSERT_EQ(status.partitions.size(), 3U);
  const PartitionStatus& copying = status.partitions[0];
  EXPECT_EQ(copying.phase, Phase::kCopying);
  EXPECT_EQ(copying.target_topic, TopicName("onprem.orders"));
  EXPECT_EQ(copying.lag(), 300);
  EXPECT_EQ(copying.records, -1) << "is not told";
  EXPECT_EQ(status.partitions[1].phase, Phase::kQuarantined);
  EXPECT_EQ(status.partitions[1].reason, told.partitions[1].reason);
  EXPECT_FALSE(status.partitions[1].identity);
  ASSERT_EQ(status.groups.size(), 2U);
  EXPECT_EQ(status.groups[1].state, "live on the target");
  ASSERT_TRUE(status.rates);
  EXPECT_EQ(status.rates->lag_per_second, -3);
  ASSERT_EQ(status.processes.size(), 1U);
  EXPECT_EQ(status.processes[0].slots, StateTopic::kSlots);
  EXPECT_TRUE(status.processes[0].running);
}

TEST(FlowView, ProcessesThatShareTheFlowAddUp) {
  Records records = a_flow();
  FlowStatus one = a_status("one");
  FlowStatus other = a_status("other");
  one.partitions.clear();
  other.partitions.clear();
  other.taken_at_ms -= 3'000;
  other.groups[0].state = "syncing";
  other.groups[0].synced = 1;
  tell(records, one, slots(0, 10));
  tell(records, other, slots(10, 32));
  const FlowStatus status = seen(records);
  EXPECT_EQ(status.records, 1'400);
  EXPECT_EQ(status.rates->records_per_second, 200);
  EXPECT_EQ(status.troubles.size(), 1U) << "the same one";
  EXPECT_EQ(status.groups[0].partitions, 4);
  EXPECT_EQ(status.groups[0].synced, 3);
  EXPECT_EQ(status.groups[0].state, "syncing");
  EXPECT_EQ(status.processes.size(), 2U);
  EXPECT_EQ(status.taken_at_ms, other.taken_at_ms) << "as old as the oldest";
}

TEST(FlowView, AProcessThatIsNotHeardOfAnyMoreAttendsToNothing) {
  Records records = a_flow();
  tell(records, a_status(), slots(0, StateTopic::kSlots));
  const FlowStatus status = seen(records, kNow + 60'000);
  EXPECT_FALSE(status.processes.at(0).running);
  EXPECT_FALSE(status.ready);
  EXPECT_EQ(status.partitions[0].phase, Phase::kWaiting);
  EXPECT_TRUE(has(status.partitions[0].reason, "no process of the mirror"));
  EXPECT_EQ(status.partitions[1].phase, Phase::kQuarantined) << "it still is";
  EXPECT_TRUE(has(problems_of(status).at(1), "no mirror is running: process mirror-0 was last"));
}

TEST(FlowView, AProcessThatHasEndedSaysSo) {
  Records records = a_flow();
  tell(records, a_status(), slots(0, StateTopic::kSlots), true);
  const FlowStatus status = seen(records);
  EXPECT_FALSE(status.processes.at(0).running);
  EXPECT_TRUE(status.processes.at(0).ended);
  EXPECT_TRUE(has(problems_of(status).at(1), "process mirror-0 ended at 2027-01-15T08:01:40"));
}

TEST(FlowView, PartitionsThatNobodyTellsOfStandWithWhatTheFlowRemembers) {
  Records records = a_flow();
  PartitionRecord record;
  record.identity = false;
  record.reference.source = SourceOffset(42);
  const TopicPartition source{TopicName("orders"), Partition(7)};
  records[partition_key(source)] = to_json(record);
  FlowStatus status = seen(records);
  ASSERT_EQ(status.partitions.size(), 1U);
  EXPECT_EQ(status.partitions[0].source, source);
  EXPECT_EQ(status.partitions[0].position, SourceOffset(42));
  EXPECT_FALSE(status.partitions[0].identity);
  EXPECT_EQ(problems_of(status),
            std::vector<std::string>{"no mirror is running, and none has told of itself"});
  // Once its slot is told of without it, it is no part of the flow any more.
  FlowStatus told = a_status();
  told.partitions.clear();
  tell(records, told, slots(0, StateTopic::kSlots));
  EXPECT_TRUE(seen(records).partitions.empty());
}

TEST(FlowView, TheCutOverIsSeenToo) {
  Records records = a_flow();
  tell(records, a_status(), slots(0, StateTopic::kSlots));
  CutoverRecord cutover;
  cutover.state = CutoverState::kCaughtUp;
  cutover.waiting = "your release";
  records[kCutoverKey] = to_json(cutover);
  records[moved_key(GroupId("a/b"))] = to_json(MovedGroup{1'000, 2'000, 3'500, {}});
  const FlowStatus status = seen(records);
  ASSERT_TRUE(status.cutover);
  EXPECT_EQ(status.cutover->record.waiting, "your release");
  EXPECT_EQ(status.cutover->moved.at(GroupId("a/b")).pause_ms(), 2'500);
}

TEST(FlowView, WhatIsNoFlowOrNotReadableIsRefused) {
  const auto none = flow_status({}, "x", kNow);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kRefused);
  Records records = a_flow();
  records[progress_key(Partition(3))] = "{\"instance\": 5}";
  const auto broken = flow_status(records, "x", kNow);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::kFailed);
  EXPECT_TRUE(has(broken.error().message, "progress"));
}

}  // namespace
}  // namespace kferry::replicate
