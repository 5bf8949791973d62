#include "replicate/cutover_rules.h"

#include <algorithm>

#include <fmt/format.h>

namespace kferry::replicate {
namespace {

// How long a group that is empty on both sides has been so, in words.
std::string seconds_since(int64_t at_ms, int64_t now_ms) {
  return fmt::format("{:.1f} s", static_cast<double>(std::max<int64_t>(0, now_ms - at_ms)) / 1000);
}

std::string name_of(const TopicPartition& partition) {
  return fmt::format("{}", partition);
}

// Why the group's offsets on the target are not yet what the source's are; empty: they are.
std::string difference(const GroupFacts& group) {
  for (const auto& [partition, committed] : group.source) {
    const auto found = group.translations.find(partition);
    const auto& translation = found->second;
    if (!translation) return fmt::format("nothing can be said of {} on the target yet", partition);
    if (translation->mixed)
      return fmt::format(
          "it stands at {} of {}, among records that lie in another order on the "
          "target; let its consumers go on on the source for a moment",
          committed.offset, partition);
    if (!translation->complete)
      return fmt::format("records of {} up to {} are still to be copied", partition,
                         committed.offset);
    const auto target = group.target.find(translation->target);
    if (target == group.target.end())
      return fmt::format("the mirror has not committed {} on the target yet", translation->target);
    if (target->second.offset.value() != translation->offset.value())
      return fmt::format("{} is at {} on the target, it must be at {}", translation->target,
                         target->second.offset, translation->offset);
  }
  return {};
}

// Whether anybody has committed on the target since it was moved.
bool has_moved_on(const GroupFacts& group, const MovedGroup& moved) {
  for (const auto& [partition, offsets] : moved.offsets) {
    const auto translation = group.translations.find(partition);
    if (translation == group.translations.end() || !translation->second) continue;
    const auto target = group.target.find(translation->second->target);
    if (target == group.target.end()) continue;
    if (target->second.offset.value() != offsets.second.value()) return true;
  }
  return false;
}

}  // namespace

std::string some_of(const std::vector<std::string>& words, size_t most) {
  const size_t shown = std::min(words.size(), most);
  std::string text = fmt::format(
      "{}", fmt::join(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < words.size()) text += fmt::format(" and {} more", words.size() - shown);
  return text;
}

std::string trouble_with_copy(const CutoverFacts& facts) {
  if (!facts.unattended.empty()) {
    std::vector<std::string> names;
    for (const TopicPartition& one : facts.unattended) names.push_back(name_of(one));
    return fmt::format("no process of the mirror attends to {}: is kferry replicate running?",
                       some_of(names));
  }
  std::vector<std::string> stuck;
  for (const auto& [partition, one] : facts.partitions)
    if (one.phase == Phase::kQuarantined)
      stuck.push_back(fmt::format("{} cannot follow: {}", partition, one.reason));
  return stuck.empty() ? "" : some_of(stuck, 1);
}

std::string CatchUp::take(const CutoverFacts& facts) {
  int64_t published = 0;
  for (const auto& [partition, end] : facts.source_ends) published += end.value();
  samples_.push_back({facts.at_ms, published});
  while (samples_.front().at_ms < facts.at_ms - kWindowMs && samples_.size() > 2)
    samples_.pop_front();
  const int64_t span_ms = facts.at_ms - samples_.front().at_ms;
  rate_ = span_ms > 0 ? static_cast<double>(published - samples_.front().published) * 1000 /
                            static_cast<double>(span_ms)
                      : 0;
  if (auto trouble = trouble_with_copy(facts); !trouble.empty()) {
    close_since_ms_ = -1;
    return trouble;
  }
  const int64_t bound = small_lag(rate_);
  const int64_t lag = facts.lag();
  if (lag > bound) {
    close_since_ms_ = -1;
    return fmt::format("the lag is {} records, at {:.0f} records/s it must be {} or less", lag,
                       rate_, bound);
  }
  if (close_since_ms_ < 0) close_since_ms_ = facts.at_ms;
  if (facts.at_ms - close_since_ms_ < kWindowMs)
    return fmt::format("the lag is {} records; it must stay small for {} s more", lag,
                       (kWindowMs - (facts.at_ms - close_since_ms_) + 999) / 1000);
  return {};
}

std::string SourceQuiet::take(const CutoverFacts& facts) {
  std::vector<std::string> growing;
  for (const auto& [partition, end] : facts.source_ends) {
    const auto [at, is_new] = ends_.try_emplace(partition, End{end, facts.at_ms});
    if (!is_new && end != at->second.end) at->second = {end, facts.at_ms};
    if (facts.at_ms - at->second.grown_at_ms < quiet_ms_) growing.push_back(name_of(partition));
  }
  if (growing.empty()) return {};
  return fmt::format("the source has got records within the last {} s: {}", quiet_ms_ / 1000,
                     some_of(growing));
}

std::vector<Alarm> SourceQuiet::grown_since_settled(const CutoverFacts& facts) const {
  std::vector<Alarm> grown;
  for (const auto& [partition, end] : facts.source_ends) {
    const auto before = settled_.find(partition);
    if (settled_.empty() || (before != settled_.end() && end <= before->second)) continue;
    const int64_t was = before == settled_.end() ? 0 : before->second.value();
    if (end.value() == was) continue;
    grown.push_back({fmt::format("producers of {}", partition),
                     fmt::format("a producer still writes to {} on the source: {} records since it "
                                 "was taken for quiet",
                                 partition, end.value() - was)});
  }
  return grown;
}

std::string not_drained(const CutoverFacts& facts) {
  if (auto trouble = trouble_with_copy(facts); !trouble.empty()) return trouble;
  std::vector<std::string> behind;
  for (const auto& [partition, end] : facts.source_ends) {
    const auto found = facts.partitions.find(partition);
    const int64_t at = found == facts.partitions.end() ? -1 : found->second.position.value();
    if (at < end.value()) behind.push_back(fmt::format("{} at {} of {}", partition, at, end));
  }
  return behind.empty() ? "" : "records are still to be copied: " + some_of(behind);
}

std::map<GroupId, GroupMove> GroupMoves::take(const CutoverFacts& facts,
                                              const std::optional<std::set<GroupId>>& scope,
                                              std::set<GroupId>& lived) {
  std::map<GroupId, GroupMove> moves;
  for (const auto& [id, group] : facts.groups) {
    if (scope && !scope->contains(id)) continue;
    if (group.lives_on_source() && !facts.moved.contains(id)) lived.insert(id);
    const auto moved = facts.moved.find(id);
    if (moved != facts.moved.end()) {
      moves[id] = follow(group, moved->second, facts.at_ms);
      continue;
    }
    GroupMove move = judge(group, watched_[id], facts.at_ms);
    // One that never had members is not waited for on the target either.
    if (!lived.contains(id)) move.moved.empty_at_ms = -1;
    moves[id] = std::move(move);
  }
  for (const GroupId& id : scope.value_or(std::set<GroupId>()))
    if (!facts.groups.contains(id))
      moves[id] = {GroupMove::Stage::kWaits, "there is no such group on the source", {}};
  return moves;
}

GroupMove GroupMoves::judge(const GroupFacts& group, Watched& watched, int64_t now_ms) const {
  const auto waits = [](std::string why) {
    return GroupMove{GroupMove::Stage::kWaits, std::move(why), {}};
  };
  if (!group.trouble.empty()) return waits(group.trouble);
  const auto before = std::exchange(watched.last, group.source);
  if (group.lives_on_source()) {
    watched.empty_at_ms = -1;
    return waits(fmt::format("stop its consumers on the source: {}", group.source_members.empty()
                                                                         ? group.source_state
                                                                         : group.source_members));
  }
  if (watched.empty_at_ms < 0) watched.empty_at_ms = now_ms;
  if (!before || *before != group.source) return waits("its last commit is being waited for");
  // At work on the target already: what it has there is its own.
  if (auto why = group.lives_on_target() ? "" : difference(group); !why.empty())
    return waits(std::move(why));
  GroupMove move{GroupMove::Stage::kReady, {}, {}};
  move.moved.empty_at_ms = watched.empty_at_ms;
  move.moved.moved_at_ms = now_ms;
  if (group.lives_on_target()) move.moved.alive_at_ms = now_ms;
  for (const auto& [partition, committed] : group.source) {
    const auto& translation = group.translations.at(partition);
    move.moved.offsets[partition] = {SourceOffset(committed.offset.value()),
                                     translation ? translation->offset : TargetOffset(-1)};
  }
  return move;
}

GroupMove GroupMoves::follow(const GroupFacts& group, const MovedGroup& moved,
                             int64_t now_ms) const {
  GroupMove move{GroupMove::Stage::kMoved, {}, moved};
  if (moved.alive_at_ms < 0 && (group.lives_on_target() || has_moved_on(group, moved)))
    move.moved.alive_at_ms = now_ms;
  if (move.moved.alive_at_ms >= 0)
    move.stage = GroupMove::Stage::kAlive;
  else if (moved.empty_at_ms >= 0)
    move.waiting = fmt::format("start its consumers on the target; it is without any for {}",
                               seconds_since(moved.empty_at_ms, now_ms));
  return move;
}

std::vector<Alarm> alarms_of(const CutoverFacts& facts) {
  std::vector<Alarm> alarms;
  for (const auto& [id, moved] : facts.moved) {
    const auto group = facts.groups.find(id);
    if (group == facts.groups.end()) continue;
    if (group->second.lives_on_source())
      alarms.push_back({fmt::format("members of {}", id),
                        fmt::format("group '{}' has two homes: it was moved, and has members on "
                                    "the source: {}",
                                    id, group->second.source_members)});
    for (const auto& [partition, committed] : group->second.source) {
      const auto last = moved.offsets.find(partition);
      if (last != moved.offsets.end() && last->second.first.value() == committed.offset.value())
        continue;
      alarms.push_back({fmt::format("commits of {}", id),
                        fmt::format("group '{}' has two homes: it was moved, and has committed {} "
                                    "for {} on the source since",
                                    id, committed.offset, partition)});
      break;
    }
  }
  return alarms;
}

}  // namespace kferry::replicate
