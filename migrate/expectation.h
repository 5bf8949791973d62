// What Kafka should have for a group, for `kferry verify`. Pure.
#pragma once

#include "migrate/facts.h"
#include "migrate/plan.h"
#include "verify/compare.h"

namespace kferry::migrate {

// By ZooKeeper as it is now: `now` is a fresh plan of the same facts. Where a receipt shows that
// kferry migrated this very znode version, its offset is expected (it may have been clamped), and
// Kafka may have moved on.
verify::ExpectedGroup expect_from_zookeeper(const PlannedGroup& now, const Receipts& receipts);

// By a plan that was applied: its targets, and Kafka may have moved on. `now` tells what stands in
// ZooKeeper today: a znode that has changed since the plan was made is trouble, since somebody has
// consumed the old way.
verify::ExpectedGroup expect_from_plan(const PlannedGroup& planned, const PlannedGroup* now);

}  // namespace kferry::migrate
