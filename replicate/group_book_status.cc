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
  return source_read_ &&
         std::ranges::all_of(groups_, [&](const auto& one) { return is_done(one.second); });
}

bool GroupBook::is_done(const Group& group) const {
  if (group.refusal || is_denied(group.source_error) || is_denied(group.target_error)) return true;
  if (group.source_error || group.target_error) return false;
  if (group.entries.empty() || !group.live.empty()) return true;
  return group.target_read && std::ranges::all_of(group.entries, [&](const auto& one) {
           return is_done(one.first, one.second);
         });
}

bool GroupBook::is_done(const TopicPartition& source, const Entry& entry) const {
  if (stands(entry.verdict) || entry.denied || entry.before_start || gone_.contains(source))
    return true;
  return (entry.verdict == GroupVerdict::kPartly || entry.verdict == GroupVerdict::kUntold) &&
         rules_.mirroring(source) == Mirroring::kStuck;
}

std::vector<GroupStatus> GroupBook::status() const {
  std::vector<GroupStatus> all;
  for (const auto& [id, group] : groups_) all.push_back(status_of(id, group));
  return all;
}

GroupStatus GroupBook::status_of(const GroupId& id, const Group& group) const {
  GroupStatus status;
  status.group = id;
  status.partitions = static_cast<int64_t>(group.entries.size());
  status.synced_at_ms = group.synced_at_ms;
  status.latency_ms = group.latency_ms;
  const auto count = [&](auto&& matches) {
    return std::ranges::count_if(group.entries,
                                 [&](const auto& one) { return matches(one.second); });
  };
  const auto with = [&](GroupVerdict verdict) {
    return count([&](const Entry& one) { return one.verdict == verdict && !one.before_start; });
  };
  status.synced = with(GroupVerdict::kInSync);
  const auto say = [&](std::string state, std::string reason) {
    status.state = std::move(state);
    status.reason = std::move(reason);
  };
  const auto troubled = std::ranges::find_if(
      group.entries, [](const auto& one) { return !one.second.trouble.empty(); });
  const int64_t before = count([](const Entry& one) { return one.before_start; });
  if (group.refusal)
    say("refused", *group.refusal);
  else if (group.source_error)
    say("unreadable on the source", group.source_error->message);
  else if (group.target_error)
    say("unreadable on the target", group.target_error->message);
  else if (!group.live.empty())
    say("live on the target", group.live + "; its offsets there are its own");
  else if (troubled != group.entries.end())
    say("failed", troubled->second.trouble);
  else if (group.entries.empty())
    say("no offsets", "of topics that are mirrored");
  else if (const auto partly = with(GroupVerdict::kPartly); partly > 0)
    say("waiting for records", fmt::format("of {} partitions", partly));
  else if (const auto untold = with(GroupVerdict::kUntold); untold > 0)
    say("not mirrored yet", fmt::format("{} partitions", untold));
  else if (with(GroupVerdict::kWrite) > 0 || !group.target_read)
    say("syncing", "");
  else if (const auto kept = with(GroupVerdict::kKept); kept > 0)
    say("own offsets on the target",
        fmt::format("in {} partitions others have committed there; delete its offsets on the "
                    "target to have them synced again",
                    kept));
  else
    say("synced", "");
  if (before > 0)
    status.reason += fmt::format("{}{} partitions: its offset lies before the first record that "
                                 "was mirrored",
                                 status.reason.empty() ? "" : "; ", before);
  if (group.ignored > 0)
    status.reason += fmt::format("{}{} partitions of topics that are not mirrored",
                                 status.reason.empty() ? "" : "; ", group.ignored);
  return status;
}

}  // namespace kferry::replicate
