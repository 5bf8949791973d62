#include "base/interrupt.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

namespace kferry {
namespace {

using namespace std::chrono_literals;

TEST(StopToken, OnceSetItStaysSet) {
  StopToken stop;
  EXPECT_FALSE(stop.stop_requested());
  EXPECT_TRUE(stop.check("reading"));
  stop.request_stop();
  stop.request_stop();
  EXPECT_TRUE(stop.stop_requested());
  const Result<> result = stop.check("reading offsets");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInterrupted);
  EXPECT_EQ(result.error().message, "interrupted while reading offsets");
}

TEST(StopToken, SleepsToTheEndWithoutARequest) {
  const StopToken stop;
  const auto started = std::chrono::steady_clock::now();
  EXPECT_TRUE(stop.sleep_for(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - started, 29ms);
  EXPECT_TRUE(stop.sleep_for(0ms));
}

TEST(StopToken, ARequestEndsASleep) {
  StopToken stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(20ms);
    stop.request_stop();
  });
  const auto started = std::chrono::steady_clock::now();
  EXPECT_FALSE(stop.sleep_for(1h));
  EXPECT_LT(std::chrono::steady_clock::now() - started, 5s);
  EXPECT_FALSE(stop.sleep_for(1h));
}

TEST(Wait, AtMostKeepsTheStopAndTheEarlierDeadline) {
  StopToken stop;
  const Wait wait(Deadline::after(1h), stop);
  const Wait shorter = wait.at_most(1s);
  EXPECT_LE(shorter.deadline().remaining(), 1s);
  EXPECT_EQ(&shorter.stop(), &stop);
  EXPECT_EQ(wait.at_most(2h).deadline().time_point(), wait.deadline().time_point());
}

TEST(Wait, UninterruptibleHasADeadlineAndNoStop) {
  const Wait wait = Wait::uninterruptible(1s);
  EXPECT_FALSE(wait.stop().stop_requested());
  EXPECT_LE(wait.deadline().remaining(), 1s);
}

// Each in a process of its own: the handlers are for the whole process.
class SignalsDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(SignalsDeathTest, TheFirstSignalRequestsAStop) {
  for (const int signal : {SIGINT, SIGTERM})
    EXPECT_EXIT(
        {
          static StopToken stop;
          stop_on_signals(stop);
          std::raise(signal);
          _exit(stop.stop_requested() ? 7 : 8);
        },
        testing::ExitedWithCode(7), "");
}

TEST_F(SignalsDeathTest, TheSecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        static StopToken stop;
        stop_on_signals(stop);
        std::raise(SIGINT);
        std::raise(SIGTERM);
      },
      testing::ExitedWithCode(130), "");
}

TEST_F(SignalsDeathTest, AClosedPipeDoesNotEndTheProcess) {
  EXPECT_EXIT(
      {
        static StopToken stop;
        stop_on_signals(stop);
        std::raise(SIGPIPE);
        _exit(stop.stop_requested() ? 8 : 7);
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace kferry
