#include "zkoffsets/layout.h"

#include <gtest/gtest.h>

#include "zkoffsets/external_layout.h"
#include "zkoffsets/group_layout.h"
#include "zkoffsets/text.h"

namespace kferry::zkoffsets {
namespace {

TEST(LayoutTest, NamesAreReadBack) {
  for (const char* name : {"high-level-consumer", "offset-commit-v0", "kafka-node", "wvanbergen",
                           "flink", "storm", "trident", "spark-csv", "custom", "kafka-0.7"}) {
    const auto layout = parse_layout(name);
    ASSERT_TRUE(layout) << name;
    EXPECT_EQ(to_string(*layout), name);
  }
  EXPECT_EQ(parse_layout(""), std::nullopt);
  EXPECT_EQ(parse_layout("Storm"), std::nullopt);
}

TEST(LayoutTest, OnlyFlinkWritesTheLastProcessedRecord) {
  EXPECT_EQ(default_convention(Layout::kFlink), Convention::kLastProcessed);
  for (const Layout layout :
       {Layout::kHighLevelConsumer, Layout::kOffsetCommitV0, Layout::kKafkaNode,
        Layout::kWvanbergen, Layout::kStorm, Layout::kTrident})
    EXPECT_EQ(default_convention(layout), Convention::kNext) << to_string(layout);
}

TEST(LayoutTest, DetectedByTheTracesInTheTree) {
  struct Case {
    const char* what;
    GroupTraces traces;
    Layout layout;
  };
  const Case cases[] = {
      {"offsets alone", {.offsets = 3}, Layout::kOffsetCommitV0},
      {"nothing at all", {}, Layout::kOffsetCommitV0},
      {"an empty ids node", {.has_ids = true, .offsets = 3}, Layout::kHighLevelConsumer},
      {"an empty owners node", {.has_owners = true, .offsets = 3}, Layout::kHighLevelConsumer},
      {"a JVM consumer",
       {.has_ids = true, .registered = {Layout::kHighLevelConsumer}, .registrations = 1},
       Layout::kHighLevelConsumer},
      {"kafka-node",
       {.has_ids = true, .registered = {Layout::kKafkaNode}, .registrations = 2, .offsets = 3},
       Layout::kKafkaNode},
      {"wvanbergen",
       {.has_ids = true, .registered = {Layout::kWvanbergen}, .registrations = 1},
       Layout::kWvanbergen},
      {"two kinds of client",
       {.has_ids = true,
        .registered = {Layout::kWvanbergen, Layout::kKafkaNode},
        .registrations = 2},
       Layout::kHighLevelConsumer},
      {"an unknown registration",
       {.has_ids = true, .registrations = 1},
       Layout::kHighLevelConsumer},
      {"0.7 nodes only", {.has_ids = true, .kafka07_topics = 1}, Layout::kKafka07},
      {"0.7 nodes left behind",
       {.has_ids = true, .offsets = 1, .kafka07_topics = 1},
       Layout::kHighLevelConsumer},
  };
  for (const Case& one : cases) {
    const LayoutFinding finding = detect_layout(one.traces);
    EXPECT_EQ(finding.layout, one.layout) << one.what;
    EXPECT_FALSE(finding.evidence.empty()) << one.what;
  }
}

TEST(LayoutTest, NodeNumbersAreCanonicalSoThatNoTwoNodesStandForOnePartition) {
  EXPECT_EQ(parse_node_number("0"), 0);
  EXPECT_EQ(parse_node_number("2147483647"), 2147483647);
  for (const char* name :
       {"", "00", "07", "-1", "+1", " 1", "1 ", "1a", "0x1", "2147483648", "1-2"})
    EXPECT_EQ(parse_node_number(name), std::nullopt) << name;
}

TEST(LayoutTest, ExternalEntriesAreCheckedBeforeAnyIo) {
  const auto kind_of = [](Layout layout, const std::string& path, const std::string& topic) {
    const auto checked = check_external({{GroupId("g"), layout, path, TopicName(topic)}});
    return checked ? std::optional<ErrorKind>() : checked.error().kind;
  };
  EXPECT_EQ(kind_of(Layout::kStorm, "/storm/id", ""), std::nullopt);
  EXPECT_EQ(kind_of(Layout::kTrident, "/storm/id", ""), std::nullopt);
  EXPECT_EQ(kind_of(Layout::kSparkCsv, "/spark/t", "t"), std::nullopt);
  EXPECT_EQ(kind_of(Layout::kSparkCsv, "/spark/t", ""), ErrorKind::kUsage);
  EXPECT_EQ(kind_of(Layout::kFlink, "/consumers/g", ""), ErrorKind::kUsage);
  for (const char* path : {"", "storm/id", "/storm/", "/", "//id", "/a/../b"})
    EXPECT_EQ(kind_of(Layout::kStorm, path, ""), ErrorKind::kUsage) << path;
}

}  // namespace
}  // namespace kferry::zkoffsets
