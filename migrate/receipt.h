// Receipts: what kferry notes in Kafka about a group that it has migrated, so that a later run can
// tell "the group was migrated and has moved on" from "somebody else committed something larger"
// without any local state. A receipt is a commit of its own in the group `kferry.receipt.<group>`:
// the same partition, the offset that was committed, and in the metadata the znode's mzxid, or the
// offset that stood in it. See
// docs/adr/0003-receipts.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "groupproto/group_offsets.h"
#include "migrate/facts.h"
#include "migrate/plan.h"

namespace kferry::migrate {

// The group that holds the receipts of `group`.
GroupId receipt_group(const GroupId& group);
// Whether the group is one that only holds receipts.
bool is_receipt_group(const GroupId& group);

groupproto::OffsetToCommit make_receipt(const TopicPartition& partition, const Receipt& receipt);
// What a migration of the partition notes, that committed `offset`.
Receipt receipt_of(const PlannedPartition& planned, Offset offset);
// Whether it is about the offset as it stands in ZooKeeper now: by the version of its znode, or,
// where one of the two was read through a broker, by the number.
bool is_about(const Receipt& receipt, const zkoffsets::NodeVersion& node,
              std::optional<ZookeeperOffset> offset, zkoffsets::Convention convention);
// nullopt: not one of ours, or withdrawn by a rollback.
std::optional<Receipt> parse_receipt(const groupproto::CommittedOffset& committed);
// All that are valid.
Receipts parse_receipts(const groupproto::GroupOffsets& offsets);
// What a rollback commits in a receipt's place.
groupproto::OffsetToCommit make_withdrawal(const TopicPartition& partition, const Receipt& receipt);

// Commits receipts (or withdrawals) with the longest retention that the broker accepts. Never fatal
// for a migration: the caller reports it.
Result<> write_receipts(groupproto::Coordinators& coordinators, const GroupId& group,
                        const std::vector<groupproto::OffsetToCommit>& receipts, const Wait& wait);

}  // namespace kferry::migrate
