#include "auth/access_token.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "tests/support/command.h"
#include "tests/support/expectations.h"

namespace kferry::auth {
namespace {

using test::fails;
using test::ok;

// {"sub":"app","exp":32503680000} (the year 3000), and {"exp":1000}.
constexpr const char* kValid = "e30.eyJzdWIiOiJhcHAiLCJleHAiOjMyNTAzNjgwMDAwfQ.sig";
constexpr const char* kExpired = "e30.eyJleHAiOjEwMDB9.sig";

Result<std::string> fetched(const std::string& content) {
  const test::TemporaryFile file(content);
  return fetch_access_token({.file = file.path(), .command = {}}, "broker1",
                            Wait::uninterruptible(Duration(20'000)));
}

TEST(AccessToken, SaysWhenItEnds) {
  EXPECT_EQ(expiry_of_jwt(kValid), 32'503'680'000'000);
  for (const char* const none : {"", "opaque", "a.b", "e30.!!.x", "e30.e30.x", "..", "a.YQ.c"})
    EXPECT_EQ(expiry_of_jwt(none), -1) << none;
}

TEST(AccessToken, ComesFromAFile) {
  EXPECT_EQ(fetched(std::string(kValid) + "\n"), kValid);
  EXPECT_EQ(fetched("abc-._~+/="), "abc-._~+/=");
}

TEST(AccessToken, OneThatCannotBeIsRefused) {
  EXPECT_TRUE(fails(fetched(kExpired), ErrorKind::kNotAuthorised,
                    "it expired at 1970-01-01T00:16:40.000Z"));
  EXPECT_TRUE(fails(fetched("\n"), ErrorKind::kNotAuthorised, "it is empty"));
  const auto strange = fetched(
      "canary\x01"
      "auth=x");
  EXPECT_TRUE(fails(strange, ErrorKind::kNotAuthorised, "characters that no token has"));
  EXPECT_EQ(strange.error().message.find("canary"), std::string::npos);
  EXPECT_TRUE(fails(fetch_access_token({.file = "/nowhere", .command = {}}, "broker1",
                                       Wait::uninterruptible(Duration(1'000))),
                    ErrorKind::kNotAuthorised, "'/nowhere' cannot be read"));
}

}  // namespace
}  // namespace kferry::auth
