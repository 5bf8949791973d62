// All groups that are synced: what they have on the source, what they have on the target, and what
// we know of our own commits there. No I/O, no clock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/named.h"
#include "groupproto/group_offsets.h"
#include "replicate/group_rules.h"
#include "replicate/ports.h"
#include "replicate/status.h"

namespace kferry::replicate {

// Who copies a partition, as far as its offsets are concerned.
enum class Mirroring {
  kHere,       // this process
  kElsewhere,  // another process of the flow, which syncs the offsets too
  kStuck,      // this process, but it does not go on: a quarantined partition is not waited for
};

// Functions that the book asks; called by the thread that calls the book.
struct GroupRules {
  std::function<bool(const TopicName&)> is_mirrored;  // of a topic of the source, by the filters
  std::string topic_prefix;                           // of its name on the target
  std::function<Mirroring(const TopicPartition&)> mirroring = [](const TopicPartition&) {
    return Mirroring::kHere;
  };
  bool commit = true;              // false: only checkpoints are wanted
  int64_t retry_after_ms = 5'000;  // what the target refuses is tried again then
  bool collect_checkpoints = false;
};

// A group's position on both sides, as MM2's checkpoints have it.
struct GroupCheckpoint {
  GroupId group;
  TopicPartition target;
  SourceOffset upstream;
  TargetOffset downstream;
  std::string metadata;

  friend bool operator==(const GroupCheckpoint&, const GroupCheckpoint&) = default;
};

// A group on the target as it was just read.
struct TargetGroup {
  std::optional<std::string> state;  // as in groupproto::GroupState; nullopt: not asked for again
  Result<groupproto::GroupOffsets> offsets;
};

struct GroupCommit {
  GroupId group;
  std::vector<groupproto::OffsetToCommit> offsets;
};

// Groups that must not be synced, and why.
using GroupRefusals = std::map<GroupId, std::string>;

// One round is: set_refusals(), take_source(), due(), take_target() for those, plan(),
// take_memories() made durable, the commits, take_result(), take_target() for what was committed.
// Not thread-safe.
class GroupBook {
 public:
  GroupBook(const OffsetTranslator& translator, GroupRules rules)
      : translator_(translator), rules_(std::move(rules)) {}

  // A record of the flow's state (nullopt: deleted). Those of partitions that are mirrored here are
  // known better already, once `running`.
  Result<> learn(const std::string& key, const std::optional<std::string>& value, bool running);

  void set_refusals(GroupRefusals refusals);
  // Exactly these groups exist on the source. Of one that could not be read the old offsets stay.
  void take_source(const groupproto::OffsetsByGroup& read, int64_t now_ms);
  // Partitions that do not exist on the source (any more): their offsets are not waited for.
  std::set<TopicPartition> untold() const;
  void set_gone(std::set<TopicPartition> gone) { gone_ = std::move(gone); }

  // The groups to be looked at on the target: those with something to commit. `all`: every one,
  // also those that are only remembered, and everything is translated anew.
  std::vector<GroupId> due(int64_t now_ms, bool all);
  void take_target(const GroupId& group, const TargetGroup& read, int64_t now_ms);
  // What to commit for them now. It is remembered before: see take_memories().
  std::vector<GroupCommit> plan(const std::vector<GroupId>& groups, int64_t now_ms);
  // What has changed of our memory, to be made durable before anything planned is sent.
  std::vector<StateStore::Entry> take_memories(int64_t now_ms);
  // They could not be made durable.
  void put_back_memories(const std::vector<StateStore::Entry>& entries);
  void take_result(const GroupId& group, const Result<groupproto::CommitResults>& result,
                   int64_t now_ms);

  // Whether all that was read from the source stands on the target, or is refused with a reason.
  bool caught_up() const;
  // Ordered by name; refused groups are there even if the source's Kafka knows nothing of them.
  std::vector<GroupStatus> status() const;
  std::vector<GroupCheckpoint> take_checkpoints() { return std::exchange(checkpoints_, {}); }

 private:
  struct Entry {  // of a partition of the source
    std::optional<Translation> translation;
    bool before_start = false;  // no translation: it lies before the first record that was mirrored
    bool settled = false;       // the translation will not change
    GroupVerdict verdict = GroupVerdict::kUntold;
    int64_t seen_at_ms = 0;  // when the source's value was read first
    bool attempted = false;  // committed by us since then, not yet confirmed
    int64_t blocked_until_ms = 0;
    std::string trouble;  // what the target said to the last commit
    bool denied = false;  // and it will not change its mind soon
    bool checkpoint_due = true;
  };
  static bool is_mixed(const Entry& entry) { return entry.translation && entry.translation->mixed; }
  struct Group {
    groupproto::GroupOffsets source;
    std::map<TopicPartition, Entry> entries;  // of those that are mirrored here
    int64_t ignored = 0;                      // topics that are not mirrored
    std::optional<Error> source_error;
    bool target_read = false;
    std::optional<Error> target_error;
    std::string live;  // why it must not be touched: it has members on the target
    groupproto::GroupOffsets target;
    int64_t synced_at_ms = -1;
    int64_t latency_ms = -1;
  };
  struct Memory {
    std::map<TopicPartition, OwnCommits> commits;  // by partition of the target
    bool lived = false;
  };

  void learn_moved(const GroupId& id, bool moved);
  void take_back(const GroupId& id, const Group& group);
  bool is_mirrored(const TopicName& topic);
  const std::string* refusal(const GroupId& id) const;
  // Neither refused nor moved to the target for good.
  bool is_synced(const GroupId& id) const { return !refusal(id) && !moved_.contains(id); }
  void take_group(const GroupId& id, Group& group, const groupproto::GroupOffsets& read,
                  int64_t now_ms);
  void translate(const GroupId& id, const Group& group, const TopicPartition& source, Entry& entry);
  PartitionView view(const GroupId& id, const Group& group, const TopicPartition& source,
                     const Entry& entry) const;
  void judge(const GroupId& id, const Group& group, const TopicPartition& source, Entry& entry);
  bool needs_commit(const GroupId& id, Group& group, int64_t now_ms);
  void note_target(const GroupId& id, const groupproto::GroupOffsets& offsets);
  void note_live(const GroupId& id, const Group& group);
  void note_sync(Group& group, Entry& entry, int64_t now_ms);
  void remember(const GroupId& id, const TopicPartition& target);
  void take_code(Group& group, Entry& entry, int16_t code, int64_t now_ms);
  bool is_done(const GroupId& id, const Group& group) const;
  bool is_done(const TopicPartition& source, const Entry& entry) const;
  void describe(const Group& group, GroupStatus& status) const;
  GroupStatus status_of(const GroupId& id, const Group& group) const;

  const OffsetTranslator& translator_;
  const GroupRules rules_;
  std::map<TopicName, bool> mirrored_;  // what the filters said
  std::map<GroupId, Group> groups_;
  std::map<GroupId, Memory> memories_;
  GroupRefusals refusals_;
  std::set<std::pair<GroupId, TopicPartition>> changed_commits_;  // not durable yet
  std::set<GroupId> changed_lived_;
  std::set<GroupId> moved_;       // by a cut-over (replicate/cutover_state.h)
  std::set<GroupId> taken_back_;  // from the target; what they have there is ours again
  std::set<TopicPartition> gone_;
  std::vector<GroupCheckpoint> checkpoints_;
  bool source_read_ = false;
};

}  // namespace kferry::replicate
