#include "base/whole_number.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kferry {
namespace {

using nlohmann::json;

TEST(WholeNumber, IsOneThatFits) {
  EXPECT_EQ(whole<int64_t>(json::parse("9223372036854775807")), 9'223'372'036'854'775'807);
  EXPECT_EQ(whole<int64_t>(json::parse("-9223372036854775808")),
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(whole<int16_t>(json(-1)), -1);
  EXPECT_EQ(whole_or<int64_t>(json{{"a", 5}}, "a", 7), 5);
  EXPECT_EQ(whole_or<int64_t>(json::object(), "a", 7), 7);
}

// get<int32_t>() makes partition 0 of 2^32, and undefined behaviour of 1e300.
TEST(WholeNumber, AnythingElseIsNone) {
  for (const char* const text : {"2147483648", "-2147483649", "18446744073709551615", "1.0",
                                 "1e300", "\"1\"", "null", "true", "[]"}) {
    EXPECT_EQ(whole_number<int32_t>(json::parse(text)), std::nullopt) << text;
    EXPECT_THROW(whole<int32_t>(json::parse(text)), std::runtime_error) << text;
  }
  EXPECT_THROW(whole<int64_t>(json(-1), 0), std::runtime_error);
  EXPECT_THROW(whole<int64_t>(json(5), 0, 4), std::runtime_error);
  EXPECT_THROW(whole_or<int64_t>(json{{"a", -1}}, "a", 7, 0), std::runtime_error);
}

}  // namespace
}  // namespace kferry
