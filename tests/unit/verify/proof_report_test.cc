#include "verify/proof_report.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "schema.h"

namespace kferry::verify {
namespace {

ProofReport sample() {
  ProofReport report;
  report.scope = {.source = "old:9092",
                  .target = "new:9092",
                  .topics = ".*",
                  .groups = ".*",
                  .prefix = "",
                  .flow = "source->target"};
  report.started_at_ms = 1'800'000'000'000;
  report.seconds = 3;
  report.complete = true;
  report.notes = {"a note"};
  const TopicPartition first{TopicName("orders"), Partition(0)};
  const TopicPartition second{TopicName("orders"), Partition(1)};
  report.partitions.push_back({.source = first,
                               .target_topic = TopicName("orders"),
                               .source_end = 10,
                               .target_end = 10,
                               .compared_to = 10,
                               .records = 10,
                               .bytes = 100,
                               .ranges = 1});
  report.partitions.push_back(report.partitions[0]);
  report.partitions[1].source = second;
  report.groups.push_back({.group = "billing",
                           .source = first,
                           .source_offset = 5,
                           .expected = 5,
                           .target_offset = 5,
                           .outcome = GroupOutcome::kEqual});
  return report;
}

ProofReport differing() {
  ProofReport report = sample();
  report.partitions[1].differing_ranges = 1;
  report.partitions[1].difference = {DifferenceKind::kValue, 7, 7, "value: 3 bytes on both"};
  report.groups[0].target_offset = std::nullopt;
  report.groups[0].outcome = GroupOutcome::kMissing;
  return report;
}

TEST(ProofReport, FitsTheSchemaAndIsReadBack) {
  for (const ProofReport& report : {sample(), differing(), ProofReport()}) {
    const std::string text = to_json(report);
    EXPECT_EQ(
        kferry::testing::schema_trouble("prove-report.schema.json", nlohmann::json::parse(text)),
        "");
    const auto again = parse_proof(text);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(to_json(*again), text);
  }
}

TEST(ProofReport, WhatIsNotOneIsRefused) {
  EXPECT_FALSE(parse_proof("not JSON"));
  EXPECT_FALSE(parse_proof("[]"));
  auto document = nlohmann::json::parse(to_json(sample()));
  document["partitions"][0]["compared_to"] = "10";
  const auto read = parse_proof(document.dump());
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("/partitions/0/compared_to"), std::string::npos);
}

TEST(ProofReport, TheExitCodeComesFromIt) {
  EXPECT_EQ(exit_code_of(sample()), 0);
  EXPECT_EQ(exit_code_of(differing()), 3);
  ProofReport report = sample();
  report.differences = {"topic orders: add partitions: 4 instead of 1"};
  EXPECT_EQ(exit_code_of(report), 3);
  report.partitions[0].trouble = "no leader";
  EXPECT_EQ(exit_code_of(report), 1);
}

TEST(ProofReport, TheTableSaysWhatDiffersFirst) {
  const std::string text = to_table(differing(), 1);
  EXPECT_NE(text.find("value    first at offset 7: value: 3 bytes"), std::string::npos) << text;
  EXPECT_NE(text.find("... and 1 more partitions"), std::string::npos) << text;
  EXPECT_NE(text.find("Source and target differ."), std::string::npos) << text;
  ProofReport report = sample();
  EXPECT_NE(to_table(report, 10).find("The same on both sides.\n"), std::string::npos);
  report.scope.sample_percent = 5;
  EXPECT_NE(to_table(report, 10).find("this sample of 5 %"), std::string::npos);
}

}  // namespace
}  // namespace kferry::verify
