#include "base/backoff.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace kferry {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const auto kAlways = [](const Error&) { return true; };
const auto kNever = [](const Error&) { return false; };

// Fails until its `succeed_at`-th call and remembers when it was called.
struct Attempts {
  size_t succeed_at = 0;  // 0: never
  std::vector<Clock::time_point> calls{};

  Result<int> operator()() {
    calls.push_back(Clock::now());
    if (calls.size() == succeed_at) return 42;
    return fail(ErrorKind::kUnreachable, "attempt " + std::to_string(calls.size()));
  }
};

TEST(Backoff, ReturnsTheFirstSuccess) {
  const StopToken stop;
  Attempts attempts{.succeed_at = 3};
  const auto result = with_retry({1ms, 2ms}, Wait(Deadline::after(1min), stop), attempts, kAlways);
  EXPECT_EQ(result, 42);
  EXPECT_EQ(attempts.calls.size(), 3U);
}

TEST(Backoff, DoesNotRetryWhatIsNotRetriable) {
  const StopToken stop;
  Attempts attempts;
  const auto result = with_retry({1ms, 2ms}, Wait(Deadline::after(1min), stop), attempts, kNever);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "attempt 1");
  EXPECT_EQ(attempts.calls.size(), 1U);
}

TEST(Backoff, WaitsDoubleUpToTheLongest) {
  const StopToken stop;
  Attempts attempts{.succeed_at = 5};
  ASSERT_TRUE(with_retry({10ms, 40ms}, Wait(Deadline::after(1min), stop), attempts, kAlways));
  // Waits are in whole milliseconds, rounded down.
  const std::vector<Duration> at_least{9ms, 19ms, 39ms, 39ms};
  for (size_t i = 0; i < at_least.size(); ++i)
    EXPECT_GE(attempts.calls[i + 1] - attempts.calls[i], at_least[i]) << i;
  // Generous, for a busy machine; without the bound the last wait alone were 80 ms.
  EXPECT_LT(attempts.calls[4] - attempts.calls[0], 1s);
}

TEST(Backoff, EndsBeforeTheDeadlineWithTheLastError) {
  const StopToken stop;
  Attempts attempts;
  const auto started = Clock::now();
  const auto result =
      with_retry({20ms, 20ms}, Wait(Deadline::after(100ms), stop), attempts, kAlways);
  EXPECT_LE(Clock::now() - started, 1s);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "attempt " + std::to_string(attempts.calls.size()));
  EXPECT_GE(attempts.calls.size(), 2U);
  EXPECT_LE(attempts.calls.size(), 6U);
}

TEST(Backoff, MakesOneAttemptEvenAfterTheDeadline) {
  const StopToken stop;
  Attempts attempts{.succeed_at = 1};
  EXPECT_TRUE(with_retry({1ms, 1ms}, Wait(Deadline::after(-1s), stop), attempts, kAlways));
}

TEST(Backoff, EndsSoonAfterAStopRequest) {
  StopToken stop;
  Attempts attempts;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(20ms);
    stop.request_stop();
  });
  const auto started = Clock::now();
  const auto result = with_retry({1min, 1min}, Wait(Deadline::after(1h), stop), attempts, kAlways);
  EXPECT_LT(Clock::now() - started, 5s);
  EXPECT_FALSE(result);
  EXPECT_EQ(attempts.calls.size(), 1U);
}

}  // namespace
}  // namespace kferry
