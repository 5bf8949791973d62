#include "cli/config.h"

#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace kferry::cli {
namespace {

using zkoffsets::Convention;
using zkoffsets::Layout;

// Reads a configuration from a file of its own.
Result<Config> read_text(const std::string& yaml) {
  const std::string path =
      testing::TempDir() + "kferry-config-" + std::to_string(getpid()) + ".yaml";
  std::ofstream(path) << yaml;
  auto config = read_config(path);
  std::remove(path.c_str());
  return config;
}

std::string error_of(const std::string& yaml) {
  const auto config = read_text(yaml);
  return config ? "" : config.error().message;
}

TEST(Config, TeamsPresetsAndSingleGroups) {
  const auto config = read_text(R"(
zookeeper: zk1:2181/kafka
teams:
  payments: {groups: [billing]}
  web: {patterns: ["clicks-.*"], preset: kafka-ex-stream}
groups:
  clicks-report: {convention: next}
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->zookeeper, "zk1:2181/kafka");
  const auto settings = resolve(
      *config, {GroupId("billing"), GroupId("clicks-a"), GroupId("clicks-report"), GroupId("x")});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->at(GroupId("billing")).team, "payments");
  EXPECT_EQ(settings->at(GroupId("clicks-a")).team, "web");
  EXPECT_EQ(settings->at(GroupId("clicks-a")).convention, Convention::kLastProcessed);
  EXPECT_EQ(settings->at(GroupId("clicks-a")).layout, Layout::kOffsetCommitV0);
  EXPECT_EQ(settings->at(GroupId("clicks-report")).convention, Convention::kNext);
  EXPECT_EQ(settings->at(GroupId("x")).team, std::nullopt);
}

TEST(Config, AGroupInTwoTeamsIsAnError) {
  EXPECT_NE(error_of("teams: {a: {groups: [g]}, b: {groups: [g]}}").find("two teams: 'a' and 'b'"),
            std::string::npos);
  const auto config = read_text(R"(teams: {a: {groups: [g1]}, b: {patterns: ["g.*"]}})");
  ASSERT_TRUE(config);
  const auto settings = resolve(*config, {GroupId("g1")});
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().kind, ErrorKind::kUsage);
}

// Its name comes from whoever can write to ZooKeeper.
TEST(Config, AGroupWithALongNameDoesNotEndTheProcess) {
  const auto config = read_text(R"(teams: {b: {patterns: ["g.*x"]}})");
  ASSERT_TRUE(config);
  EXPECT_TRUE(resolve(*config, {GroupId(std::string(100'000, 'g'))}));
}

TEST(Config, ErrorsNameTheLineAndTheKey) {
  EXPECT_NE(
      error_of("zookeeper: a\nteams:\n  t: {gruops: [g]}\n").find("line 3: unknown key 'gruops'"),
      std::string::npos);
  EXPECT_NE(error_of("teams: {t: {preset: nonsense}}").find("unknown preset 'nonsense'"),
            std::string::npos);
  EXPECT_NE(error_of("teams: {t: {patterns: [\"(\"]}}").find("not a regular expression"),
            std::string::npos);
  EXPECT_NE(error_of("teams: [").find("line"), std::string::npos);
  EXPECT_NE(error_of("external: [{group: g, layout: storm, path: /a/}]").find("external.path"),
            std::string::npos);
  EXPECT_FALSE(read_config("/nonexistent/kferry.yaml"));
}

TEST(Config, CustomLayouts) {
  const auto config = read_text(R"(
external:
  - {layout: custom, path: "/app/{group}/{topic}/{partition}", convention: last}
  - {group: g, layout: custom, path: "/one/p{partition}", topic: orders, offset_pointer: /a/b}
)");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->external.size(), 2U);
  EXPECT_EQ(config->external[0].group, GroupId());
  EXPECT_EQ(config->external[0].layout, Layout::kCustom);
  EXPECT_EQ(config->external[0].convention, Convention::kLastProcessed);
  EXPECT_EQ(config->external[1].topic, TopicName("orders"));
  EXPECT_EQ(config->external[1].offset_pointer, "/a/b");
  const auto says = [](const std::string& entry, const std::string& what) {
    const std::string error = error_of("external:\n  - {layout: custom, " + entry + "}\n");
    EXPECT_NE(error.find("line 2: "), std::string::npos) << error;
    EXPECT_NE(error.find(what), std::string::npos) << error;
  };
  says(R"(path: "/a/{group}/{topic}/{part}")", "'{part}' is no placeholder");
  says(R"(path: "/a/{group}/{topic}")", "{partition} is missing");
  says(R"(path: "/a/{topic}/{partition}")", "the group is neither in the path nor given");
  says(R"(path: "/a/{group}/{topic}/{partition}", offset_pointer: "a")", "no JSON pointer");
  says(R"(path: "/a/{group}/{topic}/{partition}", convention: "first")", "next or last");
  says(R"(path: "/a/{group}/{topic}/{partition}", offset: "/a")", "unknown key 'offset'");
  EXPECT_NE(error_of("external: [{group: g, layout: storm, path: /a, convention: last}]")
                .find("layout custom only"),
            std::string::npos);
}

}  // namespace
}  // namespace kferry::cli
