// Groups and their committed offsets on one of the two clusters. One attempt each time: the group
// sync comes again soon.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "groupproto/group_offsets.h"
#include "groupproto/group_state.h"
#include "replicate/flow.h"
#include "replicate/group_book.h"
#include "wire/cluster.h"

namespace kferry::replicate {

// Groups that are not seen would be left behind without a word. kRefused: these brokers list no
// groups, and not every one is given by its name.
Result<> check_listing(const wire::Broker& broker, const NameFilter& groups);

// Connects when it is first needed, and anew after trouble. Not thread-safe.
class GroupCluster {
 public:
  explicit GroupCluster(const ClusterSettings& settings) : settings_(settings) {}

  // The groups that `filter` selects and that may be mirrored: those that the brokers list, and
  // those that it names literally and that have offsets, or cannot be read, although they are not
  // listed. Brokers list nothing that we may not describe (reading the offsets of such a group says
  // kNotAuthorised), and before 0.9 nothing at all. `partitions` as in offsets(). kUnreachable,
  // kNotAuthorised; kRefused: nothing is listed, and not every group is named.
  Result<std::set<GroupId>> select(const NameFilter& filter,
                                   const std::vector<TopicPartition>& partitions, const Wait& wait);
  // Which groups the last select() may have missed; empty: none.
  const std::string& unseen() const { return unseen_; }
  // One result per group. `partitions`: those of interest to brokers that must be told (before
  // 0.10.2, see must_name_partitions()).
  Result<groupproto::OffsetsByGroup> offsets(const std::vector<GroupId>& groups,
                                             const std::vector<TopicPartition>& partitions,
                                             groupproto::OpenTransactions open_transactions,
                                             const Wait& wait);
  Result<bool> must_name_partitions(const Wait& wait);
  // Of these, what exists; topics are never created by asking.
  Result<std::set<TopicPartition>> existing(const std::set<TopicName>& topics, const Wait& wait);
  Result<wire::ClusterMetadata> all_topics(const Wait& wait);

  // State and offsets of each group; `partitions` as in offsets().
  Result<std::map<GroupId, TargetGroup>> look(const std::vector<GroupId>& groups,
                                              const std::vector<TopicPartition>& partitions,
                                              const Wait& wait);

  // Who is in them, in words; of groups that have members.
  Result<std::map<GroupId, std::string>> members(const std::vector<GroupId>& groups,
                                                 const Wait& wait);

  // Commits outside any generation, each group once. One result per group; kUnreachable: whether it
  // was committed is not known. Many groups are spread over several connections.
  std::map<GroupId, Result<groupproto::CommitResults>> commit(
      const std::vector<GroupCommit>& commits, const Wait& wait);

 private:
  static constexpr size_t kMostConnections = 8;
  static constexpr size_t kGroupsWorthAConnection = 8;

  struct Connection {
    explicit Connection(wire::Cluster connected)
        : cluster(std::move(connected)), coordinators(cluster) {}

    wire::Cluster cluster;
    groupproto::Coordinators coordinators;
  };

  Result<Connection*> connection(size_t index, const Wait& wait);
  Result<groupproto::GroupList> list(const Wait& wait);
  Result<bool> may_look_for_coordinators(const Wait& wait);
  Result<std::map<GroupId, std::string>> states(const std::vector<GroupId>& groups,
                                                const Wait& wait);
  // Of every `step`-th group from `first` on.
  void commit_share(const std::vector<GroupCommit>& commits, size_t first, size_t step,
                    std::vector<Result<groupproto::CommitResults>>& results, const Wait& wait);
  Result<groupproto::CommitResults> commit_one(Connection& connection, const GroupCommit& commit,
                                               const Wait& wait);

  const ClusterSettings settings_;
  std::string unseen_;
  std::vector<std::unique_ptr<Connection>> connections_ =
      std::vector<std::unique_ptr<Connection>>(kMostConnections);
};

}  // namespace kferry::replicate
