// A report with one partition of every outcome.
#pragma once

#include <string>

#include "verify/report.h"

namespace kferry::testing {

inline constexpr verify::Outcome kAllOutcomes[] = {
    verify::Outcome::kMigrated,  verify::Outcome::kEqual,    verify::Outcome::kKafkaAhead,
    verify::Outcome::kPending,   verify::Outcome::kNoOffset, verify::Outcome::kSkipped,
    verify::Outcome::kRefused,   verify::Outcome::kFailed,   verify::Outcome::kNotAttempted,
    verify::Outcome::kDifferent, verify::Outcome::kMissing,  verify::Outcome::kRestored,
    verify::Outcome::kDeleted,   verify::Outcome::kDenied};

inline verify::PartitionReport sample_partition(const std::string& topic, int32_t partition,
                                                verify::Outcome outcome) {
  verify::PartitionReport report;
  report.topic = TopicName(topic);
  report.partition = Partition(partition);
  report.outcome = outcome;
  return report;
}

inline verify::DiffReport sample_report() {
  verify::DiffReport report;
  report.verb = "migrate";
  report.generated_at_ms = 1'795'464'245'678;
  report.tool_version = "0.1.0";
  report.source = {"zk1:2181,zk2:2181/kafka", "abcDEF", "kafka1:9092"};
  report.executed = true;
  verify::GroupReport billing;
  billing.group = GroupId("billing");
  billing.team = "payments";
  billing.layout = "high-level-consumer";
  billing.convention = "next";
  billing.evidence = {0, 0, "Empty", 0, 3, 2000, 0, "zookeeper+broker", {"a note"}};
  billing.expires_at_ms = 1'796'069'045'000;
  int32_t number = 0;
  for (const verify::Outcome outcome : kAllOutcomes)
    billing.partitions.push_back(sample_partition("orders", number++, outcome));
  verify::PartitionReport& migrated = billing.partitions.front();
  migrated.zookeeper_offset = 9'223'372'036'854'775'806;
  migrated.kafka_offset_before = 0;
  migrated.kafka_offset = 1234;
  migrated.log_start_offset = 1000;
  migrated.log_end_offset = 1500;
  migrated.verdict = "advance";
  billing.partitions[6].detail = "Kafka is ahead by 7; choose with --on-conflict";
  report.groups.push_back(billing);
  verify::GroupReport odd;
  odd.group = GroupId("t\xC3\xA4glich, \"5\n");
  odd.layout = "offset-commit-v0";
  odd.convention = "last";
  odd.detail = "somebody consumes the group";
  odd.partitions.push_back(sample_partition("orders", 0, verify::Outcome::kRefused));
  odd.partitions.back().kafka_offset = 5;
  report.groups.push_back(odd);
  report.error = Error{ErrorKind::kUnreachable, "kafka1:9092: connection refused", "start it", 0};
  return report;
}

}  // namespace kferry::testing
