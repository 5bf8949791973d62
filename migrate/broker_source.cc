#include "migrate/broker_source.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "migrate/broker_reads.h"
#include "migrate/drift.h"
#include "migrate/preflight.h"
#include "wire/error_code.h"

namespace kferry::migrate {

const std::string_view kConsumersNotSeen =
    "read through the brokers: consumers that are registered in ZooKeeper could not be looked at; "
    "only a commit within the quiet period would show one";

namespace {

using groupproto::OffsetsQuery;
using groupproto::ZookeeperOffsets;
using groupproto::ZookeeperOffsetsByGroup;
using zkoffsets::OffsetNode;
using zkoffsets::Snapshot;

constexpr Duration kMetadataPatience{10'000};  // with a broker that has just started
// Bounds reading what a plan is about once more.
constexpr Duration kAgainTimeout{10 * 60'000};

std::string path_of(const GroupId& group, const TopicPartition& partition) {
  return fmt::format("/consumers/{}/offsets/{}/{}", group, partition.topic, partition.partition);
}

OffsetNode node_of(const GroupId& group, const TopicPartition& partition) {
  OffsetNode node;
  node.topic = partition.topic;
  node.partition = partition.partition;
  node.path = path_of(group, partition);
  return node;
}

zkoffsets::GroupSnapshot snapshot_of(const GroupId& group, const ZookeeperOffsets& read) {
  zkoffsets::GroupSnapshot snapshot;
  snapshot.group = group;
  snapshot.layout = zkoffsets::Layout::kOffsetCommitV0;
  snapshot.layout_evidence = "read through a broker, which does not show who keeps it";
  snapshot.problems.emplace_back(kConsumersNotSeen);
  for (const auto& [partition, committed] : read.found) {
    OffsetNode& node = snapshot.offsets.emplace_back(node_of(group, partition));
    node.parsed.offset = ZookeeperOffset(committed.offset.value());
  }
  for (const TopicPartition& partition : read.unreadable) {
    OffsetNode& node = snapshot.offsets.emplace_back(node_of(group, partition));
    node.parsed.problem = zkoffsets::OffsetProblem::kNotANumber;
    node.parsed.detail = "a broker cannot read it (UNKNOWN_SERVER_ERROR)";
  }
  std::ranges::sort(snapshot.offsets, {}, [](const OffsetNode& node) {
    return TopicPartition{node.topic, node.partition};
  });
  return snapshot;
}

// Only groups that have something. An error of one group is everybody's: the groups were named.
Result<Snapshot> to_snapshot(const ZookeeperOffsetsByGroup& read) {
  Snapshot snapshot;
  snapshot.taken_at_ms = wall_clock_ms();
  for (const auto& [group, result] : read) {
    if (!result) return std::unexpected(result.error());
    if (!result->found.empty() || !result->unreadable.empty())
      snapshot.groups.push_back(snapshot_of(group, *result));
  }
  return snapshot;
}

Error without_zookeeper(Error error) {
  if (error.kafka_code != wire::kUnsupportedVersion) return error;
  error.kind = ErrorKind::kUsage;
  error.message =
      "the brokers do not read ZooKeeper (OffsetFetch version 0), which those of a "
      "cluster without it (KRaft) cannot: " +
      error.message;
  error.hint =
      "read the ZooKeeper that the cluster had: --zookeeper HOST:PORT,.../chroot --offset-source "
      "zookeeper";
  return error;
}

Result<ZookeeperOffsetsByGroup> ask(wire::Cluster& cluster,
                                    const std::vector<OffsetsQuery>& queries, const Wait& wait) {
  std::set<TopicName> topics;
  for (const OffsetsQuery& query : queries)
    for (const auto& [topic, partition] : query.partitions) topics.insert(topic);
  KFERRY_TRY(const auto metadata, cluster.fetch_settled_metadata({topics.begin(), topics.end()},
                                                                 kMetadataPatience, wait));
  return read_through_brokers(cluster, metadata.topics, queries, wait);
}

bool is_internal(const TopicName& topic) {
  return topic.value() == "__consumer_offsets" || topic.value() == "__transaction_state";
}

std::string asked_text(const std::set<TopicName>& named) {
  return named.empty() ? std::string("any topic that the brokers show us")
                       : fmt::format("the topics that were named ({})", fmt::join(named, ", "));
}

// A mistyped name must not look like a group with nothing to do.
Result<> check_all_there(const GatherRequest& request, const Snapshot& snapshot) {
  std::set<GroupId> there;
  for (const auto& group : snapshot.groups) there.insert(group.group);
  for (const GroupId& group : request.must_exist) {
    if (there.contains(group)) continue;
    return fail(ErrorKind::kRefused,
                fmt::format("group '{}' has no offset in ZooKeeper, as the brokers read it, for {}",
                            group, asked_text(request.topics_of(group))),
                "check the group's name, and that kferry may DESCRIBE its topics: a broker hides "
                "the others");
  }
  return {};
}

}  // namespace

std::vector<TopicPartition> partitions_to_ask(const std::map<TopicName, wire::TopicInfo>& topics,
                                              const std::set<TopicName>& named) {
  std::vector<TopicPartition> partitions;
  for (const auto& [topic, info] : topics)
    if (named.empty() ? !is_internal(topic) : named.contains(topic))
      for (const auto& [partition, leader] : info.partitions)
        partitions.push_back({topic, partition});
  return partitions;
}

Result<Snapshot> BrokerSource::read(const GatherRequest& request, const Wait& wait,
                                    const std::function<void(int64_t)>& on_progress) {
  const std::vector<GroupId> groups = request.scan.groups.value_or(std::vector<GroupId>());
  std::set<TopicName> named;
  for (const GroupId& group : groups) named.merge(request.topics_of(group));
  KFERRY_TRY(const auto metadata, cluster_.fetch_settled_metadata({named.begin(), named.end()},
                                                                  kMetadataPatience, wait));
  std::vector<OffsetsQuery> queries;
  for (const GroupId& group : groups)
    queries.push_back({group, partitions_to_ask(metadata.topics, request.topics_of(group))});
  const auto read = read_through_brokers(cluster_, metadata.topics, queries, wait, on_progress);
  if (!read) return std::unexpected(without_zookeeper(read.error()));
  KFERRY_TRY(Snapshot snapshot, to_snapshot(*read));
  KFERRY_CHECK(check_all_there(request, snapshot));
  return snapshot;
}

Result<Snapshot> BrokerSource::read_again(const Groups& planned, const StopToken& stop) {
  std::vector<OffsetsQuery> queries;
  for (const PlannedGroup* group : planned) {
    queries.push_back({group->group, {}});
    for (const PlannedPartition& one : group->partitions)
      queries.back().partitions.push_back(one.partition);
  }
  KFERRY_TRY(const auto read, ask(cluster_, queries, Wait(Deadline::after(kAgainTimeout), stop)));
  return to_snapshot(read);
}

Result<std::vector<std::string>> BrokerSource::find_consumers(const Groups& planned,
                                                              const StopToken& stop) {
  return find_drift(*this, planned, stop);
}

Result<std::vector<bool>> BrokerSource::find_changed(const std::vector<SeenOffset>& seen,
                                                     const StopToken& stop) {
  std::map<GroupId, std::vector<TopicPartition>> by_group;
  for (const SeenOffset& one : seen) by_group[one.group].push_back(one.partition);
  std::vector<OffsetsQuery> queries;
  for (auto& [group, partitions] : by_group) queries.push_back({group, std::move(partitions)});
  KFERRY_TRY(const auto read, ask(cluster_, queries, Wait(Deadline::after(kAgainTimeout), stop)));
  std::vector<bool> changed;
  for (const SeenOffset& one : seen) {
    const auto& result = read.at(one.group);
    if (!result) return std::unexpected(result.error());
    const auto found = result->found.find(one.partition);
    const auto now = found == result->found.end()
                         ? std::nullopt
                         : std::optional(ZookeeperOffset(found->second.offset.value()));
    changed.push_back(now != one.offset);
  }
  return changed;
}

}  // namespace kferry::migrate
