#include "replicate/mirror_progress.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "sample_status.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::has;

FlowStatus plain_status() {
  FlowStatus status = test::sample_status();
  status.troubles.clear();
  return status;
}

TEST(MirrorProgress, TheLine) {
  EXPECT_EQ(progress_line(plain_status(), std::nullopt),
            "onprem->cloud: 35%, lag 1.3k, copying 1/3, QUARANTINED 1, groups 1/2");
  EXPECT_EQ(progress_line(plain_status(), MirrorRates{41'234, 12'100'000, 10}),
            "onprem->cloud: 35%, 41.2k records/s, 12.1MB/s, lag 1.3k, 3 min left, copying 1/3, "
            "QUARANTINED 1, groups 1/2");
}

TEST(MirrorProgress, TheTimeLeftIsHowFastTheLagShrinks) {
  const auto line = [](double lag_per_second) {
    return progress_line(plain_status(), MirrorRates{1, 1, lag_per_second});
  };
  EXPECT_TRUE(has(line(100), "13 s left"));
  EXPECT_TRUE(has(line(0.1), "4 h left"));
  EXPECT_TRUE(has(line(0.001), "15 d left"));
  EXPECT_EQ(line(-5).find("left"), std::string::npos) << "the lag grows";
  EXPECT_EQ(line(5'000).find("left"), std::string::npos) << "it follows what is written";
}

TEST(MirrorProgress, AHundredPercentMeansThatNothingIsLeft) {
  FlowStatus status = plain_status();
  status.groups.clear();
  status.partitions.resize(1);
  status.partitions[0].source_end = SourceOffset(1'000'000);
  status.partitions[0].position = SourceOffset(999'999);
  EXPECT_EQ(progress_line(status, std::nullopt), "onprem->cloud: 99%, lag 1, copying 1/1");
  status.partitions[0].position = SourceOffset(1'000'000);
  EXPECT_EQ(progress_line(status, std::nullopt), "onprem->cloud: 100%, lag 0, copying 1/1");
  status.partitions[0].source_end = SourceOffset(-1);
  EXPECT_EQ(progress_line(status, std::nullopt), "onprem->cloud: copying 1/1") << "not known yet";
  status.partitions.clear();
  EXPECT_EQ(progress_line(status, std::nullopt), "onprem->cloud: copying 0/0");
}

TEST(MirrorProgress, ATroubleIsShownAndCannotMoveTheCursor) {
  FlowStatus status = plain_status();
  status.troubles = {"cloud: \x1b[2J gone"};
  const std::string line = progress_line(status, std::nullopt);
  EXPECT_TRUE(line.ends_with(", cloud: \\x1B[2J gone")) << line;
}

// One tick after another; what each showed.
std::vector<std::string> shown(Progress::Mode mode, const std::vector<int64_t>& at_ms) {
  MirrorProgress progress(mode);
  FlowStatus status = plain_status();
  std::vector<std::string> texts;
  for (const int64_t ms : at_ms) {
    status.taken_at_ms = 1'800'000'000'000 + ms;
    status.records = ms;  // 1,000 a second
    status.bytes = 100 * ms;
    testing::internal::CaptureStderr();
    progress.tick(status);
    texts.push_back(testing::internal::GetCapturedStderr());
  }
  testing::internal::CaptureStderr();
  progress.finish();
  progress.finish();
  texts.push_back(testing::internal::GetCapturedStderr());
  return texts;
}

TEST(MirrorProgress, ATerminalLineIsRedrawnFiveTimesASecond) {
  const auto texts = shown(Progress::Mode::kTerminal, {0, 100, 200, 1'000});
  EXPECT_TRUE(texts[0].starts_with("\r\x1b[Konprem->cloud: 35%, lag")) << texts[0];
  EXPECT_EQ(texts[1], "");
  EXPECT_TRUE(has(texts[2], "1.0k records/s, 100.0kB/s"));
  EXPECT_TRUE(has(texts[3], "1.0k records/s"));
  EXPECT_EQ(texts[3].find('\n'), std::string::npos);
  EXPECT_EQ(texts[4], "\n");
}

TEST(MirrorProgress, WithoutATerminalALogLineEveryTenSeconds) {
  log::configure(log::Format::kText, log::Level::kInfo);
  const auto texts = shown(Progress::Mode::kLines, {0, 5'000, 10'000, 19'999, 20'000});
  log::configure(log::Format::kText, log::Level::kWarn);
  EXPECT_TRUE(has(texts[0], "onprem->cloud: 35%"));
  EXPECT_EQ(texts[1], "");
  EXPECT_TRUE(has(texts[2], "1.0k records/s"));
  EXPECT_EQ(texts[3], "");
  EXPECT_TRUE(has(texts[4], "1.0k records/s"));
  EXPECT_EQ(texts[5], "");
}

TEST(MirrorProgress, OffShowsNothingAndAsksForNothing) {
  EXPECT_FALSE(MirrorProgress(Progress::Mode::kOff).is_due(1));
  EXPECT_EQ(shown(Progress::Mode::kOff, {0, 60'000}), std::vector<std::string>(3));
}

TEST(MirrorProgress, AClockThatIsSetBackDoesNotSilenceIt) {
  const auto texts = shown(Progress::Mode::kTerminal, {100'000, 0, 1'000});
  EXPECT_NE(texts[1], "");
  EXPECT_EQ(texts[1].find("records/s"), std::string::npos) << "no rate over negative time";
  EXPECT_TRUE(has(texts[2], "1.0k records/s"));
}

}  // namespace
}  // namespace kferry::replicate
