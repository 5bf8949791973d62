#include "base/command_output.h"

#include <thread>

#include <gtest/gtest.h>

#include "tests/support/expectations.h"

namespace kferry {
namespace {

using test::fails;

Result<std::string> run(const std::string& command, Duration timeout = Duration(20'000)) {
  return command_output(command, "the command", Wait::uninterruptible(timeout));
}

TEST(CommandOutput, IsWithoutTheLineEndsAtItsEnd) {
  EXPECT_EQ(run("printf 'a\\nb\\r\\n\\n'"), "a\nb");
  EXPECT_EQ(run("cat; echo done"), "done") << "nothing comes in";
}

TEST(CommandOutput, FailuresSayNothingOfTheOutput) {
  EXPECT_TRUE(fails(run("exit 3"), ErrorKind::kFailed, "the command failed with exit code 3"));
  EXPECT_TRUE(fails(run("kill -9 $$"), ErrorKind::kFailed, "ended by signal 9"));
  EXPECT_TRUE(fails(run("true"), ErrorKind::kFailed, "says nothing"));
  EXPECT_TRUE(fails(run("yes"), ErrorKind::kFailed, "more than 65536 bytes"));
}

TEST(CommandOutput, ACommandThatHangsIsKilled) {
  const test::Stopwatch watch;
  EXPECT_TRUE(fails(run("sleep 60 & sleep 60", Duration(300)), ErrorKind::kFailed, "in time"));
  StopToken stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Duration(200));
    stop.request_stop();
  });
  EXPECT_TRUE(fails(command_output("sleep 60", "x", Wait(Deadline::after(Duration(50'000)), stop)),
                    ErrorKind::kInterrupted, ""));
  EXPECT_LT(watch.elapsed(), Duration(20'000));
}

}  // namespace
}  // namespace kferry
