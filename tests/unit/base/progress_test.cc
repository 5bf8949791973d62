#include "base/progress.h"

#include <thread>

#include <gtest/gtest.h>

namespace kferry {
namespace {

using namespace std::chrono_literals;

template <class Work>
std::string shown(Progress::Mode mode, int64_t total, Work work) {
  testing::internal::CaptureStderr();
  {
    Progress progress(mode, "migrating groups", total);
    work(progress);
  }
  return testing::internal::GetCapturedStderr();
}

TEST(Progress, OffShowsNothing) {
  EXPECT_EQ(shown(Progress::Mode::kOff, 2,
                  [](Progress& progress) {
                    std::this_thread::sleep_for(120ms);
                    progress.add(2);
                  }),
            "");
}

TEST(Progress, ATerminalLineIsRedrawnAndEnded) {
  const std::string text = shown(Progress::Mode::kTerminal, 4, [](Progress& progress) {
    progress.add(1);  // too soon to be drawn
    std::this_thread::sleep_for(120ms);
    progress.add(1);
    progress.add(2);  // too soon again; the end shows it
  });
  EXPECT_TRUE(text.starts_with("\r\x1b[Kmigrating groups: 2/4 (50%), ")) << text;
  EXPECT_TRUE(text.ends_with("\r\x1b[Kmigrating groups: 4/4 (100%)\n")) << text;
}

TEST(Progress, LinesHaveNoControlCharacters) {
  const std::string text = shown(Progress::Mode::kLines, 4, [](Progress& progress) {
    progress.add(3);
    std::this_thread::sleep_for(120ms);
  });
  EXPECT_TRUE(text.starts_with("migrating groups: 3/4 (75%), ")) << text;
  EXPECT_TRUE(text.ends_with(" s left\n")) << text;
  EXPECT_EQ(text.find_first_of("\r\x1b"), text.npos);
}

TEST(Progress, ShortWorkIsNotWorthALine) {
  EXPECT_EQ(shown(Progress::Mode::kLines, 1, [](Progress& progress) { progress.add(1); }), "");
}

TEST(Progress, AnUnknownTotalShowsTheRate) {
  const std::string text = shown(Progress::Mode::kTerminal, 0, [](Progress& progress) {
    std::this_thread::sleep_for(120ms);
    progress.add(5);
    progress.set_total(10);
  });
  EXPECT_TRUE(text.starts_with("\r\x1b[Kmigrating groups: 5 (")) << text;
  EXPECT_NE(text.find("5/10 (50%)"), text.npos) << text;
}

TEST(Progress, FinishIsIdempotentAndFinal) {
  const std::string text = shown(Progress::Mode::kTerminal, 2, [](Progress& progress) {
    std::this_thread::sleep_for(120ms);
    progress.finish();
    progress.finish();
    std::this_thread::sleep_for(120ms);
    progress.add(1);
  });
  EXPECT_EQ(text, "\r\x1b[Kmigrating groups: 0/2 (0%)\n");
}

}  // namespace
}  // namespace kferry
