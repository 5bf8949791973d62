#include "replicate/flow_health.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "replicate/cutover_rules.h"
#include "replicate/flow_totals.h"

namespace kferry::replicate {
namespace {

std::string_view plural(int64_t n) {
  return n == 1 ? "" : "s";
}

// The first of them by name, the others by number.
std::string partitions_in(const FlowStatus& status, Phase phase, const char* what) {
  int64_t count = 0;
  const PartitionStatus* first = nullptr;
  for (const PartitionStatus& one : status.partitions) {
    if (one.phase != phase) continue;
    if (count++ == 0) first = &one;
  }
  if (count == 0) return {};
  std::string text =
      fmt::format("{} partition{} {}: {}", count, plural(count), what, first->source);
  if (!first->reason.empty()) text += fmt::format(" ({})", first->reason);
  if (count > 1) text += ", ...";
  return text;
}

std::string nobody_runs(const FlowStatus& status) {
  const auto last = std::ranges::max_element(status.processes, {}, &ProcessStatus::told_at_ms);
  if (last == status.processes.end()) return "no mirror is running, and none has told of itself";
  return fmt::format("no mirror is running: process {} {} at {}", last->instance,
                     last->ended ? "ended" : "was last heard of", to_rfc3339(last->told_at_ms));
}

}  // namespace

bool is_finished(const FlowStatus& status) {
  return status.cutover && status.cutover->record.state == CutoverState::kStopped;
}

bool needs_attention(const GroupStatus& group) {
  constexpr std::array<std::string_view, 6> kStates{
      "refused", "unreadable on the source", "unreadable on the target", "live on the target",
      "failed",  "own offsets on the target"};
  return std::ranges::find(kStates, group.state) != kStates.end();
}

std::vector<std::string> problems_of(const FlowStatus& status) {
  std::vector<std::string> problems;
  const auto add = [&](std::string problem) {
    if (!problem.empty()) problems.push_back(std::move(problem));
  };
  add(partitions_in(status, Phase::kQuarantined, "cannot follow"));
  if (is_finished(status)) return problems;
  if (std::ranges::none_of(status.processes, &ProcessStatus::running)) {
    add(nobody_runs(status));
    return problems;
  }
  if (!status.ready) add("the mirror has not reached both clusters yet");
  for (const std::string& trouble : status.troubles) add(trouble);
  add(partitions_in(status, Phase::kWaiting, "waiting"));
  add(partitions_in(status, Phase::kFilling, "still filled up to the log's start"));
  add(partitions_in(status, Phase::kPositioning, "finding the position"));
  const int64_t lag = totals_of(status).lag;
  const double published = status.rates ? status.rates->published_per_second : 0;
  if (const int64_t bound = CatchUp::small_lag(published); lag > bound)
    add(
        fmt::format("the lag is {} records; up to {} counts as close while producers write {:.0f} "
                    "a second",
                    lag, bound, std::max(0.0, published)));
  for (const GroupStatus& group : status.groups)
    if (needs_attention(group))
      add(fmt::format("group '{}': {}{}{}", group.group, group.state,
                      group.reason.empty() ? "" : ": ", group.reason));
  return problems;
}

}  // namespace kferry::replicate
