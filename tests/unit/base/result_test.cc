#include "base/result.h"

#include <set>

#include <gtest/gtest.h>

namespace kferry {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(ErrorKind::kUsage, "odd", "give an even number");
  return number / 2;
}

Result<int> quarter(int number) {
  KFERRY_TRY(const int once, half(number));
  KFERRY_TRY(const int twice, half(once));
  return twice;
}

Result<> is_even(int number) {
  KFERRY_CHECK(half(number));
  return {};
}

TEST(Result, TryPassesTheValueOrTheErrorOn) {
  EXPECT_EQ(quarter(8), 2);
  const Result<int> failed = quarter(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "odd");
  EXPECT_EQ(failed.error().hint, "give an even number");
  EXPECT_EQ(failed.error().kind, ErrorKind::kUsage);
  EXPECT_EQ(failed.error().kafka_code, 0);
}

TEST(Result, CheckPassesTheErrorOn) {
  EXPECT_TRUE(is_even(2));
  EXPECT_FALSE(is_even(3));
}

TEST(Result, ContextComesFirstAndTheRestIsKept) {
  const Error error =
      in_context({ErrorKind::kNotAuthorised, "denied", "grant it", 30}, "reading group billing");
  EXPECT_EQ(error.message, "reading group billing: denied");
  EXPECT_EQ(error.hint, "grant it");
  EXPECT_EQ(error.kind, ErrorKind::kNotAuthorised);
  EXPECT_EQ(error.kafka_code, 30);
}

TEST(Result, EveryKindHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::kInterrupted); ++kind)
    names.insert(to_string(static_cast<ErrorKind>(kind)));
  EXPECT_EQ(names.size(), static_cast<size_t>(ErrorKind::kInterrupted) + 1);
}

}  // namespace
}  // namespace kferry
