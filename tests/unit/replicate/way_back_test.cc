#include "replicate/way_back.h"

#include <gtest/gtest.h>

#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::fails;
using test::ok;

PartitionRecord translated(std::optional<int64_t> others_from) {
  PartitionRecord record;
  record.identity = false;
  if (others_from) record.others_from = TargetOffset(*others_from);
  return record;
}

FlowEnd end_at(int64_t old_end, int64_t new_end) {
  return {SourceOffset(old_end), TargetOffset(new_end)};
}

TEST(ReturnPoint, WhatIsTheSameStaysTheSame) {
  const auto point = return_point({}, {}, end_at(100, 100), SourceOffset(0), TargetOffset(100));
  ASSERT_TRUE(ok(point));
  EXPECT_EQ(point->why_not_identity, "");
  EXPECT_EQ(point->begin, (CopyPosition{SourceOffset(100), TargetOffset(100), 0}));
  EXPECT_FALSE(point->mixed);
}

// old 0 1 2 3 4, new 0 1 2 a 3 b 4: what has been consumed up to b is no prefix of the old log.
TEST(ReturnPoint, MixedRecordsAreAPlaceOfTheirOwn) {
  OffsetMap map;
  map.add({SourceOffset(0), TargetOffset(0)});
  map.add({SourceOffset(3), TargetOffset(4)});
  map.add({SourceOffset(4), TargetOffset(6)});
  const auto point =
      return_point(translated(3), map, end_at(5, 7), SourceOffset(0), TargetOffset(5));
  ASSERT_TRUE(ok(point));
  EXPECT_NE(point->why_not_identity, "");
  EXPECT_EQ(point->begin, (CopyPosition{SourceOffset(3), TargetOffset(5), 0}));
  EXPECT_EQ(point->mixed, (MixedRange{SourceOffset(3), SourceOffset(7), TargetOffset(3)}));
  EXPECT_EQ(point->map.to_target(SourceOffset(2)), TargetOffset(2));
}

// The new topic had 1,000 records of its own: they stay where they are.
TEST(ReturnPoint, ATranslatedPartitionGoesBackFromItsBeginning) {
  OffsetMap map;
  map.add({SourceOffset(20), TargetOffset(1'000)});
  const auto point =
      return_point(translated({}), map, end_at(50, 1'030), SourceOffset(0), TargetOffset(50));
  ASSERT_TRUE(ok(point));
  EXPECT_EQ(point->begin, (CopyPosition{SourceOffset(1'000), TargetOffset(50), 0}));
  EXPECT_EQ(point->mixed, (MixedRange{SourceOffset(1'000), SourceOffset(1'030), TargetOffset(20)}));
}

TEST(ReturnPoint, NothingIsLeftBehindSilently) {
  EXPECT_TRUE(fails(return_point({}, {}, end_at(100, 100), SourceOffset(0), TargetOffset(103)),
                    ErrorKind::kRefused, "offset 100 to 102 that were never copied"));
  EXPECT_TRUE(fails(return_point({}, {}, end_at(100, 100), SourceOffset(0), TargetOffset(90)),
                    ErrorKind::kRefused, "ends at 90, but was copied up to 100"));
  EXPECT_TRUE(fails(return_point({}, {}, end_at(100, 100), SourceOffset(120), TargetOffset(100)),
                    ErrorKind::kRefused, "retention on the new cluster has deleted offsets 100"));
}

// The copy of a partition, as the mirror translates while it goes back.
TEST(WayBackTranslation, AGroupIsNeverTakenBeyondWhatItHasConsumed) {
  PartitionCopy copy({TopicName("t"), Partition(0)}, {}, {TopicName("t"), Partition(0)},
                     OffsetsMode::kAuto);
  OffsetMap map;
  map.add({SourceOffset(0), TargetOffset(0)});
  copy.start({.position = {SourceOffset(3), TargetOffset(5), 0},
              .producer = {7, 0, 0},
              .identity = false,
              .why_not_identity = "mixed",
              .map = map,
              .mixed = MixedRange{SourceOffset(3), SourceOffset(7), TargetOffset(3)}});
  const auto at = [&](int64_t offset) {
    const auto found = copy.translate(SourceOffset(offset));
    return std::pair(found->offset.value(), found->complete);
  };
  EXPECT_EQ(at(2), std::pair(int64_t{2}, true));
  EXPECT_EQ(at(3), std::pair(int64_t{3}, true));   // before a
  EXPECT_EQ(at(5), std::pair(int64_t{3}, false));  // a and 3 were consumed
  EXPECT_EQ(at(7), std::pair(int64_t{5}, false));  // all that is on the old cluster, and a and b
}

}  // namespace
}  // namespace kferry::replicate
