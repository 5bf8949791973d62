#include "zkoffsets/convention.h"

#include <limits>

#include <gtest/gtest.h>

namespace kferry::zkoffsets {
namespace {

TEST(ConventionTest, NextIsTakenAsItStands) {
  EXPECT_EQ(to_kafka_offset(ZookeeperOffset(0), Convention::kNext), Offset(0));
  EXPECT_EQ(to_kafka_offset(ZookeeperOffset(41), Convention::kNext), Offset(41));
}

TEST(ConventionTest, LastProcessedIsOneLess) {
  EXPECT_EQ(to_kafka_offset(ZookeeperOffset(0), Convention::kLastProcessed), Offset(1));
  EXPECT_EQ(to_kafka_offset(ZookeeperOffset(std::numeric_limits<int64_t>::max() - 1),
                            Convention::kLastProcessed),
            Offset(std::numeric_limits<int64_t>::max()));
}

TEST(ConventionTest, NamesAreReadBack) {
  for (const Convention convention : {Convention::kNext, Convention::kLastProcessed})
    EXPECT_EQ(parse_convention(to_string(convention)), convention);
  for (const char* text : {"", "Next", "next ", "last-processed"})
    EXPECT_EQ(parse_convention(text), std::nullopt) << text;
}

}  // namespace
}  // namespace kferry::zkoffsets
