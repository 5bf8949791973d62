// What Kafka should have against what it has. Pure: the core of `kferry verify`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/named.h"
#include "base/result.h"
#include "groupproto/group_offsets.h"
#include "verify/report.h"

namespace kferry::verify {

struct ExpectedOffset {
  TopicName topic;
  Partition partition;
  std::optional<int64_t> zookeeper_offset;  // for the report only
  // What Kafka should have, by the plan's target or ZooKeeper's offset and the convention. Absent:
  // nothing is to be expected; see `trouble`.
  std::optional<Offset> offset;
  // The expectation comes from a plan or a receipt: the group was migrated, and a larger offset in
  // Kafka only shows that it has consumed since. Otherwise a larger one is a difference.
  bool moved_on_is_fine = false;
  std::optional<Offset> log_start;
  std::optional<Offset> log_end;
  std::string verdict;  // of the plan; empty without one
  // Why no offset can be expected although there should be one (the znode is unparsable, the plan
  // refused the partition). Empty together with an absent `offset`: ZooKeeper has no offset.
  std::string trouble;
};

struct ExpectedGroup {
  GroupId group;
  std::optional<std::string> team;
  std::string layout;
  std::string convention;
  Evidence evidence;
  std::optional<int64_t> expires_at_ms;
  std::string detail;
  std::vector<ExpectedOffset> partitions;  // ordered by topic, partition
};

// The outcome is kEqual, kKafkaAhead (larger, and that is fine), kDifferent, kMissing or kNoOffset.
// `detail` says what a difference means: records read again, or never read.
PartitionReport compare(const ExpectedOffset& expected, std::optional<Offset> kafka);

// Every expected partition; Kafka's offsets of other partitions do not matter. When `kafka` could
// not be read, all that should be there is kFailed and `detail` says why.
GroupReport compare(const ExpectedGroup& expected, const Result<groupproto::GroupOffsets>& kafka);

}  // namespace kferry::verify
