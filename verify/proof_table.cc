// The proof's report as a table for people.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/text_table.h"
#include "verify/proof_report.h"

namespace kferry::verify {
namespace {

std::string outcome_of(const PartitionProof& one) {
  if (one.differs()) return std::string(to_string(one.difference->kind));
  if (!one.trouble.empty()) return "unread";
  if (one.done()) return "equal";
  return "open";
}

std::string detail_of(const PartitionProof& one) {
  if (!one.differs()) {
    std::string text = one.trouble;
    if (one.compacted > 0)
      text += fmt::format("{}{} records compacted away on one side", text.empty() ? "" : "; ",
                          one.compacted);
    if (one.foreign > 0)
      text += fmt::format("{}{} records of other writers on the target", text.empty() ? "" : "; ",
                          one.foreign);
    return text;
  }
  std::string text = fmt::format("first at offset {}", one.difference->offset);
  if (one.difference->target_offset && *one.difference->target_offset != one.difference->offset)
    text += fmt::format(" (target: {})", *one.difference->target_offset);
  text += ": " + one.difference->detail;
  if (one.differing_ranges > 1)
    text += fmt::format("; {} ranges differ in all", one.differing_ranges);
  return text;
}

// Those in trouble first, else as they were.
template <class T, class Bad>
std::vector<const T*> worst_first(const std::vector<T>& all, const Bad& bad) {
  std::vector<const T*> order;
  for (const T& one : all) order.push_back(&one);
  std::ranges::stable_partition(order, [&](const T* one) { return bad(*one); });
  return order;
}

std::string partitions_table(const std::vector<PartitionProof>& partitions, size_t max_lines) {
  TextTable table(
      {"TOPIC", "PARTITION", "SOURCE", "TARGET", "RECORDS", "OFFSETS", "OUTCOME", "DETAIL"});
  table.align_right({1, 2, 3, 4});
  const auto order = worst_first(
      partitions, [](const PartitionProof& one) { return one.differs() || !one.trouble.empty(); });
  for (size_t i = 0; i < std::min(order.size(), max_lines); ++i) {
    const PartitionProof& one = *order[i];
    table.add({one.source.topic.value(), fmt::format("{}", one.source.partition),
               fmt::format("{}..{}", one.source_begin, one.source_end),
               fmt::format("{}..{}", one.target_begin, one.target_end),
               fmt::format("{}", one.records), one.identity ? "identity" : "translated",
               outcome_of(one), detail_of(one)});
  }
  std::string text = table.render();
  if (order.size() > max_lines)
    text += fmt::format("... and {} more partitions\n", order.size() - max_lines);
  return text;
}

std::string offset_text(const std::optional<int64_t>& offset) {
  return offset ? fmt::format("{}", *offset) : std::string("-");
}

std::string groups_table(const std::vector<GroupProof>& groups, size_t max_lines) {
  if (groups.empty()) return {};
  TextTable table({"GROUP", "TOPIC", "PARTITION", "SOURCE", "EXPECTED", "TARGET", "OUTCOME"});
  table.align_right({2, 3, 4, 5});
  const auto order =
      worst_first(groups, [](const GroupProof& one) { return is_difference(one.outcome); });
  for (size_t i = 0; i < std::min(order.size(), max_lines); ++i) {
    const GroupProof& one = *order[i];
    table.add({one.group, one.source.topic.value(), fmt::format("{}", one.source.partition),
               fmt::format("{}", one.source_offset), offset_text(one.expected),
               offset_text(one.target_offset), std::string(to_string(one.outcome))});
  }
  std::string text = "\n" + table.render();
  if (order.size() > max_lines)
    text += fmt::format("... and {} more offsets\n", order.size() - max_lines);
  return text;
}

std::string closing(const ProofReport& report, const ProofSummary& sum) {
  if (!report.complete) return "Not finished: the same command with --resume goes on.\n";
  switch (exit_code_of(report)) {
    case 0:
      return report.scope.sample_percent < 100
                 ? fmt::format(
                       "The same on both sides, as far as this sample of {} % of the "
                       "ranges goes: it is no proof of the rest.\n",
                       report.scope.sample_percent)
                 : std::string("The same on both sides.\n");
    case 3:
      return "Source and target differ.\n";
    default:
      return fmt::format("{} partitions could not be compared.\n", sum.unread);
  }
}

}  // namespace

std::string to_words(const ProofReport& report) {
  const ProofSummary sum = summarise(report);
  const std::string sample = report.scope.sample_percent < 100
                                 ? fmt::format(" (a sample of {} %)", report.scope.sample_percent)
                                 : std::string();
  if (report.complete && exit_code_of(report) == 0)
    return fmt::format("{} partitions, {} records{} and {} group offsets are the same",
                       sum.partitions, sum.records, sample, sum.group_offsets);
  for (const PartitionProof& one : report.partitions)
    if (one.differs() || !one.trouble.empty())
      return fmt::format("{}: {}", one.source, one.differs() ? detail_of(one) : one.trouble);
  for (const GroupProof& one : report.groups)
    if (is_difference(one.outcome))
      return fmt::format("group '{}' on {}: {} on the source, {} on the target instead of {} ({})",
                         one.group, one.source, one.source_offset, offset_text(one.target_offset),
                         offset_text(one.expected), to_string(one.outcome));
  return report.differences.empty() ? "not finished" : report.differences.front();
}

std::string to_table(const ProofReport& report, size_t max_lines) {
  const ProofSummary sum = summarise(report);
  std::string text = partitions_table(report.partitions, max_lines);
  text += groups_table(report.groups, max_lines);
  if (!text.empty()) text += "\n";
  for (const std::string& one : report.differences)
    text += "difference: " + escape_control(one) + "\n";
  for (const std::string& one : report.notes) text += "note: " + escape_control(one) + "\n";
  text +=
      fmt::format("{} partitions: {} equal, {} differ, {} not read; {} records in {} ranges",
                  sum.partitions, sum.equal, sum.differing, sum.unread, sum.records, sum.ranges);
  if (sum.group_offsets > 0)
    text += fmt::format("; {} group offsets, {} differ", sum.group_offsets, sum.differing_offsets);
  return text + "; " + fmt::format("{} s\n", report.seconds) + closing(report, sum);
}

}  // namespace kferry::verify
