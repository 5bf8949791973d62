#include "base/test_hook.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace kferry {
namespace {

// The environment is read once in a process, so each test visits in a process of its own.
class HookDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void visit(const char* hook, std::initializer_list<std::string_view> points) {
  setenv("KFERRY_TEST_HOOK", hook, 1);
  for (const std::string_view point : points) test_hook(point);
  _exit(7);
}

TEST_F(HookDeathTest, KillsAtTheVisitAskedFor) {
  EXPECT_EXIT(visit("kill:commit", {"commit"}), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(visit("kill:commit:2", {"commit", "commit"}), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(visit("kill:commit:2", {"commit", "other"}), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(visit("pause:a:1,kill:commit", {"a", "commit"}), testing::KilledBySignal(SIGKILL),
              "");
}

TEST_F(HookDeathTest, NonsenseAndOtherPointsDoNothing) {
  EXPECT_EXIT(visit("", {"commit"}), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(visit("kill", {"kill"}), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(visit("kill:commit,", {"comm", "commit2", ""}), testing::ExitedWithCode(7), "");
}

TEST_F(HookDeathTest, TouchCreatesTheFile) {
  // The child process runs this test from its start, so the name comes to it in the environment.
  setenv("KFERRY_TOUCHED_BY_TEST", fmt::format("kferry-touched-{}", getpid()).c_str(), 0);
  const auto path = std::filesystem::temp_directory_path() / std::getenv("KFERRY_TOUCHED_BY_TEST");
  EXPECT_EXIT(visit(("touch:commit:" + path.string()).c_str(), {"commit"}),
              testing::ExitedWithCode(7), "");
  EXPECT_TRUE(std::filesystem::remove(path));
}

}  // namespace
}  // namespace kferry
