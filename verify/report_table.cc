#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/text_table.h"
#include "verify/report_json.h"
#include "verify/report_lines.h"

namespace kferry::verify {
namespace {

// The order of the table, and of the counts: those in trouble first.
constexpr std::array kByTrouble = {Outcome::kFailed,   Outcome::kDenied,    Outcome::kNotAttempted,
                                   Outcome::kRefused,  Outcome::kDifferent, Outcome::kMissing,
                                   Outcome::kPending,  Outcome::kSkipped,   Outcome::kKafkaAhead,
                                   Outcome::kNoOffset, Outcome::kMigrated,  Outcome::kRestored,
                                   Outcome::kDeleted,  Outcome::kEqual};

std::string number_or_dash(const std::optional<int64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

}  // namespace

// Picked outcome by outcome, so that a large report is not sorted whole.
std::vector<ReportLine> pick_lines(const DiffReport& report, size_t max_lines) {
  std::vector<ReportLine> lines;
  const std::map<Outcome, int64_t> counts = summarise(report);
  for (const Outcome outcome : kByTrouble) {
    if (!counts.contains(outcome)) continue;
    for (const GroupReport& group : report.groups)
      for (const PartitionReport& partition : group.partitions)
        if (partition.outcome == outcome && lines.size() < max_lines)
          lines.push_back({&group, &partition});
  }
  return lines;
}

std::vector<std::string> to_row(const ReportLine& line) {
  const PartitionReport& partition = *line.partition;
  const bool has_log = partition.log_start_offset && partition.log_end_offset;
  const std::string kafka = partition.outcome == Outcome::kPending && partition.planned_offset
                                ? fmt::format("-> {}", *partition.planned_offset)
                                : number_or_dash(partition.kafka_offset);
  return {
      line.group->group.value(),
      partition.topic.value(),
      std::to_string(partition.partition.value()),
      number_or_dash(partition.zookeeper_offset),
      number_or_dash(partition.kafka_offset_before),
      kafka,
      has_log ? fmt::format("{}..{}", *partition.log_start_offset, *partition.log_end_offset) : "-",
      std::string(to_string(partition.outcome)),
      partition.detail};
}

namespace {

std::string partition_lines(const DiffReport& report, size_t max_lines) {
  const std::vector<ReportLine> lines = pick_lines(report, max_lines);
  TextTable table(
      {"GROUP", "TOPIC", "PARTITION", "ZOOKEEPER", "BEFORE", "KAFKA", "LOG", "OUTCOME", "DETAIL"});
  table.align_right({2, 3, 4, 5, 6});
  for (const ReportLine& line : lines) table.add(to_row(line));
  std::string text = table.render();
  const auto left_out = count_partitions(report) - std::ssize(lines);
  if (left_out > 0)
    text += fmt::format("... and {} more partitions: the JSON report has all of them\n", left_out);
  return text;
}

std::string group_lines(const DiffReport& report, size_t max_lines) {
  std::string text;
  size_t told = 0;
  size_t left_out = 0;
  for (const GroupReport& group : report.groups) {
    if (group.detail.empty()) continue;
    if (told++ < max_lines) {
      text += fmt::format("group {}: {}\n", escape_control(group.group.value()),
                          escape_control(group.detail));
    } else {
      ++left_out;
    }
  }
  if (left_out > 0)
    text += fmt::format("... and {} more groups: the JSON report has all of them\n", left_out);
  return text;
}

std::string_view plural(size_t n) {
  return n == 1 ? "" : "s";
}

}  // namespace

std::string counts_line(const DiffReport& report) {
  const std::map<Outcome, int64_t> counts = summarise(report);
  std::string text =
      fmt::format("{} group{}, {} partition{}", report.groups.size(), plural(report.groups.size()),
                  count_partitions(report), plural(static_cast<size_t>(count_partitions(report))));
  const char* separator = ": ";
  for (const Outcome outcome : kByTrouble) {
    const auto found = counts.find(outcome);
    if (found == counts.end()) continue;
    text +=
        fmt::format("{}{} {}", std::exchange(separator, ", "), found->second, to_string(outcome));
  }
  return text + '\n';
}

std::string source_line(const DiffReport& report) {
  const bool through_brokers =
      report.source.zookeeper.empty() && !report.source.bootstrap_servers.empty();
  if (!through_brokers || report.verb == "rollback") return {};
  return "ZooKeeper's offsets were read through the brokers: consumers that are registered in "
         "ZooKeeper could not be looked at.\n";
}

std::string expiry_line(const DiffReport& report) {
  const GroupReport* first = nullptr;
  for (const GroupReport& group : report.groups)
    if (group.expires_at_ms && (!first || *group.expires_at_ms < *first->expires_at_ms))
      first = &group;
  if (!first) return {};
  return fmt::format(
      "Start the consumers before {}: then Kafka drops the offsets of groups that are "
      "still empty (first: {}).\n",
      to_rfc3339(*first->expires_at_ms), escape_control(first->group.value()));
}

namespace {

std::string_view advice_when_changes_are_due(const DiffReport& report) {
  if (summarise(report).contains(Outcome::kPending))
    return "Nothing was written: run again with --execute to carry this out.";
  return "Kafka does not have what it should: look at the lines above, then plan and migrate "
         "again.";
}

std::string_view advice_when_done(const DiffReport& report) {
  if (count_partitions(report) == 0)
    return "There is nothing to do: no offset was found. Check the group names and the chroot.";
  if (report.verb == "verify") return "All is as it should be.";
  if (report.verb == "rollback") return "Done: the earlier offsets stand again.";
  return report.executed ? "Done and verified: the consumers can start on Kafka."
                         : "There is nothing to do.";
}

}  // namespace

std::string_view advice(const DiffReport& report) {
  switch (exit_code_of(report)) {
    case 0:
      return advice_when_done(report);
    case 2:
      return "Correct the arguments and run again.";
    case 3:
      return advice_when_changes_are_due(report);
    case 4:
      return "Some offsets are refused: remove the causes above, or choose a policy, and plan "
             "again.";
    case 5:
      return "A server could not be reached: run again when it can be.";
    case 6:
      return "Some of the work is done: run again with --resume to finish it.";
    case 7:
      return "A right is missing: have it granted and run again.";
    case 130:
      return "Interrupted: run again with --resume to finish what was begun.";
    default:
      return "Some of the work failed: remove the causes above and run again.";
  }
}

namespace {

bool is_plain(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

// RFC 4180, which is how Jackson's CSV reader takes quotes.
std::string csv_cell(const std::string& name) {
  if (is_plain(name)) return name;
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string to_table(const DiffReport& report, size_t max_lines) {
  std::string text = partition_lines(report, max_lines) + group_lines(report, max_lines);
  text += (text.empty() ? "" : "\n") + counts_line(report);
  if (report.error) {
    text += fmt::format("error: {}\n", escape_control(report.error->message));
    if (!report.error->hint.empty())
      text += fmt::format("hint: {}\n", escape_control(report.error->hint));
  }
  text += source_line(report);
  return text + std::string(advice(report)) + '\n' + expiry_line(report);
}

std::string to_csv(const DiffReport& report) {
  std::string csv;
  for (const GroupReport& group : report.groups) {
    const std::string group_cell = csv_cell(group.group.value());
    for (const PartitionReport& partition : group.partitions) {
      const bool pending = partition.outcome == Outcome::kPending;
      const auto& offset = pending ? partition.planned_offset : partition.kafka_offset;
      if (!offset) continue;
      csv += fmt::format("{},{},{},{}\n", group_cell, csv_cell(partition.topic.value()),
                         partition.partition, *offset);
    }
  }
  return csv;
}

}  // namespace kferry::verify
