// What the diff report's table and its HTML have in common.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "verify/report.h"

namespace kferry::verify {

struct ReportLine {
  const GroupReport* group;
  const PartitionReport* partition;
};
// At most `max_lines` of the report's partitions, those in trouble first.
std::vector<ReportLine> pick_lines(const DiffReport& report, size_t max_lines);
// Group, topic, partition, offset in ZooKeeper, in Kafka before, in Kafka now, log, outcome,
// detail.
std::vector<std::string> to_row(const ReportLine& line);

// "2 groups, 10 partitions: 10 migrated", with a newline.
std::string counts_line(const DiffReport& report);
// What to do next.
std::string_view advice(const DiffReport& report);
// That who is registered in ZooKeeper was not seen, where that is so; else empty.
std::string source_line(const DiffReport& report);
// The first deadline: until then a consumer has to join, or Kafka drops the group's offsets. Empty:
// there is none; else with a newline.
std::string expiry_line(const DiffReport& report);

}  // namespace kferry::verify
