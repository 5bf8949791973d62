// Where the offsets are read, and which groups that is possible for.
#include <gtest/gtest.h>

#include "cli/selection.h"
#include "cli/session.h"
#include "tests/support/expectations.h"

namespace kferry::cli {
namespace {

using test::fails;
using test::has;
using test::ok;
using Arguments = std::vector<std::string>;

Result<CommonOptions> common_of(const Arguments& arguments) {
  const auto values = parse(arguments, describe_common());
  if (!values) return std::unexpected(values.error());
  return read_common(*values);
}

Result<Settings> settings_of(Arguments arguments) {
  arguments.insert(arguments.end(), {"--bootstrap-server", "kafka1:9092"});
  const auto common = common_of(arguments);
  if (!common) return std::unexpected(common.error());
  return read_settings(*common);
}

Config config_of(const std::string& yaml) {
  const auto config = parse_config(yaml, "kferry.yaml");
  if (!config) throw std::runtime_error(config.error().message);
  return *config;
}

SelectionOptions of_groups(std::vector<std::string> groups) {
  SelectionOptions selection;
  selection.groups = std::move(groups);
  return selection;
}

SelectionOptions of_team(const std::string& team, std::vector<std::string> topics = {}) {
  SelectionOptions selection;
  selection.teams = {team};
  selection.topics = std::move(topics);
  return selection;
}

TEST(OffsetSource, Names) {
  EXPECT_EQ(parse_offset_reads("both"), OffsetReads::kBoth);
  EXPECT_EQ(parse_offset_reads("zookeeper"), OffsetReads::kZookeeper);
  EXPECT_EQ(parse_offset_reads("broker"), OffsetReads::kBroker);
  EXPECT_TRUE(fails(common_of({"--offset-source", "kafka"}), ErrorKind::kUsage,
                    "both, zookeeper or broker"));
}

TEST(OffsetSource, TheBrokersNeedNoZookeeper) {
  const auto settings = settings_of({"--offset-source", "broker"});
  ASSERT_TRUE(ok(settings));
  EXPECT_EQ(settings->zookeeper, "");
  EXPECT_EQ(settings->offset_reads, OffsetReads::kBroker);
  const auto both = settings_of({});
  ASSERT_TRUE(fails(both, ErrorKind::kUsage, "no ZooKeeper given"));
  EXPECT_TRUE(has(both.error().hint, "--offset-source broker"));
}

TEST(OffsetSource, WhatContradictsItselfIsAnError) {
  EXPECT_TRUE(fails(settings_of({"--offset-source", "broker", "--zookeeper", "zk1:2181"}),
                    ErrorKind::kUsage, "--zookeeper and --offset-source broker exclude"));
  EXPECT_TRUE(fails(settings_of({"--offset-source", "broker", "--zookeeper-auth-file", "f"}),
                    ErrorKind::kUsage, "--zookeeper-auth-file and"));
  const auto in_file = parse_config("zookeeper: zk1:2181\noffset_source: broker\n", "k.yaml");
  EXPECT_TRUE(fails(in_file, ErrorKind::kUsage, "k.yaml, line 2: offset_source: broker means"));
  EXPECT_TRUE(fails(parse_config("offset_source: none", "k.yaml"), ErrorKind::kUsage,
                    "offset_source must be"));
}

// A plan's offsets are read again where they were read.
TEST(OffsetSource, ThePlanSaysWhere) {
  const verify::Source brokers{"", std::nullopt, "kafka1:9092"};
  const verify::Source zookeeper{"zk1:2181", std::nullopt, "kafka1:9092"};
  const auto read = [](const Arguments& arguments, const verify::Source& source) {
    return read_settings(common_of(arguments).value(), source);
  };
  ASSERT_TRUE(ok(read({}, brokers)));
  EXPECT_EQ(read({}, brokers)->offset_reads, OffsetReads::kBroker);
  EXPECT_EQ(read({}, zookeeper)->zookeeper, "zk1:2181");
  EXPECT_TRUE(fails(read({"--zookeeper", "zk1:2181"}, brokers), ErrorKind::kUsage, "exclude"));
  EXPECT_TRUE(fails(read({"--offset-source", "both"}, brokers), ErrorKind::kUsage,
                    "were read through the brokers"));
  EXPECT_TRUE(fails(read({"--offset-source", "broker"}, zookeeper), ErrorKind::kUsage,
                    "were read in ZooKeeper"));
}

TEST(OffsetSource, GroupsAreNamedSomewhere) {
  const Config none;
  const auto nothing = select_named(SelectionOptions(), none);
  ASSERT_TRUE(fails(nothing, ErrorKind::kUsage, "no group is named"));
  EXPECT_TRUE(has(nothing.error().hint, "--group NAME"));

  const Config config = config_of(R"(
teams:
  payments: {groups: [billing, audit], topics: [orders]}
  web: {patterns: ["clicks-.*"]}
groups: {reports: {convention: last}}
)");
  const auto one = select_named(of_groups({"billing"}), config);
  ASSERT_TRUE(ok(one));
  EXPECT_EQ(one->scan.groups, std::vector{GroupId("billing")});
  EXPECT_EQ(one->must_exist, std::set{GroupId("billing")});
  EXPECT_EQ(one->topics_of(GroupId("billing")), std::set{TopicName("orders")});
  const auto team = select_named(of_team("payments", {"clicks"}), config);
  ASSERT_TRUE(ok(team));
  EXPECT_EQ(team->scan.groups, (std::vector{GroupId("audit"), GroupId("billing")}));
  EXPECT_TRUE(team->must_exist.empty()) << "a team's group may be gone";
  EXPECT_EQ(team->topics_of(GroupId("audit")), std::set{TopicName("clicks")}) << "options win";
  EXPECT_TRUE(fails(select_named(of_team("web"), config), ErrorKind::kUsage, "'clicks-.*'"));
  EXPECT_TRUE(fails(select_named(SelectionOptions(), config), ErrorKind::kUsage, "by a pattern"));
}

TEST(OffsetSource, AllThatTheConfigurationNames) {
  const Config config = config_of("groups: {reports: {convention: last}, x: {topics: [a]}}");
  const auto all = select_named(SelectionOptions(), config);
  ASSERT_TRUE(ok(all));
  EXPECT_EQ(all->scan.groups, (std::vector{GroupId("reports"), GroupId("x")}));
  EXPECT_EQ(all->topics_of(GroupId("reports")), std::set<TopicName>());
}

TEST(OffsetSource, WhatIsKeptOutsideConsumersIsNotRead) {
  const Config config =
      config_of("external: [{group: totals, layout: storm, path: /storm/totals}]\ngroups: {a: {}}");
  EXPECT_TRUE(fails(select_named(of_groups({"totals"}), config), ErrorKind::kUsage,
                    "outside /consumers, at /storm/totals"));
  EXPECT_TRUE(
      fails(select_named(SelectionOptions(), config), ErrorKind::kUsage, "outside /consumers"));
  EXPECT_TRUE(ok(select_named(of_groups({"a"}), config)));
}

}  // namespace
}  // namespace kferry::cli
