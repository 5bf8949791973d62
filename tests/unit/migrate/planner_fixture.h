// One group of one topic, to be varied by the planner's tests.
#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "migrate/planner.h"
#include "wire/error_code.h"

namespace kferry::testing {

using migrate::Facts;
using migrate::GroupFacts;
using migrate::Plan;
using migrate::PlannedGroup;
using migrate::PlannedPartition;
using migrate::Policies;

inline const TopicName kOrders{"orders"};

inline TopicPartition orders(int32_t partition) {
  return {kOrders, Partition(partition)};
}

inline zkoffsets::ParsedOffset parsed(int64_t offset) {
  return {ZookeeperOffset(offset), zkoffsets::OffsetProblem::kNone, {}};
}

inline zkoffsets::OffsetNode offset_node(const TopicPartition& partition, int64_t offset) {
  zkoffsets::OffsetNode node;
  node.topic = partition.topic;
  node.partition = partition.partition;
  node.path = fmt::format("/consumers/billing/offsets/{}/{}", partition.topic, partition.partition);
  node.parsed = parsed(offset);
  node.node = {100 + partition.partition.value(), 7, 1'700'000'000'000};
  return node;
}

inline GroupFacts quiet_group(const std::string& name) {
  GroupFacts group;
  group.zookeeper.group = GroupId(name);
  group.state = groupproto::GroupState{"Empty", "consumer", {}};
  group.quiescence = {3, 2000, {}};
  group.broker_read = groupproto::GroupOffsets{};
  return group;
}

// The group "billing" has `offset` in ZooKeeper, read by both ways, for partition 0 of "orders",
// whose log is [10, 100).
struct OnePartition {
  Facts facts;

  explicit OnePartition(int64_t offset) {
    facts.gathered_at_ms = 1'795'464'245'678;
    facts.zookeeper = "zk1:2181";
    facts.bootstrap_servers = "kafka1:9092";
    facts.cluster_id = "abcDEF";
    facts.groups.push_back(quiet_group("billing"));
    add_partition(0, 10, 100);
    group().zookeeper.offsets.push_back(offset_node(orders(0), offset));
    broker_reads(0, offset);
  }

  GroupFacts& group() { return facts.groups.front(); }
  zkoffsets::OffsetNode& node() { return group().zookeeper.offsets.front(); }
  groupproto::GroupOffsets& broker() { return **group().broker_read; }

  OnePartition& add_partition(int32_t partition, int64_t log_start, int64_t log_end) {
    facts.topics[kOrders].partitions[Partition(partition)] = {0, BrokerId(1)};
    facts.log_ranges[orders(partition)] = {Offset(log_start), Offset(log_end), 0};
    return *this;
  }
  OnePartition& broker_reads(int32_t partition, int64_t offset) {
    broker()[orders(partition)] = {Offset(offset), ""};
    return *this;
  }
  OnePartition& kafka_has(std::optional<int64_t> offset) {
    if (offset) (*group().kafka)[orders(0)] = {Offset(*offset), "made by a client"};
    return *this;
  }
  OnePartition& migrated_earlier(int64_t offset, int64_t mzxid = 100) {
    group().receipts[orders(0)] = {Offset(offset), mzxid};
    return *this;
  }

  Plan plan(const Policies& policies = {}) const {
    return migrate::make_plan(facts, policies, "0.1.0");
  }
  PlannedGroup planned(const Policies& policies = {}) const {
    return plan(policies).groups.front();
  }
  PlannedPartition first(const Policies& policies = {}) const {
    return planned(policies).partitions.front();
  }
};

struct Expected {
  migrate::Verdict verdict;
  migrate::Action action;
  std::optional<int64_t> target = std::nullopt;
};

inline void expect(const PlannedPartition& planned, const Expected& expected,
                   const std::string& what) {
  EXPECT_EQ(to_string(planned.verdict), to_string(expected.verdict)) << what;
  EXPECT_EQ(to_string(planned.action), to_string(expected.action)) << what << planned.detail;
  EXPECT_EQ(planned.target.has_value(), expected.target.has_value()) << what << planned.detail;
  if (planned.target && expected.target) {
    EXPECT_EQ(planned.target->value(), *expected.target) << what << planned.detail;
  }
  // Whoever is refused or left out is told why.
  if (planned.action == migrate::Action::kRefuse) {
    EXPECT_NE(planned.detail, "") << what;
  }
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline Policies on_conflict(migrate::ConflictPolicy policy) {
  Policies policies;
  policies.on_conflict = policy;
  return policies;
}

inline Policies on_range(migrate::RangePolicy policy) {
  Policies policies;
  policies.on_range = policy;
  return policies;
}

}  // namespace kferry::testing
