// What the book has to say about itself.
#include <algorithm>

#include <fmt/format.h>

#include "replicate/group_book.h"

namespace kferry::replicate {
namespace {

bool stands(GroupVerdict verdict) {
  return verdict == GroupVerdict::kInSync || verdict == GroupVerdict::kKept;
}

bool is_denied(const std::optional<Error>& error) {
  return error && error->kind == ErrorKind::kNotAuthorised;
}

}  // namespace

bool GroupBook::caught_up() const {
  return source_read_ && std::ranges::all_of(groups_, [&](const auto& one) {
           return is_done(one.first, one.second);
         });
}

bool GroupBook::is_done(const GroupId& id, const Group& group) const {
  if (!is_synced(id) || is_denied(group.source_error) || is_denied(group.target_error)) return true;
  if (group.source_error || group.target_error) return false;
  if (group.entries.empty() || !group.live.empty()) return true;
  return (group.target_read || !rules_.commit) &&
         std::ranges::all_of(group.entries,
                             [&](const auto& one) { return is_done(one.first, one.second); });
}

bool GroupBook::is_done(const TopicPartition& source, const Entry& entry) const {
  if (!rules_.commit && entry.settled) return true;
  if (stands(entry.verdict) || entry.denied || entry.before_start || gone_.contains(source))
    return true;
  if (entry.verdict == GroupVerdict::kPartly && is_mixed(entry)) return true;
  return (entry.verdict == GroupVerdict::kPartly || entry.verdict == GroupVerdict::kUntold) &&
         rules_.mirroring(source) == Mirroring::kStuck;
}

std::vector<GroupStatus> GroupBook::status() const {
  std::map<GroupId, GroupStatus> all;
  for (const auto& [id, group] : groups_) all[id] = status_of(id, group);
  for (const auto& [id, why] : refusals_) {
    all[id].group = id;
    all[id].state = "refused";
    all[id].reason = why;
  }
  std::vector<GroupStatus> ordered;
  for (auto& [id, status] : all) ordered.push_back(std::move(status));
  return ordered;
}

GroupStatus GroupBook::status_of(const GroupId& id, const Group& group) const {
  GroupStatus status;
  status.group = id;
  status.partitions = static_cast<int64_t>(group.entries.size());
  status.synced_at_ms = group.synced_at_ms;
  status.latency_ms = group.latency_ms;
  describe(group, status);
  if (moved_.contains(id)) {
    status.state = "moved";
    status.reason = "its consumers are on the target";
  }
  const auto add = [&](int64_t count, const char* what) {
    if (count > 0)
      status.reason += fmt::format("{}{} {}", status.reason.empty() ? "" : "; ", count, what);
  };
  add(std::ranges::count_if(group.entries, [](const auto& one) { return one.second.before_start; }),
      "partitions: its offset lies before the first record that was mirrored");
  add(group.ignored, "partitions of topics that are not mirrored");
  return status;
}

// State, reason and the number of partitions that stand.
void GroupBook::describe(const Group& group, GroupStatus& status) const {
  const auto count = [&](GroupVerdict verdict) {
    return std::ranges::count_if(group.entries, [&](const auto& one) {
      return one.second.verdict == verdict && !one.second.before_start;
    });
  };
  const auto say = [&](const char* state, std::string reason) {
    status.state = state;
    status.reason = std::move(reason);
  };
  status.synced = count(GroupVerdict::kInSync);
  const auto troubled = std::ranges::find_if(
      group.entries, [](const auto& one) { return !one.second.trouble.empty(); });
  if (group.source_error) return say("unreadable on the source", group.source_error->message);
  if (group.target_error) return say("unreadable on the target", group.target_error->message);
  if (!group.live.empty())
    return say("live on the target", group.live + "; its offsets there are its own");
  if (troubled != group.entries.end()) return say("failed", troubled->second.trouble);
  if (group.entries.empty()) return say("no offsets", "of topics that are mirrored");
  if (!rules_.commit) return say("checkpoints only", "");
  if (const auto mixed = std::ranges::count_if(
          group.entries, [](const auto& one) { return is_mixed(one.second); });
      mixed > 0)
    return say(
        "among mixed records",
        fmt::format("in {} partitions: held before them until it has consumed them all", mixed));
  if (const auto partly = count(GroupVerdict::kPartly); partly > 0)
    return say("waiting for records", fmt::format("of {} partitions", partly));
  if (const auto untold = count(GroupVerdict::kUntold); untold > 0)
    return say("not mirrored yet", fmt::format("{} partitions", untold));
  if (count(GroupVerdict::kWrite) > 0 || !group.target_read) return say("syncing", "");
  if (const auto kept = count(GroupVerdict::kKept); kept > 0)
    return say("own offsets on the target",
               fmt::format("in {} partitions others have committed there; delete its offsets on "
                           "the target to have them synced again",
                           kept));
  say("synced", "");
}

}  // namespace kferry::replicate
