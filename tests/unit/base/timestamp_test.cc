#include "base/timestamp.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace kferry {
namespace {

TEST(Timestamp, WithAndWithoutAFraction) {
  EXPECT_EQ(parse_rfc3339("2015-08-30T12:36:00Z"), 1'440'938'160'000);
  EXPECT_EQ(parse_rfc3339("2015-08-30T12:36:00.5Z"), 1'440'938'160'500);
  EXPECT_EQ(parse_rfc3339("2015-08-30T12:36:00.123456789Z"), 1'440'938'160'123);
  EXPECT_EQ(parse_rfc3339(to_rfc3339(1'440'938'160'007)), 1'440'938'160'007);
}

TEST(Timestamp, WhatIsNone) {
  for (const char* const none :
       {"", "2015-08-30", "2015-08-30T12:36:00", "2015-08-30 12:36:00Z", "2015-13-30T12:36:00Z",
        "2015-02-30T12:36:00Z", "2015-08-30T24:36:00Z", "1969-08-30T12:36:00Z",
        "2015-08-30T12:36:00+02:00", "2015-08-30T12:36:00.Z", "2015-08-30T12:36:00.1234567890Z",
        "2015-08-30T12:36:00.1x3Z"})
    EXPECT_FALSE(parse_rfc3339(none)) << none;
}

}  // namespace
}  // namespace kferry
