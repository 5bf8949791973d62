#include "replicate/status_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/text_table.h"
#include "replicate/flow_health.h"
#include "replicate/flow_totals.h"
#include "replicate/mirror_progress.h"

namespace kferry::replicate {
namespace {

std::string number_or_dash(int64_t number) {
  return number < 0 ? "-" : std::to_string(number);
}

std::string age(int64_t at_ms, int64_t now_ms) {
  const int64_t seconds = std::max<int64_t>(0, now_ms - at_ms) / 1000;
  if (seconds < 120) return fmt::format("{} s ago", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h ago", seconds / 3600);
  return fmt::format("{} d ago", seconds / 86400);
}

std::string more(size_t shown, size_t all, const char* what) {
  if (shown >= all) return {};
  return fmt::format("... and {} more {}: --format json has all of them\n", all - shown, what);
}

std::string head(const FlowStatus& status, int64_t now_ms) {
  const auto running = std::ranges::count_if(status.processes, &ProcessStatus::running);
  std::string text = fmt::format("flow {}: ", escape_control(status.flow));
  if (is_finished(status))
    text += "the move is over\n";
  else if (problems_of(status).empty())
    text += "well\n";
  else
    text += "needs attention\n";
  if (status.processes.empty())
    text += "no process of the mirror has told of itself\n";
  else
    text += fmt::format("as of {}, {}; {} process{} running\n", to_rfc3339(status.taken_at_ms),
                        age(status.taken_at_ms, now_ms), running, running == 1 ? "" : "es");
  return text + progress_line(status, status.rates) + "\n";
}

std::string problem_lines(const FlowStatus& status, size_t most_lines) {
  const std::vector<std::string> problems = problems_of(status);
  if (problems.empty()) return {};
  std::string text = "\nLook at this:\n";
  const size_t shown = std::min(most_lines, problems.size());
  for (size_t i = 0; i < shown; ++i) text += fmt::format("  {}\n", escape_control(problems[i]));
  return text + more(shown, problems.size(), "of them");
}

std::string pause_of(const MovedGroup& moved) {
  if (const auto pause = moved.pause_ms())
    return fmt::format("{:.1f} s without consumers", static_cast<double>(*pause) / 1000);
  if (moved.empty_at_ms < 0) return "it had no consumers";
  return moved.alive_at_ms < 0 ? "its consumers have not started on the target yet"
                               : "at work on the target";
}

std::string cutover_lines(const FlowStatus& status, int64_t now_ms, size_t most_lines) {
  if (!status.cutover) return {};
  constexpr int64_t kLeaderGoneMs = 10'000;
  const CutoverRecord& record = status.cutover->record;
  std::string text = fmt::format("\nCut-over: {}", to_string(record.state));
  if (!record.history.empty())
    text += fmt::format(" since {}", to_rfc3339(record.history.back().second));
  text += "\n";
  if (!record.waiting.empty())
    text += fmt::format("  waiting for: {}\n", escape_control(record.waiting));
  if (!is_finished(status) &&
      (record.runner.empty() || now_ms - record.runner_at_ms > kLeaderGoneMs))
    text += "  nobody leads it now: `kferry cutover` goes on with it\n";
  size_t shown = 0;
  for (const auto& [group, moved] : status.cutover->moved) {
    if (++shown > most_lines) break;
    text +=
        fmt::format("  group '{}' has moved: {}\n", escape_control(group.value()), pause_of(moved));
  }
  return text + more(std::min(shown, most_lines), status.cutover->moved.size(), "groups");
}

std::string mode_of(const PartitionTotals& totals) {
  if (totals.identity == totals.partitions) return "identity";
  if (totals.identity == 0) return "translate";
  return fmt::format("translate {}", totals.partitions - totals.identity);
}

std::string phase_of(const TopicTotals& topic) {
  if (topic.in(topic.worst) == topic.partitions) return std::string(to_string(topic.worst));
  return fmt::format("{} {}", to_string(topic.worst), topic.in(topic.worst));
}

std::string topic_lines(const FlowStatus& status, size_t most_lines) {
  std::vector<TopicTotals> topics = topics_of(status);
  std::ranges::stable_sort(topics, [](const TopicTotals& one, const TopicTotals& other) {
    return is_worse(one.worst, other.worst);
  });
  TextTable table({"TOPIC", "PARTITIONS", "LAG", "MODE", "PHASE", "WHY"});
  table.align_right({1, 2});
  for (const TopicTotals& topic : topics) {
    if (table.size() == most_lines) break;
    table.add({topic.topic.value(), std::to_string(topic.partitions),
               topic.known > 0 ? std::to_string(topic.lag) : "-", mode_of(topic), phase_of(topic),
               topic.why()});
  }
  if (topics.empty()) return "\nNo topic is mirrored yet.\n";
  return "\n" + table.render() + more(table.size(), topics.size(), "topics");
}

std::string partition_lines(const FlowStatus& status, const StatusTableOptions& options) {
  std::vector<const PartitionStatus*> chosen;
  // Where nothing runs, that all of them wait has been said.
  const bool runs = std::ranges::any_of(status.processes, &ProcessStatus::running);
  for (const PartitionStatus& one : status.partitions) {
    const bool ordinary = one.phase == Phase::kCopying || (one.phase == Phase::kWaiting && !runs);
    if (options.all_partitions || !ordinary || !one.identity) chosen.push_back(&one);
  }
  if (chosen.empty()) return {};
  std::ranges::stable_sort(chosen, [](const PartitionStatus* one, const PartitionStatus* other) {
    return is_worse(one->phase, other->phase);
  });
  TextTable table({"TOPIC", "PARTITION", "POSITION", "END", "LAG", "MODE", "PHASE", "WHY"});
  table.align_right({1, 2, 3, 4});
  for (const PartitionStatus* one : chosen) {
    if (table.size() == options.most_lines) break;
    const bool known = one->position.value() >= 0 && one->source_end.value() >= 0;
    table.add({one->source.topic.value(), std::to_string(one->source.partition.value()),
               number_or_dash(one->position.value()), number_or_dash(one->source_end.value()),
               known ? std::to_string(one->lag()) : "-", one->identity ? "identity" : "translate",
               std::string(to_string(one->phase)), one->reason});
  }
  return "\n" + table.render() + more(table.size(), chosen.size(), "partitions");
}

std::string group_lines(const FlowStatus& status, size_t most_lines) {
  if (status.groups.empty()) return {};
  std::vector<const GroupStatus*> groups;
  for (const GroupStatus& one : status.groups) groups.push_back(&one);
  std::ranges::stable_partition(groups,
                                [](const GroupStatus* one) { return needs_attention(*one); });
  TextTable table({"GROUP", "OFFSETS", "ON TARGET", "STATE", "WHY"});
  table.align_right({1, 2});
  for (const GroupStatus* one : groups) {
    if (table.size() == most_lines) break;
    table.add({one->group.value(), std::to_string(one->partitions), std::to_string(one->synced),
               one->state, one->reason});
  }
  return "\n" + table.render() + more(table.size(), groups.size(), "groups");
}

}  // namespace

std::string status_table(const FlowStatus& status, int64_t now_ms,
                         const StatusTableOptions& options) {
  return head(status, now_ms) + problem_lines(status, options.most_lines) +
         cutover_lines(status, now_ms, options.most_lines) +
         topic_lines(status, options.most_lines) + partition_lines(status, options) +
         group_lines(status, options.most_lines);
}

std::string status_line(const FlowStatus& status, int64_t now_ms) {
  std::string text = fmt::format("{}  {}", to_rfc3339(now_ms), progress_line(status, status.rates));
  const auto problems = problems_of(status);
  if (!problems.empty())
    text += fmt::format("; {} to look at: {}", problems.size(), escape_control(problems.front()));
  if (status.cutover && !is_finished(status))
    text += fmt::format("; cut-over {}{}{}", to_string(status.cutover->record.state),
                        status.cutover->record.waiting.empty() ? "" : ", waiting for: ",
                        escape_control(status.cutover->record.waiting));
  return text;
}

}  // namespace kferry::replicate
