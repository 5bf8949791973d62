#include "verify/range_digest.h"

#include <gtest/gtest.h>

namespace kferry::verify {
namespace {

constexpr int64_t kRecords = 2 * kRangeOffsets + 10;

// Every record's body comes from its offset; `change` may give another one, or none.
struct Change {
  int64_t at = -1;
  std::string body = {};
  bool drop = false;
  int64_t timestamp_delta = 0;
};

void feed(RangeComparison& comparison, ProofSide side, const Change& change = {}) {
  RangeDigester digester;
  for (int64_t offset = 0; offset < kRecords; ++offset) {
    const bool here = offset == change.at;
    if (here && change.drop) continue;
    std::string body = "body " + std::to_string(offset);
    if (here && !change.body.empty()) body = change.body;
    const int64_t timestamp = 1000 + offset + (here ? change.timestamp_delta : 0);
    if (auto digest = digester.add(offset, timestamp, body)) comparison.add(side, *digest);
    comparison.pass(side, offset + 1 == kRecords ? offset : range_of(offset) * kRangeOffsets);
  }
  if (auto digest = digester.finish()) comparison.add(side, *digest);
  comparison.pass(side, 3 * kRangeOffsets);
}

TEST(RangeDigest, EqualRecordsGiveEqualRanges) {
  RangeComparison comparison;
  feed(comparison, ProofSide::kSource);
  EXPECT_EQ(comparison.compared_to(), 0);
  feed(comparison, ProofSide::kTarget);
  EXPECT_TRUE(comparison.differing().empty());
  EXPECT_EQ(comparison.compared_to(), 3 * kRangeOffsets);
  EXPECT_EQ(comparison.ranges(), 3);
  EXPECT_EQ(comparison.records(), kRecords);
}

TEST(RangeDigest, OneChangeIsSeenInItsRangeOnly) {
  const int64_t at = kRangeOffsets + 7;
  for (const Change& change :
       {Change{.at = at, .body = "body 5008"}, Change{.at = at, .drop = true},
        Change{.at = at, .timestamp_delta = 1}}) {
    RangeComparison comparison;
    feed(comparison, ProofSide::kTarget, change);
    feed(comparison, ProofSide::kSource);
    EXPECT_EQ(comparison.differing(), std::vector<int64_t>{1});
    EXPECT_EQ(comparison.compared_to(), kRangeOffsets);
    EXPECT_EQ(comparison.records(), kRecords);
  }
}

TEST(RangeDigest, WhereARecordEndsCounts) {
  RangeDigester one;
  one.add(0, 0, "ab");
  one.add(1, 0, "c");
  RangeDigester other;
  other.add(0, 0, "a");
  other.add(1, 0, "bc");
  EXPECT_NE(one.finish(), other.finish());
  EXPECT_EQ(one.finish(), std::nullopt);
}

TEST(RangeDigest, ARangeOfOneSideOnlyDiffers) {
  RangeComparison comparison;
  comparison.add(ProofSide::kSource, {.range = 0, .digest = "x", .records = 1});
  comparison.pass(ProofSide::kSource, kRangeOffsets);
  comparison.pass(ProofSide::kTarget, kRangeOffsets);
  EXPECT_EQ(comparison.differing(), std::vector<int64_t>{0});
}

TEST(RangeSample, IsDeterministicAndAboutTheShare) {
  const RangeSample sample(5);
  int selected = 0;
  for (int64_t range = 0; range < 10'000; ++range) {
    selected += sample.selects("orders", 3, range) ? 1 : 0;
    ASSERT_EQ(sample.selects("orders", 3, range), RangeSample(5).selects("orders", 3, range));
  }
  EXPECT_NEAR(selected, 500, 100);
  EXPECT_TRUE(RangeSample().selects("orders", 0, 0));
}

}  // namespace
}  // namespace kferry::verify
