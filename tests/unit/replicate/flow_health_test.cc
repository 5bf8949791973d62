#include "replicate/flow_health.h"

#include <gtest/gtest.h>

#include "sample_status.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::has;

// Copying, one group, nothing wrong.
FlowStatus well() {
  FlowStatus status = test::sample_status();
  status.troubles.clear();
  status.partitions.resize(1);
  status.partitions[0].position = status.partitions[0].source_end;
  status.groups.resize(1);
  status.processes = {{"mirror-0", 0, status.taken_at_ms, 32}};
  return status;
}

TEST(FlowHealth, WellIsWithoutWords) {
  EXPECT_EQ(problems_of(well()), std::vector<std::string>{});
}

TEST(FlowHealth, TheWorstComesFirstAndIsNamed) {
  FlowStatus status = test::sample_status();
  status.processes = well().processes;
  const auto problems = problems_of(status);
  ASSERT_EQ(problems.size(), 5U);
  EXPECT_TRUE(has(problems[0], "1 partition cannot follow: orders-1 (records 5 to 9"));
  EXPECT_EQ(problems[1], "cloud: broker 2 is unreachable");
  EXPECT_TRUE(has(problems[2], "1 partition waiting"));
  EXPECT_TRUE(has(problems[3], "the lag is 1295 records"));
  EXPECT_EQ(problems[4], "group 't\xc3\xa4glich': live on the target: a member");
}

TEST(FlowHealth, TheLagIsSmallWhenItIsForACutOver) {
  FlowStatus status = well();
  const auto with_lag = [&](int64_t lag, double published) {
    status.partitions[0].position = SourceOffset(status.partitions[0].source_end.value() - lag);
    status.rates = MirrorRates{0, 0, 0, published};
    return problems_of(status).size();
  };
  EXPECT_EQ(with_lag(100, 0), 0U);
  EXPECT_EQ(with_lag(101, 0), 1U);
  EXPECT_EQ(with_lag(700, 300), 0U) << "2 s of what producers write, and 100";
  EXPECT_EQ(with_lag(701, 300), 1U);
}

TEST(FlowHealth, WithoutAProcessOnlyThatIsSaid) {
  FlowStatus status = well();
  status.processes[0].running = false;
  status.ready = false;
  ASSERT_EQ(problems_of(status).size(), 1U);
  EXPECT_TRUE(has(problems_of(status)[0], "no mirror is running: process mirror-0 was last heard"));
  status.cutover = CutoverView{};
  status.cutover->record.state = CutoverState::kStopped;
  EXPECT_TRUE(problems_of(status).empty()) << "that is how it should end";
  status.partitions[0].phase = Phase::kQuarantined;
  EXPECT_EQ(problems_of(status).size(), 1U) << "but not like this";
}

TEST(FlowHealth, GroupsThatWaitForRecordsWaitForNobody) {
  for (const char* const state : {"synced", "moved", "syncing", "waiting for records", "no offsets",
                                  "checkpoints only", "not mirrored yet"})
    EXPECT_FALSE(needs_attention({GroupId("g"), state, "", 1, 0})) << state;
  for (const char* const state : {"refused", "failed", "live on the target",
                                  "unreadable on the source", "own offsets on the target"})
    EXPECT_TRUE(needs_attention({GroupId("g"), state, "", 1, 0})) << state;
}

}  // namespace
}  // namespace kferry::replicate
