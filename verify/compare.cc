#include "verify/compare.h"

#include <fmt/format.h>

namespace kferry::verify {
namespace {

std::optional<int64_t> value_of(const std::optional<Offset>& offset) {
  return offset.transform([](const Offset& o) { return o.value(); });
}

PartitionReport without_outcome(const ExpectedOffset& expected, std::optional<Offset> kafka) {
  PartitionReport report;
  report.topic = expected.topic;
  report.partition = expected.partition;
  report.zookeeper_offset = expected.zookeeper_offset;
  report.kafka_offset_before = value_of(kafka);  // nothing is written: before is now
  report.kafka_offset = value_of(kafka);
  report.log_start_offset = value_of(expected.log_start);
  report.log_end_offset = value_of(expected.log_end);
  report.verdict = expected.verdict;
  return report;
}

// An offset that is as it should be may still be of no use.
std::string outside_the_log(const ExpectedOffset& expected, Offset kafka) {
  if (expected.log_start && kafka < *expected.log_start)
    return fmt::format("before the log's start {}: a consumer starts at auto.offset.reset",
                       *expected.log_start);
  if (expected.log_end && kafka > *expected.log_end)
    return fmt::format("after the log's end {}: a consumer starts at auto.offset.reset",
                       *expected.log_end);
  return {};
}

void compare_offsets(const ExpectedOffset& expected, Offset kafka, PartitionReport& report) {
  const Offset wanted = *expected.offset;
  report.detail = outside_the_log(expected, kafka);
  if (kafka == wanted) {
    report.outcome = Outcome::kEqual;
  } else if (kafka > wanted && expected.moved_on_is_fine) {
    report.outcome = Outcome::kKafkaAhead;
    if (report.detail.empty()) report.detail = "migrated; the group has moved on";
  } else {
    report.outcome = Outcome::kDifferent;
    report.detail = kafka > wanted ? fmt::format("should be {}: {} offsets would be skipped",
                                                 wanted, kafka.value() - wanted.value())
                                   : fmt::format("should be {}: {} offsets would be read again",
                                                 wanted, wanted.value() - kafka.value());
  }
}

}  // namespace

PartitionReport compare(const ExpectedOffset& expected, std::optional<Offset> kafka) {
  PartitionReport report = without_outcome(expected, kafka);
  if (!expected.offset) {
    report.outcome = expected.trouble.empty() ? Outcome::kNoOffset : Outcome::kDifferent;
    report.detail = expected.trouble;
  } else if (!kafka) {
    report.outcome = Outcome::kMissing;
    report.detail = fmt::format("should be {}", *expected.offset);
  } else {
    compare_offsets(expected, *kafka, report);
  }
  return report;
}

GroupReport compare(const ExpectedGroup& expected, const Result<groupproto::GroupOffsets>& kafka) {
  GroupReport report{
      expected.group,    expected.team,          expected.layout, expected.convention,
      expected.evidence, expected.expires_at_ms, expected.detail, {}};
  if (!kafka) {
    report.detail = fmt::format("Kafka's offsets could not be read: {}", kafka.error().message);
    for (const ExpectedOffset& partition : expected.partitions) {
      report.partitions.push_back(compare(partition, std::nullopt));
      PartitionReport& last = report.partitions.back();
      if (last.outcome == Outcome::kMissing) last.outcome = Outcome::kFailed;
    }
    return report;
  }
  for (const ExpectedOffset& partition : expected.partitions) {
    const auto found = kafka->find(TopicPartition{partition.topic, partition.partition});
    report.partitions.push_back(compare(
        partition, found == kafka->end() ? std::nullopt : std::optional(found->second.offset)));
  }
  return report;
}

}  // namespace kferry::verify
