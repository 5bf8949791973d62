#include "replicate/rate_meter.h"

#include <gtest/gtest.h>

#include "sample_status.h"

namespace kferry::replicate {
namespace {

FlowStatus at(int64_t ms, int64_t copied, int64_t written) {
  FlowStatus status = test::sample_status();
  status.taken_at_ms = 1'800'000'000'000 + ms;
  status.partitions.resize(1);
  status.records = copied;
  status.bytes = 10 * copied;
  status.partitions[0].position = SourceOffset(copied);
  status.partitions[0].source_end = SourceOffset(written);
  return status;
}

TEST(RateMeter, TellsWhatIsCopiedAndWhatIsWritten) {
  RateMeter meter;
  EXPECT_FALSE(meter.take(at(0, 0, 1'000)));
  const auto rates = meter.take(at(2'000, 500, 1'200));
  ASSERT_TRUE(rates);
  EXPECT_DOUBLE_EQ(rates->records_per_second, 250);
  EXPECT_DOUBLE_EQ(rates->bytes_per_second, 2'500);
  EXPECT_DOUBLE_EQ(rates->published_per_second, 100);
  EXPECT_DOUBLE_EQ(rates->lag_per_second, 150);
}

TEST(RateMeter, OnlyTheLastSecondsCount) {
  RateMeter meter;
  for (int64_t second = 0; second <= 60; ++second)
    meter.take(at(1'000 * second, 1'000 * second, 1'000 * second));
  double last = 0;
  for (int64_t second = 61; second <= 71; ++second)
    last = meter.take(at(1'000 * second, 60'000, 60'000))->records_per_second;
  EXPECT_DOUBLE_EQ(last, 0);
}

TEST(RateMeter, PartitionsThatComeAreNotTakenForNewRecords) {
  RateMeter meter;
  meter.take(at(0, 0, 1'000));
  FlowStatus more = at(1'000, 0, 1'000);
  more.partitions.push_back(more.partitions[0]);
  more.partitions[1].source_end = SourceOffset(1'000'000);
  EXPECT_FALSE(meter.take(more));
  more.taken_at_ms += 1'000;
  EXPECT_DOUBLE_EQ(meter.take(more)->published_per_second, 0);
}

TEST(RateMeter, AClockThatIsSetBackBeginsAnew) {
  RateMeter meter;
  meter.take(at(100'000, 0, 0));
  EXPECT_FALSE(meter.take(at(0, 10, 10)));
  EXPECT_DOUBLE_EQ(meter.take(at(1'000, 20, 20))->records_per_second, 10);
}

}  // namespace
}  // namespace kferry::replicate
