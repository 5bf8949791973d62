#include "base/clock.h"

#include <limits>

#include <gtest/gtest.h>

namespace kferry {
namespace {

using namespace std::chrono_literals;

TEST(Clock, DurationsAreANumberAndAUnit) {
  EXPECT_EQ(parse_duration_ms("500ms"), 500);
  EXPECT_EQ(parse_duration_ms("45s"), 45'000);
  EXPECT_EQ(parse_duration_ms("90m"), 5'400'000);
  EXPECT_EQ(parse_duration_ms("12h"), 43'200'000);
  EXPECT_EQ(parse_duration_ms("30d"), 2'592'000'000);
  EXPECT_EQ(parse_duration_ms("0s"), 0);
}

TEST(Clock, WhatIsNotADurationIsMinusOne) {
  for (const char* const text :
       {"", "s", "5", "-5s", "+5s", "5 s", " 5s", "5s ", "5.5s", "5S", "1w", "5ss", "0x5s",
        "99999999999999999999s", "9223372036854775807d"})
    EXPECT_EQ(parse_duration_ms(text), -1) << text;
}

TEST(Clock, TimestampsAreRfc3339InUtc) {
  EXPECT_EQ(to_rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(1'000'000'000'007), "2001-09-09T01:46:40.007Z");
  EXPECT_EQ(to_rfc3339(1'709'209'799'999), "2024-02-29T12:29:59.999Z");
  EXPECT_EQ(to_rfc3339(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(to_rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

// ZooKeeper servers say when a node was changed, and may say anything.
TEST(Clock, AnyNumberIsATimestamp) {
  for (const int64_t extreme :
       {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()})
    EXPECT_TRUE(to_rfc3339(extreme).ends_with("Z"));
}

TEST(Clock, TheWallClockIsInMilliseconds) {
  EXPECT_GT(wall_clock_ms(), 1'700'000'000'000);
  EXPECT_LT(wall_clock_ms(), 10'000'000'000'000);
}

TEST(Clock, DeadlinesExpireAndNeverHaveLessThanNothingLeft) {
  const Deadline past = Deadline::after(-1s);
  EXPECT_TRUE(past.expired());
  EXPECT_EQ(past.remaining(), 0ms);
  const Deadline later = Deadline::after(1h);
  EXPECT_FALSE(later.expired());
  EXPECT_GT(later.remaining(), 59min);
  EXPECT_LE(later.remaining(), 1h);
}

TEST(Clock, AtMostIsTheEarlierDeadline) {
  const Deadline hour = Deadline::after(1h);
  EXPECT_LE(hour.at_most(1s).remaining(), 1s);
  EXPECT_EQ(hour.at_most(2h).time_point(), hour.time_point());
}

}  // namespace
}  // namespace kferry
