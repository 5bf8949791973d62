#include "kafkaio/config_values.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/support/command.h"
#include "tests/support/expectations.h"

namespace kferry::kafkaio {
namespace {

using test::fails;
using test::ok;
using test::TemporaryFile;

Result<std::string> resolved(const std::string& value) {
  std::map<std::string, std::string> properties{{"sasl.password", value}};
  const Wait wait = Wait::uninterruptible(Duration(20'000));
  KFERRY_CHECK(resolve_values(properties, "client.properties", wait));
  return properties["sasl.password"];
}

TEST(ConfigValues, StandElsewhere) {
  const TemporaryFile file("user=me\npassword = a:b\n");
  const TemporaryFile whole("top secret\n");
  setenv("KFERRY_TEST_VALUE", "from ${env:HOME}", 1);
  EXPECT_EQ(resolved("${file:" + file.path() + ":password}"), "a:b");
  EXPECT_EQ(resolved("<${file:" + whole.path() + "}>"), "<top secret>");
  const size_t slash = whole.path().rfind('/');
  EXPECT_EQ(resolved("${directory:" + whole.path().substr(0, slash) + ":" +
                     whole.path().substr(slash + 1) + "}"),
            "top secret");
  EXPECT_EQ(resolved("${env:KFERRY_TEST_VALUE}"), "from ${env:HOME}") << "not looked at again";
  EXPECT_EQ(resolved("${command:printf 'a b\\n\\n'}"), "a b");
  EXPECT_EQ(resolved("user=\"${env:KFERRY_TEST_VALUE}\" p=${command:echo x};"),
            "user=\"from ${env:HOME}\" p=x;");
}

TEST(ConfigValues, OthersAreLeftAlone) {
  for (const char* const value :
       {"", "plain", "${vault:a:b}", "${", "${}", "${x", "a$b{c}", "${a}"})
    EXPECT_EQ(resolved(value), value);
}

TEST(ConfigValues, WhatIsMissingIsNamed) {
  const TemporaryFile file("a=canary\n");
  const auto usage = ErrorKind::kUsage;
  EXPECT_TRUE(fails(resolved("${file:/nowhere/x:k}"), usage,
                    "client.properties: sasl.password: the file '/nowhere/x' cannot be read"));
  const auto no_key = resolved("${file:" + file.path() + ":b}");
  EXPECT_TRUE(fails(no_key, usage, "there is no b in"));
  EXPECT_EQ(no_key.error().message.find("canary"), std::string::npos);
  EXPECT_TRUE(fails(resolved("${env:KFERRY_NOT_SET}"), usage, "KFERRY_NOT_SET is not set"));
  const auto failed = resolved("${command:echo canary; exit 7}");
  EXPECT_TRUE(fails(failed, usage, "exit code 7"));
  EXPECT_EQ(failed.error().message.find("canary"), std::string::npos);
}

}  // namespace
}  // namespace kferry::kafkaio
