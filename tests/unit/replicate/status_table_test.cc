#include "replicate/status_table.h"

#include <gtest/gtest.h>

#include "sample_status.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::has;

FlowStatus a_status() {
  FlowStatus status = test::sample_status();
  status.processes = {{"mirror-0", status.started_at_ms, status.taken_at_ms, 32}};
  return status;
}

TEST(StatusTable, SaysHowItIsAndHowOldThatIs) {
  const FlowStatus status = a_status();
  const std::string text = status_table(status, status.taken_at_ms + 3'000);
  EXPECT_TRUE(
      text.starts_with("flow onprem->cloud: needs attention\n"
                       "as of 2027-01-15T08:01:40.000Z, 3 s ago; 1 process running\n"))
      << text;
  EXPECT_TRUE(has(text, "group 't\xc3\xa4glich': live on the target"));
  EXPECT_TRUE(has(text, "no leader"));
}

TEST(StatusTable, TroubleComesFirst) {
  FlowStatus status = a_status();
  PartitionStatus good = status.partitions[0];
  good.source.topic = TopicName("aaa");
  status.partitions.insert(status.partitions.begin(), good);
  const std::string text = status_table(status, status.taken_at_ms);
  EXPECT_LT(text.find("\norders  "), text.find("\naaa  ")) << text;
  EXPECT_TRUE(has(text, "translate 1  quarantined 1  1: records 5 to 9 were deleted\\x0Abefore"));
  // Of the partitions only those out of the ordinary are named, unless all are asked for.
  const auto lines_of_aaa = [](const std::string& shown) {
    size_t count = 0;
    for (size_t at = 0; (at = shown.find("\naaa ", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  EXPECT_EQ(lines_of_aaa(text), 1U) << "the topic's";
  EXPECT_EQ(lines_of_aaa(status_table(status, status.taken_at_ms, {.all_partitions = true})), 2U);
}

TEST(StatusTable, ForeignNamesCannotForgeALine) {
  FlowStatus status = a_status();
  status.partitions[0].source.topic = TopicName("a\n\x1b[2Jb");
  status.cutover = CutoverView{};
  status.cutover->record.waiting = "group 'x\ny'";
  status.cutover->moved[GroupId("g\rh")];
  const std::string text = status_table(status, status.taken_at_ms);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_TRUE(has(text, "waiting for: group 'x\\x0Ay'"));
}

TEST(StatusTable, TheCutOver) {
  FlowStatus status = a_status();
  status.cutover = CutoverView{};
  CutoverRecord& record = status.cutover->record;
  record.state = CutoverState::kConsumersMoved;
  record.history = {{CutoverState::kConsumersMoved, status.taken_at_ms}};
  record.waiting = "your release to move the producers";
  record.runner = "abc";
  record.runner_at_ms = status.taken_at_ms;
  status.cutover->moved[GroupId("billing")] = {1'000, 1'500, 3'900, {}};
  std::string text = status_table(status, status.taken_at_ms);
  EXPECT_TRUE(has(text,
                  "Cut-over: consumers_moved since 2027-01-15T08:01:40.000Z\n"
                  "  waiting for: your release to move the producers\n"
                  "  group 'billing' has moved: 2.9 s without consumers\n"));
  text = status_table(status, status.taken_at_ms + 60'000);
  EXPECT_TRUE(has(text, "nobody leads it now"));
  EXPECT_TRUE(has(status_line(status, status.taken_at_ms),
                  "cut-over consumers_moved, waiting for: your release"));
}

TEST(StatusTable, ManyPartitionsAreNotManyLines) {
  FlowStatus status = a_status();
  const PartitionStatus stuck = status.partitions[1];
  status.partitions.clear();
  for (int32_t i = 0; i < 22'560; ++i) {
    status.partitions.push_back(stuck);
    status.partitions.back().source = {TopicName(fmt::format("topic-{:03}", i / 24)),
                                       Partition(i % 24)};
  }
  const std::string text = status_table(status, status.taken_at_ms);
  EXPECT_LT(std::ranges::count(text, '\n'), 450);
  EXPECT_TRUE(has(text, "... and 740 more topics"));
  EXPECT_TRUE(has(text, "... and 22360 more partitions"));
}

}  // namespace
}  // namespace kferry::replicate
