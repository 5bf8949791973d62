#include "verify/compare.h"

#include <gtest/gtest.h>

namespace kferry::verify {
namespace {

ExpectedOffset expected(std::optional<int64_t> offset, bool moved_on_is_fine = false) {
  ExpectedOffset expected;
  expected.topic = TopicName("orders");
  expected.partition = Partition(3);
  expected.zookeeper_offset = offset;
  if (offset) expected.offset = Offset(*offset);
  expected.moved_on_is_fine = moved_on_is_fine;
  expected.log_start = Offset(5);
  expected.log_end = Offset(100);
  return expected;
}

TEST(Compare, EveryOutcome) {
  struct Case {
    std::optional<int64_t> expected;
    bool moved_on_is_fine;
    std::optional<int64_t> kafka;
    Outcome outcome;
    std::string detail;
  };
  const Case cases[] = {
      {10, false, 10, Outcome::kEqual, ""},
      {10, true, 10, Outcome::kEqual, ""},
      {0, false, 0, Outcome::kEqual,
       "before the log's start 5: a consumer starts at auto.offset.reset"},
      {101, false, 101, Outcome::kEqual,
       "after the log's end 100: a consumer starts at auto.offset.reset"},
      {5, false, 5, Outcome::kEqual, ""},
      {100, false, 100, Outcome::kEqual, ""},
      {10, true, 12, Outcome::kKafkaAhead, "migrated; the group has moved on"},
      {10, false, 12, Outcome::kDifferent, "should be 10: 2 offsets would be skipped"},
      {10, false, 7, Outcome::kDifferent, "should be 10: 3 offsets would be read again"},
      {10, true, 7, Outcome::kDifferent, "should be 10: 3 offsets would be read again"},
      {10, true, std::nullopt, Outcome::kMissing, "should be 10"},
      {std::nullopt, true, std::nullopt, Outcome::kNoOffset, ""},
      {std::nullopt, false, 12, Outcome::kNoOffset, ""},
  };
  for (const Case& example : cases) {
    const PartitionReport report =
        compare(expected(example.expected, example.moved_on_is_fine),
                example.kafka.transform([](int64_t o) { return Offset(o); }));
    EXPECT_EQ(report.outcome, example.outcome);
    EXPECT_EQ(report.detail, example.detail);
    EXPECT_EQ(report.kafka_offset, example.kafka);
    EXPECT_EQ(report.kafka_offset_before, example.kafka);
    EXPECT_EQ(report.zookeeper_offset, example.expected);
    EXPECT_EQ(report.log_start_offset, 5);
    EXPECT_EQ(report.log_end_offset, 100);
  }
}

TEST(Compare, WhatCannotBeExpectedIsADifference) {
  ExpectedOffset unparsable = expected(std::nullopt);
  unparsable.trouble = "the znode holds no offset: 'x'";
  unparsable.verdict = "unparsable";
  const PartitionReport report = compare(unparsable, Offset(4));
  EXPECT_EQ(report.outcome, Outcome::kDifferent);
  EXPECT_EQ(report.detail, unparsable.trouble);
  EXPECT_EQ(report.verdict, "unparsable");
}

TEST(Compare, AGroup) {
  ExpectedGroup group;
  group.group = GroupId("billing");
  group.team = "payments";
  group.partitions = {expected(10), expected(std::nullopt), expected(20)};
  group.partitions[1].partition = Partition(4);
  group.partitions[2].partition = Partition(5);
  const TopicPartition first{TopicName("orders"), Partition(3)};
  const TopicPartition other{TopicName("other"), Partition(0)};
  const groupproto::GroupOffsets kafka{{first, {Offset(10), ""}}, {other, {Offset(1), ""}}};
  const GroupReport report = compare(group, kafka);
  ASSERT_EQ(report.partitions.size(), 3U);
  EXPECT_EQ(report.partitions[0].outcome, Outcome::kEqual);
  EXPECT_EQ(report.partitions[1].outcome, Outcome::kNoOffset);
  EXPECT_EQ(report.partitions[2].outcome, Outcome::kMissing);
  EXPECT_EQ(report.team, "payments");

  const GroupReport unread = compare(group, fail(ErrorKind::kNotAuthorised, "we may not"));
  EXPECT_EQ(unread.partitions[0].outcome, Outcome::kFailed);
  EXPECT_EQ(unread.partitions[1].outcome, Outcome::kNoOffset);
  EXPECT_NE(unread.detail.find("we may not"), std::string::npos);
}

}  // namespace
}  // namespace kferry::verify
