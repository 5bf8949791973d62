#include "replicate/group_book.h"

#include <algorithm>
#include <limits>

#include "replicate/cutover_state.h"
#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

constexpr SourceOffset kEndOfTime{std::numeric_limits<int64_t>::max()};

// OffsetCommit answers these when the group has members (Kafka: GroupCoordinator.doCommitOffsets,
// ConsumerGroup.validateOffsetCommit).
bool means_live(int16_t code) {
  constexpr int16_t kFencedInstanceId = 82;
  constexpr int16_t kStaleMemberEpoch = 113;
  return code == wire::kUnknownMemberId || code == wire::kIllegalGeneration ||
         code == wire::kRebalanceInProgress || code == kFencedInstanceId ||
         code == kStaleMemberEpoch;
}

bool is_idle(const std::string& state) {
  return state == "Empty" || state == "Dead";
}

SourceOffset source_offset(const groupproto::CommittedOffset& committed) {
  return SourceOffset(committed.offset.value());
}

}  // namespace

Result<> GroupBook::learn(const std::string& key, const std::optional<std::string>& value,
                          bool running) {
  if (key.starts_with(kMovedPrefix)) {
    learn_moved(GroupId(key.substr(kMovedPrefix.size())), value.has_value());
    return {};
  }
  // A deleted record only has to have a readable key.
  KFERRY_TRY(const auto record, parse_group_record(key, value.value_or(R"({"committed":[]})")));
  if (!record) return {};
  if (!record->target) {
    memories_[record->group].lived = value.has_value();
    return {};
  }
  const TopicPartition& target = *record->target;
  const std::string& name = target.topic.value();
  if (running && name.starts_with(rules_.topic_prefix)) {
    const TopicPartition source{TopicName(name.substr(rules_.topic_prefix.size())),
                                target.partition};
    if (rules_.mirroring(source) != Mirroring::kElsewhere) return {};
  }
  if (value)
    memories_[record->group].commits[target] = record->commits;
  else
    memories_[record->group].commits.erase(target);
  return {};
}

// A group that comes back from the target is synced as it was before it had members there.
void GroupBook::learn_moved(const GroupId& id, bool moved) {
  if (moved) {
    moved_.insert(id);
  } else if (moved_.erase(id) > 0) {
    memories_[id].lived = false;
    changed_lived_.insert(id);
    taken_back_.insert(id);
  }
}

void GroupBook::take_back(const GroupId& id, const Group& group) {
  for (const auto& [source, entry] : group.entries) {
    if (!entry.translation) continue;
    const auto now = group.target.find(entry.translation->target);
    if (now == group.target.end()) continue;
    memories_[id].commits[now->first].attempt(TargetOffset(now->second.offset.value()));
    remember(id, now->first);
  }
  taken_back_.erase(id);
}

bool GroupBook::is_mirrored(const TopicName& topic) {
  const auto known = mirrored_.find(topic);
  if (known != mirrored_.end()) return known->second;
  return mirrored_[topic] = rules_.is_mirrored(topic);
}

const std::string* GroupBook::refusal(const GroupId& id) const {
  const auto found = refusals_.find(id);
  return found == refusals_.end() ? nullptr : &found->second;
}

void GroupBook::set_refusals(GroupRefusals refusals) {
  for (const auto& [id, why] : refusals_) {
    const auto group = groups_.find(id);
    if (group == groups_.end() || refusals.contains(id)) continue;
    // Released: its checkpoints are due.
    for (auto& [source, entry] : group->second.entries) entry.settled = false;
  }
  refusals_ = std::move(refusals);
}

void GroupBook::take_source(const groupproto::OffsetsByGroup& read, int64_t now_ms) {
  source_read_ = true;
  std::erase_if(groups_, [&](const auto& one) { return !read.contains(one.first); });
  for (const auto& [id, offsets] : read) {
    Group& group = groups_[id];
    group.source_error.reset();
    if (offsets)
      take_group(id, group, *offsets, now_ms);
    else
      group.source_error = offsets.error();
  }
}

void GroupBook::take_group(const GroupId& id, Group& group, const groupproto::GroupOffsets& read,
                           int64_t now_ms) {
  if (group.source == read) return;
  const groupproto::GroupOffsets before = std::exchange(group.source, read);
  group.ignored = 0;
  std::erase_if(group.entries, [&](const auto& one) { return !read.contains(one.first); });
  for (const auto& [partition, committed] : read) {
    if (!is_mirrored(partition.topic)) {
      ++group.ignored;
      continue;
    }
    const auto old = before.find(partition);
    if (old != before.end() && old->second == committed) continue;
    if (rules_.mirroring(partition) == Mirroring::kElsewhere) continue;
    Entry& entry = group.entries[partition];
    entry.settled = false;
    entry.seen_at_ms = now_ms;
    entry.attempted = false;
    entry.blocked_until_ms = 0;
    entry.checkpoint_due = true;
    translate(id, group, partition, entry);
    judge(id, group, partition, entry);
  }
}

void GroupBook::translate(const GroupId& id, const Group& group, const TopicPartition& source,
                          Entry& entry) {
  if (entry.settled) return;
  const auto& committed = group.source.at(source);
  auto translation = translator_.translate(source, source_offset(committed));
  entry.settled = translation && translation->complete;
  entry.before_start = !translation && translator_.translate(source, kEndOfTime).has_value();
  const bool moved =
      translation && (!entry.translation || entry.translation->offset != translation->offset ||
                      entry.translation->target != translation->target);
  entry.translation = std::move(translation);
  if (!rules_.collect_checkpoints || !entry.translation || refusal(id)) return;
  if (moved || entry.checkpoint_due)
    checkpoints_.push_back({id, entry.translation->target, source_offset(committed),
                            entry.translation->offset, committed.metadata});
  entry.checkpoint_due = false;
}

PartitionView GroupBook::view(const GroupId& id, const Group& group, const TopicPartition& source,
                              const Entry& entry) const {
  PartitionView view{group.source.at(source), entry.translation, {}, {}, false};
  const auto memory = memories_.find(id);
  if (memory != memories_.end()) view.lived_on_target = memory->second.lived;
  if (!entry.translation) return view;
  const auto target = group.target.find(entry.translation->target);
  if (target != group.target.end()) view.target = target->second;
  if (memory == memories_.end()) return view;
  const auto ours = memory->second.commits.find(entry.translation->target);
  if (ours != memory->second.commits.end()) view.ours = ours->second;
  return view;
}

void GroupBook::judge(const GroupId& id, const Group& group, const TopicPartition& source,
                      Entry& entry) {
  entry.verdict = decide(view(id, group, source, entry));
}

std::set<TopicPartition> GroupBook::untold() const {
  std::set<TopicPartition> found;
  for (const auto& [id, group] : groups_)
    for (const auto& [source, entry] : group.entries)
      if (!entry.translation && !entry.before_start) found.insert(source);
  return found;
}

std::vector<GroupId> GroupBook::due(int64_t now_ms, bool all) {
  std::vector<GroupId> groups;
  for (auto& [id, group] : groups_) {
    if (all) {
      for (const auto& [source, committed] : group.source) {
        if (!is_mirrored(source.topic)) continue;
        if (rules_.mirroring(source) == Mirroring::kElsewhere)
          group.entries.erase(source);
        else if (const auto [at, is_new] = group.entries.try_emplace(source); is_new)
          at->second.seen_at_ms = now_ms;
        else
          at->second.settled = false;
      }
    }
    const bool needed = needs_commit(id, group, now_ms);
    if (is_synced(id) && (all || needed)) groups.push_back(id);
  }
  if (!rules_.commit) return {};
  if (all)
    for (const auto& [id, memory] : memories_)
      if (!groups_.contains(id)) groups.push_back(id);
  return groups;
}

// Translates what has to be, too.
bool GroupBook::needs_commit(const GroupId& id, Group& group, int64_t now_ms) {
  bool needed = !group.target_read && !group.entries.empty();
  for (auto& [source, entry] : group.entries) {
    if (!entry.settled) {
      translate(id, group, source, entry);
      judge(id, group, source, entry);
    }
    needed |= entry.verdict == GroupVerdict::kWrite && now_ms >= entry.blocked_until_ms;
  }
  return needed && group.live.empty();
}

void GroupBook::take_target(const GroupId& id, const TargetGroup& read, int64_t now_ms) {
  if (read.offsets) note_target(id, *read.offsets);
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  Group& group = found->second;
  group.target_read = read.offsets.has_value();
  group.target_error.reset();
  if (read.state)
    group.live = is_idle(*read.state) ? "" : fmt::format("it is {} there", *read.state);
  if (read.offsets) {
    group.target = *read.offsets;
  } else if (read.offsets.error().kafka_code == wire::kUnstableOffsetCommit) {
    group.live = "an open transaction there is about to commit its offsets";
  } else {
    group.target_error = read.offsets.error();
  }
  note_live(id, group);
  if (taken_back_.contains(id) && read.offsets && group.live.empty()) take_back(id, group);
  for (auto& [source, entry] : group.entries) {
    translate(id, group, source, entry);
    if (is_adopted(view(id, group, source, entry)) && read.offsets && group.live.empty()) {
      memories_[id].commits[entry.translation->target].attempt(entry.translation->offset);
      remember(id, entry.translation->target);
    }
    judge(id, group, source, entry);
    note_sync(group, entry, now_ms);
  }
}

void GroupBook::note_live(const GroupId& id, const Group& group) {
  if (group.live.empty() || memories_[id].lived) return;
  memories_[id].lived = true;
  changed_lived_.insert(id);
}

// What the target has, held against what we remember: of what is gone there nothing is ours.
void GroupBook::note_target(const GroupId& id, const groupproto::GroupOffsets& offsets) {
  const auto memory = memories_.find(id);
  if (memory == memories_.end()) return;
  auto& commits = memory->second.commits;
  for (auto at = commits.begin(); at != commits.end();) {
    const auto now = offsets.find(at->first);
    if (now != offsets.end()) {
      at->second.seen(TargetOffset(now->second.offset.value()));
      ++at;
    } else {
      remember(id, at->first);
      at = commits.erase(at);
    }
  }
  if (!offsets.empty() || !commits.empty() || groups_.contains(id)) return;
  if (memory->second.lived) changed_lived_.insert(id);
  memories_.erase(memory);
}

void GroupBook::note_sync(Group& group, Entry& entry, int64_t now_ms) {
  if (entry.verdict == GroupVerdict::kWrite) return;
  entry.trouble.clear();
  entry.denied = false;
  if (!entry.attempted || entry.verdict != GroupVerdict::kInSync) return;
  entry.attempted = false;
  group.synced_at_ms = now_ms;
  group.latency_ms = std::max<int64_t>(0, now_ms - entry.seen_at_ms);
}

void GroupBook::remember(const GroupId& id, const TopicPartition& target) {
  changed_commits_.insert({id, target});
}

std::vector<GroupCommit> GroupBook::plan(const std::vector<GroupId>& groups, int64_t now_ms) {
  std::vector<GroupCommit> commits;
  for (const GroupId& id : groups) {
    const auto found = groups_.find(id);
    if (found == groups_.end()) continue;
    Group& group = found->second;
    if (!group.live.empty() || !group.target_read || !is_synced(id)) continue;
    GroupCommit commit{id, {}};
    for (auto& [source, entry] : group.entries) {
      if (entry.verdict != GroupVerdict::kWrite || now_ms < entry.blocked_until_ms) continue;
      const Translation& wanted = *entry.translation;
      if (wanted.offset.value() < 0) continue;
      commit.offsets.push_back(
          {wanted.target, Offset(wanted.offset.value()), group.source.at(source).metadata});
      memories_[id].commits[wanted.target].attempt(wanted.offset);
      remember(id, wanted.target);
      entry.attempted = true;
    }
    if (!commit.offsets.empty()) commits.push_back(std::move(commit));
  }
  return commits;
}

std::vector<StateStore::Entry> GroupBook::take_memories(int64_t now_ms) {
  std::vector<StateStore::Entry> entries;
  for (const auto& [id, target] : std::exchange(changed_commits_, {})) {
    StateStore::Entry& entry = entries.emplace_back();
    entry.key = own_commits_key(id, target);
    const auto memory = memories_.find(id);
    if (memory == memories_.end()) continue;
    const auto commits = memory->second.commits.find(target);
    if (commits != memory->second.commits.end()) entry.value = to_json(commits->second);
  }
  for (const GroupId& id : std::exchange(changed_lived_, {})) {
    StateStore::Entry& entry = entries.emplace_back();
    entry.key = lived_key(id);
    const auto memory = memories_.find(id);
    if (memory != memories_.end() && memory->second.lived) entry.value = lived_json(now_ms);
  }
  return entries;
}

void GroupBook::put_back_memories(const std::vector<StateStore::Entry>& entries) {
  for (const StateStore::Entry& entry : entries) {
    const auto record = parse_group_record(entry.key, R"({"committed":[]})");
    if (!record || !*record) continue;
    if ((*record)->target)
      remember((*record)->group, *(*record)->target);
    else
      changed_lived_.insert((*record)->group);
  }
}

void GroupBook::take_result(const GroupId& id, const Result<groupproto::CommitResults>& result,
                            int64_t now_ms) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  Group& group = found->second;
  for (auto& [source, entry] : group.entries) {
    if (!entry.attempted || !entry.translation) continue;
    if (!result) {
      // Perhaps it was committed: the next look at the target tells.
      entry.trouble = result.error().message;
      if (result.error().kind != ErrorKind::kUnreachable)
        entry.blocked_until_ms = now_ms + rules_.retry_after_ms;
      continue;
    }
    const auto code = result->find(entry.translation->target);
    if (code != result->end()) take_code(group, entry, code->second, now_ms);
  }
  note_live(id, group);
}

void GroupBook::take_code(Group& group, Entry& entry, int16_t code, int64_t now_ms) {
  entry.trouble.clear();
  entry.denied = false;
  if (code == wire::kNone) return;
  entry.attempted = false;
  if (means_live(code)) {
    group.live = fmt::format("somebody has joined it there ({})", wire::error_row(code).name);
    return;
  }
  const Error error = wire::kafka_error(
      code, fmt::format("committing {} to the target", entry.translation->target));
  entry.trouble = error.message;
  if (groupproto::is_coordinator_error(code)) return;
  entry.denied = !wire::error_row(code).retriable;
  entry.blocked_until_ms = now_ms + rules_.retry_after_ms;
}

}  // namespace kferry::replicate
