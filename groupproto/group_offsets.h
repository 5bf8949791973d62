// Committed offsets: reading those that Kafka keeps, reading those in ZooKeeper through a broker,
// and committing outside any generation.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/named.h"
#include "groupproto/coordinators.h"

namespace kferry::groupproto {

struct CommittedOffset {
  Offset offset;         // >= 0
  std::string metadata;  // at most 4,096 bytes by default; the committing client's own

  friend bool operator==(const CommittedOffset&, const CommittedOffset&) = default;
};

// Only partitions that have a committed offset.
using GroupOffsets = std::map<TopicPartition, CommittedOffset>;

struct OffsetsQuery {
  GroupId group;
  // The partitions of interest. Brokers from 0.10.2 on are asked for all that the group has; older
  // ones answer for these only.
  std::vector<TopicPartition> partitions;
};

// RequireStable, where the broker has it (2.5, KIP-447): offsets that an open transaction is about
// to commit.
enum class OpenTransactions {
  kRespect,   // there is no answer for the group until they are over: UNSTABLE_OFFSET_COMMIT
  kOverlook,  // what was committed before them
};
struct FetchOptions {
  OpenTransactions open_transactions = OpenTransactions::kRespect;
  Asking asking = Asking::kPatient;
};

// What Kafka keeps, of many groups at once (batched from 3.0 on, pipelined before). One result per
// group, in the map under its name: kNotAuthorised and kFailed concern that group alone. The whole
// call fails when the cluster cannot be reached within `wait`.
using OffsetsByGroup = std::map<GroupId, Result<GroupOffsets>>;
Result<OffsetsByGroup> fetch_kafka_offsets(Coordinators& coordinators,
                                           const std::vector<OffsetsQuery>& queries,
                                           const Wait& wait, const FetchOptions& options = {});

// What one broker says of a group's offsets in ZooKeeper.
struct ZookeeperOffsets {
  GroupOffsets found;
  // Its answer was UNKNOWN_SERVER_ERROR: what it makes of a znode that holds no number.
  std::set<TopicPartition> unreadable;
};
using ZookeeperOffsetsByGroup = std::map<GroupId, Result<ZookeeperOffsets>>;

// What lies in ZooKeeper, through OffsetFetch version 0 (Kafka:
// KafkaApis.handleOffsetFetchRequest), which every broker in ZooKeeper mode answers. It is absent,
// too, for topics that the broker does not know, or not yet. kFailed with kUnsupportedVersion where
// the broker does not offer it: KRaft; brokers of 3.x say so group by group.
Result<ZookeeperOffsetsByGroup> fetch_zookeeper_offsets(wire::Broker& broker,
                                                        const std::vector<OffsetsQuery>& queries,
                                                        const Wait& wait);

struct OffsetToCommit {
  TopicPartition partition;
  Offset offset;  // >= 0; a negative one is refused before anything is sent
  std::string metadata;
};

// Who commits: a member in a generation, or nobody (generation -1, empty member id).
struct Committer {
  GroupId group;
  Generation generation{-1};
  MemberId member;
};

struct CommitOptions {
  // How long the broker keeps the offsets; nullopt: as the broker is configured. Needs versions 2
  // to 4 of OffsetCommit, which every broker from 0.9 on has; kFailed otherwise.
  std::optional<Duration> retention;
};

// The error code of each partition; kNone: committed.
using CommitResults = std::map<TopicPartition, int16_t>;

// One OffsetCommit where it fits the broker's default message.max.bytes, several otherwise. Codes
// of the group as a whole (NOT_COORDINATOR, ILLEGAL_GENERATION, ...) stand at every partition. It
// is sent once: when the answer does not come, the caller must read back.
Result<CommitResults> commit_offsets(wire::Broker& coordinator, const Committer& committer,
                                     const std::vector<OffsetToCommit>& offsets,
                                     const CommitOptions& options, const Wait& wait);

}  // namespace kferry::groupproto
