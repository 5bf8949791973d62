#include "auth/http_client.h"

#include <gtest/gtest.h>

namespace kferry::auth {
namespace {

TEST(HttpClient, TheHostOfAnAddress) {
  EXPECT_EQ(host_of("https://idp.example:8443/token?x=y"), "idp.example");
  EXPECT_EQ(host_of("http://[::1]:80/"), "::1");
  EXPECT_EQ(host_of("https://idp"), "idp");
  for (const char* const none : {"", "ftp://idp/", "idp/token", "https://app:secret@idp/token"})
    EXPECT_EQ(host_of(none), "") << none;
}

TEST(HttpClient, WhatMayBeShownOfAnAddress) {
  EXPECT_EQ(place_of("https://idp:8443/token?key=canary"), "https://idp:8443/token");
  EXPECT_EQ(place_of("https://app:canary@idp/token").find("canary"), std::string::npos);
}

TEST(HttpClient, FormsAreEncoded) {
  EXPECT_EQ(to_form({{"a b", "c&d=e"}, {"scope", "api://x/.default ~"}}),
            "a%20b=c%26d%3De&scope=api%3A%2F%2Fx%2F.default%20~");
}

TEST(HttpClient, OtherSchemesAreNotSpoken) {
  const auto response =
      send({.url = "file:///etc/passwd"}, "reading", Wait::uninterruptible(Duration(5'000)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUnreachable);
}

}  // namespace
}  // namespace kferry::auth
