// The planner's decision about one partition. Pure; private to migrate/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "migrate/facts.h"
#include "migrate/plan.h"

namespace kferry::migrate {

// What a decision rests on besides the partition's own znode. All of it outlives the decision.
struct GroupContext {
  const Facts* facts;
  const GroupFacts* group;
  const Policies* policies;
  zkoffsets::Convention convention;
  // OffsetFetch version 0; nullptr where there was none, it failed, or it cannot see the layout.
  const groupproto::GroupOffsets* broker_read;
  const groupproto::GroupOffsets* kafka;  // nullptr: could not be read
};

// The second, independent read of a group's offsets, where there is one to compare with.
const groupproto::GroupOffsets* usable_broker_read(const GroupFacts& group);

// Whether the topic does not exist, as opposed to: we may not see it.
bool topic_is_gone(const Facts& facts, const TopicName& topic);

PlannedPartition decide(const GroupContext& context, const zkoffsets::OffsetNode& node);
// A partition without a znode that our tree read could see.
PlannedPartition decide_without_node(const GroupContext& context, const TopicPartition& partition);
// A znode that an ACL hides from us.
PlannedPartition refuse_denied(const GroupContext& context, const TopicPartition& partition);
PlannedPartition refuse_kafka07(const GroupContext& context, const TopicPartition& partition);

}  // namespace kferry::migrate
