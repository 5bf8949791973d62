// Whether a committed offset of the source is brought to the target: the decision for one
// partition of one group, and what we remember to be able to make it. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "groupproto/group_offsets.h"
#include "groupproto/group_state.h"
#include "replicate/ports.h"
#include "wire/broker.h"

namespace kferry::replicate {

// Groups that never are mirrored, whatever the filters say: kferry's own.
bool is_internal_group(const GroupId& group);
// Of the groups that a cluster lists: not kferry's own, and one that commits offsets.
bool may_be_mirrored(const GroupId& group, const groupproto::ListedGroup& listed);
// Whether it lists only groups that have members: brokers 0.9 and 0.10.0 forget the others, but not
// their offsets (KAFKA-2720; they know JoinGroup 0 only).
bool lists_members_only(const wire::Broker& broker);

// Our own commits for one partition of one group on the target: the last one that was seen there,
// then those attempted since. Each is remembered before it is sent, for its answer may get lost.
struct OwnCommits {
  static constexpr size_t kMostAttempts = 8;

  std::vector<TargetOffset> values;

  bool any() const { return !values.empty(); }
  bool include(TargetOffset offset) const;
  // Of more than kMostAttempts the oldest attempts are forgotten.
  void attempt(TargetOffset offset);
  // The target has `offset` now. Earlier values cannot come back if it is the last attempt.
  void seen(TargetOffset offset);

  friend bool operator==(const OwnCommits&, const OwnCommits&) = default;
};

// How things stand for one partition of one group.
enum class GroupVerdict {
  kInSync,  // the target has exactly what the source has
  kWrite,   // the target is to get the translated offset
  kPartly,  // as far as the records have been copied; more is to come
  kUntold,  // no translation: the partition is not mirrored yet
  kKept,    // somebody else committed on the target: that is left alone
};

struct PartitionView {
  groupproto::CommittedOffset source;
  std::optional<Translation> translation;             // of source.offset
  std::optional<groupproto::CommittedOffset> target;  // what the group has there now
  OwnCommits ours;
  // The group has been seen with members on the target.
  bool lived_on_target = false;
};

// Only for groups without members on the target. In this order:
//
//   translation | the target's value     | our commits    | verdict
//   none        | any                    | any            | kUntold
//   any         | none                   | any            | kWrite
//   any         | equal to it            | include it     | kInSync, kPartly if incomplete; kWrite
//               |                        |                | where only the metadata differs
//   any         | another                | include it     | kWrite: advance, or follow a rewind
//   any         | any                    | are others     | kKept: it was committed on the target
//   any         | any                    | none; lived    | kKept: the same
//   complete    | equal to it            | none           | kInSync, and it is ours from now on
//   any         | smaller                | none           | kWrite: advance, as MM2 does
//   complete    | greater                | none           | kKept
//   incomplete  | equal to it or greater | none           | kPartly: until it can be compared
//
// So a consumer's own progress on the target is never taken back, and no record is skipped that it
// wants to read: where anybody but us has committed after us, we commit no more, not even what is
// greater (it may have gone back on purpose, or process the records for another purpose than on the
// source). Deleting the group's offsets on the target hands it back to us. What remains is the
// moment between reading the target's value and committing, in which a consumer would have to
// join, commit and leave: while it is in the group the broker refuses our commit.
GroupVerdict decide(const PartitionView& view);

// Whether kInSync is so without any commit of ours: the value is to be remembered as ours.
bool is_adopted(const PartitionView& view);

// The records in the flow's state. The group comes last, for its name may hold anything.
//   group/TOPIC/P/GROUP   OwnCommits; topic and partition of the target
//   group-lived/GROUP     the group has been seen with members on the target
std::string own_commits_key(const GroupId& group, const TopicPartition& target);
std::string lived_key(const GroupId& group);
std::string to_json(const OwnCommits& commits);
std::string lived_json(int64_t now_ms);

// A record of the state; nullopt: it is about something else. kFailed: not readable.
struct GroupRecord {
  GroupId group;
  std::optional<TopicPartition> target;  // nullopt: that the group has lived on the target
  OwnCommits commits;
};
Result<std::optional<GroupRecord>> parse_group_record(const std::string& key,
                                                      const std::string& value);

}  // namespace kferry::replicate
