#include "wire/error_code.h"

#include <gtest/gtest.h>

#include "tests/support/java_wire.h"

namespace kferry::wire {
namespace {

TEST(ErrorCodes, AgreeWithTheJavaClient) {
  const std::map<int, test::JavaError> javas = test::java_errors("4.2.0");
  int known = 0;
  for (const auto& [code, java] : javas) {
    const ErrorRow& row = error_row(static_cast<int16_t>(code));
    if (row.name == "UNKNOWN_CODE") continue;
    ++known;
    EXPECT_EQ(row.code, code);
    EXPECT_EQ(row.name, java.name);
    EXPECT_EQ(row.retriable, java.retriable) << row.name;
    EXPECT_NE(row.description, "") << row.name;
  }
  EXPECT_GT(known, 60);
  for (int code = -10; code < 1000; ++code)
    EXPECT_TRUE(javas.contains(code) ||
                error_row(static_cast<int16_t>(code)).name == "UNKNOWN_CODE")
        << code;
}

TEST(ErrorCodes, ErrorsSayWhatWasDoneAndWhatTheBrokerSaid) {
  const Error error = kafka_error(kGroupAuthorizationFailed, "reading offsets of group billing");
  EXPECT_EQ(error.kind, ErrorKind::kNotAuthorised);
  EXPECT_EQ(error.kafka_code, 30);
  EXPECT_NE(error.message.find("reading offsets of group billing"), std::string::npos);
  EXPECT_NE(error.message.find("GROUP_AUTHORIZATION_FAILED"), std::string::npos);
  EXPECT_NE(error.hint, "");
}

TEST(ErrorCodes, AnUnknownCodeIsKeptAndNamed) {
  const Error error = kafka_error(999, "committing");
  EXPECT_EQ(error.kafka_code, 999);
  EXPECT_NE(error.message.find("999"), std::string::npos) << error.message;
}

}  // namespace
}  // namespace kferry::wire
