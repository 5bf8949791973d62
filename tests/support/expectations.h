// What many tests ask.
#pragma once

#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/result.h"

namespace kferry::test {

inline testing::AssertionResult has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "\"" << text << "\" does not say \"" << part << "\"";
}

// ASSERT_TRUE(ok(result)): with the error's message.
template <class T>
testing::AssertionResult ok(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << to_string(result.error().kind) << ": " << result.error().message;
}

// EXPECT_TRUE(fails(result, ErrorKind::kRefused, "part of the message")).
template <class T>
testing::AssertionResult fails(const Result<T>& result, ErrorKind kind, const std::string& part) {
  if (result) return testing::AssertionFailure() << "it succeeded";
  if (result.error().kind != kind)
    return testing::AssertionFailure()
           << to_string(result.error().kind) << ": " << result.error().message;
  return has(result.error().message, part);
}

class Stopwatch {
 public:
  Duration elapsed() const {
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Until `happened()` is true; false after 10 s.
template <class Happened>
bool eventually(Happened happened) {
  for (int i = 0; i < 1'000; ++i) {
    if (happened()) return true;
    std::this_thread::sleep_for(Duration(10));
  }
  return false;
}

}  // namespace kferry::test
