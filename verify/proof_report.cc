#include "verify/proof_report.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kferry::verify {
namespace {

constexpr std::array<std::pair<GroupOutcome, std::string_view>, 6> kNames{{
    {GroupOutcome::kEqual, "equal"},
    {GroupOutcome::kActive, "active"},
    {GroupOutcome::kMoved, "moved"},
    {GroupOutcome::kDifferent, "different"},
    {GroupOutcome::kMissing, "missing"},
    {GroupOutcome::kUntranslated, "untranslated"},
}};

}  // namespace

std::string_view to_string(GroupOutcome outcome) {
  for (const auto& [known, name] : kNames)
    if (known == outcome) return name;
  return "unknown";
}

std::optional<GroupOutcome> parse_group_outcome(std::string_view word) {
  for (const auto& [known, name] : kNames)
    if (name == word) return known;
  return std::nullopt;
}

bool is_difference(GroupOutcome outcome) {
  return outcome == GroupOutcome::kDifferent || outcome == GroupOutcome::kMissing ||
         outcome == GroupOutcome::kUntranslated;
}

ProofSummary summarise(const ProofReport& report) {
  ProofSummary sum;
  for (const PartitionProof& one : report.partitions) {
    ++sum.partitions;
    sum.records += one.records;
    sum.bytes += one.bytes;
    sum.ranges += one.ranges;
    if (one.differs())
      ++sum.differing;
    else if (!one.trouble.empty())
      ++sum.unread;
    else if (one.done())
      ++sum.equal;
  }
  for (const GroupProof& one : report.groups) {
    ++sum.group_offsets;
    if (is_difference(one.outcome)) ++sum.differing_offsets;
  }
  return sum;
}

int exit_code_of(const ProofReport& report) {
  const ProofSummary sum = summarise(report);
  if (sum.unread > 0) return 1;
  return sum.differing + sum.differing_offsets > 0 || !report.differences.empty() ? 3 : 0;
}

}  // namespace kferry::verify
