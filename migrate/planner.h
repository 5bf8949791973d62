// From facts to a plan. Pure: no I/O, no clock.
#pragma once

#include "migrate/facts.h"
#include "migrate/plan.h"

namespace kferry::migrate {

// Decides every partition of every group. Never plans a commit of a negative offset; never clamps
// or rewinds unless a policy says so, and then `detail` says what was done. Rules, in this order,
// per partition:
//   unparsable -> refuse; two reads of ZooKeeper differ (tree and broker, or offsets and the
//   misplaced offset path of 1.1.0) -> conflict by policy; topic or partition gone -> by
//   on_missing; outside the log -> by on_range; equal -> keep; Kafka ahead -> keep when a receipt
//   shows that this very znode version was migrated and Kafka has moved on since, otherwise by
//   on_conflict; Kafka behind -> advance; none -> create.
// A group that somebody consumes (registrations, owners, Kafka members, znodes that change) is
// refused as a whole as far as it has commits to make: a group in which nothing is to be done is
// never refused for it.
Plan make_plan(const Facts& facts, const Policies& policies, const std::string& tool_version);

}  // namespace kferry::migrate
