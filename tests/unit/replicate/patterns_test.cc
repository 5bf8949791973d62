#include "replicate/patterns.h"

#include <gtest/gtest.h>

#include "replicate/flow.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::fails;

bool matches(std::string_view list, const std::string& name) {
  const auto patterns = parse_patterns(list);
  EXPECT_TRUE(test::ok(patterns));
  return NameFilter{*patterns, {}}.selects(name);
}

TEST(Patterns, WholeNamesAndLists) {
  EXPECT_TRUE(matches("orders", "orders"));
  EXPECT_FALSE(matches("orders", "orders2"));
  EXPECT_FALSE(matches("orders", "my-orders"));
  EXPECT_TRUE(matches(" a.* ,\tb , ", "b"));
  EXPECT_TRUE(matches("a.*, b", "abc"));
  EXPECT_FALSE(matches("a.*, b", "c"));
  EXPECT_FALSE(matches("", "c"));
  EXPECT_FALSE(matches(" , ", ""));
  EXPECT_TRUE(matches("(a|b)\\.log[0-9]+", "b.log12"));
  const auto with_comma = parse_patterns(std::vector<std::string>{"a{1,2}"});
  ASSERT_TRUE(test::ok(with_comma));
  EXPECT_TRUE((NameFilter{*with_comma, {}}.selects("aa")));
}

// A dot in a name is rarely meant as anything else.
TEST(Patterns, TheNamesThatAreGivenLiterally) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(literal_names(split_patterns(R"(billing, a\.b, team.*, c.d, (x|y), z\d, _e-f)")),
            (Names{"billing", "a.b", "c.d", "_e-f"}));
  for (const char* const name : {"billing", "a.b", "t\xc3\xa4glich, 5", "(x|y)*", "a\\b", "[$^]"})
    EXPECT_EQ(literal_name(quoted_pattern(name)), name);
  for (const char* const none : {"a*", "a|b", "^a$", "\\w", "a\\", "\\x4", "\\xzz"})
    EXPECT_EQ(literal_name(none), std::nullopt) << none;
}

TEST(Patterns, TheDefaultsOfMm2) {
  for (const char* const name : {"a.internal", "a-internal", "x.replica", "__consumer_offsets"})
    EXPECT_TRUE(matches(kDefaultTopicsExclude, name)) << name;
  for (const char* const name : {"orders", "internal", "xreplica", "_a"})
    EXPECT_FALSE(matches(kDefaultTopicsExclude, name)) << name;
  EXPECT_TRUE(matches(kDefaultGroupsExclude, "console-consumer-123"));
  EXPECT_FALSE(matches(kDefaultGroupsExclude, "billing"));
  EXPECT_TRUE(matches(kDefaultConfigPropertiesExclude, "min.insync.replicas"));
  EXPECT_FALSE(matches(kDefaultConfigPropertiesExclude, "minXinsyncXreplicas"));
  EXPECT_FALSE(matches(kDefaultConfigPropertiesExclude, "retention.ms"));
}

TEST(Patterns, ABrokenOneIsNamed) {
  for (const char* const broken : {"a(", "[z", "*a", "a{1", "(?i)abc", "(?<=a)b", "(a)\\1"})
    EXPECT_TRUE(fails(parse_patterns(std::string("ok, ") + broken), ErrorKind::kUsage, broken));
  EXPECT_TRUE(fails(parse_pattern(""), ErrorKind::kUsage, "it is empty"));
}

// std::regex takes these, and reads them otherwise.
TEST(Patterns, WhatJavaReadsOtherwiseIsRefused) {
  for (const char* const java : {"\\Qa.b\\E", "a*+b", "a++", "x?+", "[a-z&&[^b]]", "[a-c[x-z]]",
                                 "\\p{Alpha}", "\\Aabc", "a\\z", "\\h+", "[]a]", "[^]]*"})
    EXPECT_TRUE(fails(parse_pattern(java), ErrorKind::kUsage, "outside Java")) << java;
  for (const char* const both :
       {"\\d+", "\\w-\\S", "[\\-\\.]", "[[:alpha:]]+", "a\\+\\+", "[^a]*", "a+?", "\\\\", "[*+]+"})
    EXPECT_TRUE(test::ok(parse_pattern(both))) << both;
}

// A group's name comes from whoever commits offsets.
TEST(Patterns, ALongOneDoesNotEndTheProcess) {
  EXPECT_TRUE(fails(parse_pattern(std::string(1'000'000, 'a')), ErrorKind::kUsage, "too long"));
  EXPECT_TRUE(fails(parse_pattern(std::string(1'000'000, '(')), ErrorKind::kUsage, "too deeply"));
  for (const char* const huge : {"a{9999999999}", "a{1,18446744073709551615}", "(a)\\9999999999"})
    EXPECT_TRUE(fails(parse_pattern(huge), ErrorKind::kUsage, "too large")) << huge;
  const std::vector<std::string> names = {"order-1234567890123", "a,1234567890123",
                                          "a\\1234567890123", std::string(200, '(')};
  for (const std::string& name : names)
    EXPECT_TRUE(matches(quoted_pattern(name), name)) << name;
  std::string topics = "t";
  for (int i = 0; i < 5'000; ++i) topics += "|topic-" + std::to_string(i);
  EXPECT_TRUE(matches(topics, "topic-4999"));
}

TEST(Patterns, ALongNameEndsNeitherTheProcessNorOurPatience) {
  const std::string name(32'767, 'a');
  EXPECT_TRUE(matches(".*", name));
  EXPECT_FALSE(matches(kDefaultTopicsExclude, name));
  EXPECT_FALSE(matches("(a*)*b", std::string(200, 'a')));
}

}  // namespace
}  // namespace kferry::replicate
