// The offset map against the truth: what a consumer has consumed, record by record.
#include "replicate/offset_map.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace kferry::replicate {
namespace {

OffsetRun run(int64_t source, int64_t target) {
  return {SourceOffset(source), TargetOffset(target)};
}

std::vector<int64_t> targets(const OffsetMap& map, int64_t from, int64_t to) {
  std::vector<int64_t> found;
  for (int64_t source = from; source <= to; ++source) {
    const auto target = map.to_target(SourceOffset(source));
    found.push_back(target ? target->value() : -1);
  }
  return found;
}

TEST(OffsetMap, OneRunCoversAGapFreePartition) {
  OffsetMap map;
  EXPECT_TRUE(map.add(run(10, 10)));
  EXPECT_TRUE(map.add(run(500, 500)));
  EXPECT_EQ(map.size(), 1U);
  EXPECT_EQ(targets(map, 9, 12), (std::vector<int64_t>{-1, 10, 11, 12}));
  EXPECT_EQ(map.to_target(SourceOffset(1'000'000)), TargetOffset(1'000'000));
}

TEST(OffsetMap, AHoleInTheSourceCloses) {
  OffsetMap map;
  map.add(run(0, 0));
  map.add(run(5, 3));
  EXPECT_EQ(targets(map, 0, 6), (std::vector<int64_t>{0, 1, 2, 3, 3, 3, 4}));
}

TEST(OffsetMap, ForeignRecordsAreNotSkipped) {
  OffsetMap map;
  map.add(run(0, 0));
  map.add(run(2, 3));
  EXPECT_EQ(targets(map, 0, 4), (std::vector<int64_t>{0, 1, 2, 4, 5}));
  EXPECT_EQ(map.to_source(TargetOffset(2)), SourceOffset(2));
  EXPECT_EQ(map.to_source(TargetOffset(3)), SourceOffset(2));
  EXPECT_EQ(map.to_source(TargetOffset(4)), SourceOffset(3));
}

TEST(OffsetMap, RefusesWhatDoesNotRise) {
  OffsetMap map;
  EXPECT_FALSE(map.to_target(SourceOffset(0)));
  map.add(run(10, 20));
  EXPECT_FALSE(map.add(run(9, 30)));
  EXPECT_FALSE(map.add(run(11, 19)));
  EXPECT_EQ(map.size(), 1U);
}

// The copy began at 20, but somebody else wrote there before its first record came.
// Anybody may commit any offset, and write any record of the state topic.
TEST(OffsetMap, DoesNotOverflow) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  OffsetMap map;
  EXPECT_FALSE(map.add(run(std::numeric_limits<int64_t>::min(), 1)));
  EXPECT_FALSE(map.add(run(0, -1)));
  EXPECT_TRUE(map.add(run(1, 5)));
  EXPECT_EQ(map.to_target(SourceOffset(kMost)), TargetOffset(kMost));
  EXPECT_TRUE(map.add(run(2, kMost - 1)));
  EXPECT_EQ(map.to_target(SourceOffset(100)), TargetOffset(kMost));
  EXPECT_EQ(map.to_source(TargetOffset(kMost)), SourceOffset(3));
}

TEST(OffsetMap, TheFirstRecordLiesBehindForeignOnes) {
  OffsetMap map;
  map.add(run(10, 20));
  EXPECT_TRUE(map.add(run(10, 23)));
  EXPECT_EQ(map.to_target(SourceOffset(10)), TargetOffset(20));
  EXPECT_EQ(map.to_target(SourceOffset(11)), TargetOffset(24));
  EXPECT_EQ(map.to_source(TargetOffset(22)), SourceOffset(10));
  EXPECT_EQ(map.to_source(TargetOffset(23)), SourceOffset(10));
  EXPECT_EQ(map.to_source(TargetOffset(24)), SourceOffset(11));
}

TEST(OffsetMap, TheCopyBeginsBeforeItsFirstRecord) {
  OffsetMap map;
  map.add(run(10, 5));
  map.add(run(13, 5));
  EXPECT_EQ(targets(map, 10, 15), (std::vector<int64_t>{5, 5, 5, 5, 6, 7}));
  EXPECT_EQ(map.to_source(TargetOffset(5)), SourceOffset(10));
  EXPECT_EQ(map.to_source(TargetOffset(6)), SourceOffset(14));
}

// Copies random logs with holes and foreign records, and holds each translation against the records
// that a consumer would see.
TEST(OffsetMap, NeverSkipsAndNeverRepeats) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    OffsetMap map;
    std::vector<std::pair<int64_t, int64_t>> copied;  // source, target
    int64_t source = static_cast<int64_t>(random() % 5);
    int64_t target = static_cast<int64_t>(random() % 5);
    for (int i = 0; i < 200; ++i, ++source, ++target) {
      if (random() % 10 == 0) source += static_cast<int64_t>(random() % 4);
      if (random() % 20 == 0) target += static_cast<int64_t>(random() % 4);
      ASSERT_TRUE(map.add(run(source, target)));
      copied.emplace_back(source, target);
    }
    for (int64_t offset = copied.front().first + 1; offset <= source; ++offset) {
      const auto found = map.to_target(SourceOffset(offset));
      ASSERT_TRUE(found);
      for (const auto& [from, to] : copied)
        ASSERT_EQ(to < found->value(), from < offset) << offset << " -> " << found->value();
    }
  }
}

}  // namespace
}  // namespace kferry::replicate
