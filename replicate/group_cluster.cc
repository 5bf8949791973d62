#include "replicate/group_cluster.h"

#include <algorithm>
#include <thread>

#include "replicate/group_rules.h"
#include "wire/error_code.h"
#include "wire/messages.h"

namespace kferry::replicate {

using groupproto::CommitResults;

namespace {

// Of Metadata. Before, asking for a topic by its name may create it.
constexpr int16_t kAsksWithoutCreating = 4;

}  // namespace

Result<> check_listing(const wire::Broker& broker, const NameFilter& groups) {
  if (broker.speaks<wire::ListGroupsRequest>() || groups.names.size() == groups.include.size())
    return {};
  return fail(
      ErrorKind::kRefused, "the source's brokers do not list their groups (Kafka before 0.9)",
      "give the groups by their names, without a regular expression, or leave --groups out: "
      "records are mirrored");
}

Result<GroupCluster::Connection*> GroupCluster::connection(size_t index, const Wait& wait) {
  auto& slot = connections_[index];
  if (!slot) {
    KFERRY_TRY(wire::Cluster cluster,
               wire::Cluster::connect(settings_.addresses, settings_.client, wait));
    slot = std::make_unique<Connection>(std::move(cluster));
  }
  return slot.get();
}

// Brokers before 0.9 list none.
Result<groupproto::GroupList> GroupCluster::list(const Wait& wait) {
  KFERRY_TRY(Connection* const to, connection(0, wait));
  KFERRY_TRY(wire::Broker* const broker, to->cluster.any_broker(wait));
  if (!broker->speaks<wire::ListGroupsRequest>()) return groupproto::GroupList{};
  return groupproto::list_groups(to->cluster, wait);
}

// Who asks for a group's coordinator makes the brokers create __consumer_offsets, where that does
// not exist yet: there are no committed offsets then. (Of a group that we may not describe they say
// so before: KafkaApis.handleFindCoordinatorRequest.)
Result<bool> GroupCluster::may_look_for_coordinators(const Wait& wait) {
  const TopicName offsets_topic("__consumer_offsets");
  KFERRY_TRY(Connection* const to, connection(0, wait));
  KFERRY_TRY(wire::Broker* const broker, to->cluster.any_broker(wait));
  KFERRY_TRY(const int16_t version, broker->version_of<wire::MetadataRequest>());
  std::optional<std::vector<TopicName>> named;
  if (version >= kAsksWithoutCreating) named.emplace({offsets_topic});
  KFERRY_TRY(const auto metadata, to->cluster.fetch_metadata(named, wait));
  const auto found = metadata.topics.find(offsets_topic);
  return found != metadata.topics.end() &&
         found->second.error_code != wire::kUnknownTopicOrPartition;
}

Result<std::set<GroupId>> GroupCluster::select(const NameFilter& filter,
                                               const std::vector<TopicPartition>& partitions,
                                               const Wait& wait) {
  KFERRY_TRY(Connection* const to, connection(0, wait));
  KFERRY_TRY(wire::Broker* const broker, to->cluster.any_broker(wait));
  KFERRY_CHECK(check_listing(*broker, filter));
  const bool all_named = filter.names.size() == filter.include.size();
  unseen_ = all_named || !lists_members_only(*broker)
                ? ""
                : "brokers before 0.10.1 list only groups that have members: others stay behind, "
                  "unless --groups gives their names";
  KFERRY_TRY(const auto listed, list(wait));
  std::set<GroupId> selected;
  for (const auto& [id, group] : listed.groups)
    if (filter.selects(id.value()) && may_be_mirrored(id, group)) selected.insert(id);
  std::vector<GroupId> unlisted;
  for (const std::string& name : filter.names)
    if (const GroupId id(name);
        filter.selects(name) && !listed.groups.contains(id) && !is_internal_group(id))
      unlisted.push_back(id);
  if (unlisted.empty()) return selected;
  if (listed.groups.empty()) {
    KFERRY_TRY(const bool may_look, may_look_for_coordinators(wait));
    if (!may_look) return selected;
  }
  KFERRY_TRY(const auto read,
             offsets(unlisted, partitions, groupproto::OpenTransactions::kOverlook, wait));
  for (const auto& [id, its_offsets] : read)
    if (!its_offsets || !its_offsets->empty()) selected.insert(id);
  return selected;
}

Result<bool> GroupCluster::must_name_partitions(const Wait& wait) {
  KFERRY_TRY(Connection* const to, connection(0, wait));
  KFERRY_TRY(wire::Broker* const broker, to->cluster.any_broker(wait));
  KFERRY_TRY(const int16_t version, broker->version_of<wire::OffsetFetchRequest>());
  return version < 2;
}

Result<groupproto::OffsetsByGroup> GroupCluster::offsets(
    const std::vector<GroupId>& groups, const std::vector<TopicPartition>& partitions,
    groupproto::OpenTransactions open_transactions, const Wait& wait) {
  if (groups.empty()) return groupproto::OffsetsByGroup{};
  KFERRY_TRY(Connection* const to, connection(0, wait));
  std::vector<groupproto::OffsetsQuery> queries;
  for (const GroupId& group : groups) queries.push_back({group, partitions});
  return groupproto::fetch_kafka_offsets(
      to->coordinators, queries, wait,
      {.open_transactions = open_transactions, .asking = groupproto::Asking::kOnce});
}

Result<wire::ClusterMetadata> GroupCluster::all_topics(const Wait& wait) {
  KFERRY_TRY(Connection* const to, connection(0, wait));
  return to->cluster.fetch_metadata(std::nullopt, wait);
}

Result<std::set<TopicPartition>> GroupCluster::existing(const std::set<TopicName>& topics,
                                                        const Wait& wait) {
  KFERRY_TRY(Connection* const to, connection(0, wait));
  KFERRY_TRY(wire::Broker* const broker, to->cluster.any_broker(wait));
  KFERRY_TRY(const int16_t version, broker->version_of<wire::MetadataRequest>());
  std::optional<std::vector<TopicName>> named;
  if (version >= kAsksWithoutCreating) named.emplace(topics.begin(), topics.end());
  KFERRY_TRY(const auto metadata, to->cluster.fetch_metadata(named, wait));
  std::set<TopicPartition> found;
  for (const auto& [topic, info] : metadata.topics)
    for (const auto& [partition, leader] : info.partitions) found.insert({topic, partition});
  return found;
}

// Brokers before 2.6 list no states.
Result<std::map<GroupId, std::string>> GroupCluster::states(const std::vector<GroupId>& groups,
                                                            const Wait& wait) {
  KFERRY_TRY(Connection* const to, connection(0, wait));
  std::map<GroupId, std::string> found;
  KFERRY_TRY(const auto listed, list(wait));
  if (listed.has_states) {
    for (const GroupId& group : groups) {
      const auto one = listed.groups.find(group);
      found[group] = one == listed.groups.end() ? "Dead" : one->second.state;
    }
    return found;
  }
  KFERRY_TRY(const auto described, groupproto::describe_groups(to->coordinators, groups, wait,
                                                               groupproto::Asking::kOnce));
  for (const auto& [group, state] : described)
    if (state) found[group] = state->state;
  return found;
}

Result<std::map<GroupId, TargetGroup>> GroupCluster::look(
    const std::vector<GroupId>& groups, const std::vector<TopicPartition>& partitions,
    const Wait& wait) {
  KFERRY_TRY(const auto state_of, states(groups, wait));
  KFERRY_TRY(auto read, offsets(groups, partitions, groupproto::OpenTransactions::kRespect, wait));
  std::map<GroupId, TargetGroup> found;
  for (auto& [group, its_offsets] : read) {
    const auto state = state_of.find(group);
    if (state == state_of.end() && its_offsets)
      its_offsets = fail(ErrorKind::kUnreachable,
                         fmt::format("the state of group '{}' cannot be told", group));
    found.try_emplace(group, state == state_of.end() ? std::nullopt : std::optional(state->second),
                      std::move(its_offsets));
  }
  return found;
}

Result<std::map<GroupId, std::string>> GroupCluster::members(const std::vector<GroupId>& groups,
                                                             const Wait& wait) {
  KFERRY_TRY(Connection* const to, connection(0, wait));
  KFERRY_TRY(const auto described, groupproto::describe_groups(to->coordinators, groups, wait,
                                                               groupproto::Asking::kOnce));
  std::map<GroupId, std::string> words;
  for (const auto& [group, state] : described)
    if (state && !state->members.empty()) words[group] = groupproto::to_string(state->members);
  return words;
}

std::map<GroupId, Result<CommitResults>> GroupCluster::commit(
    const std::vector<GroupCommit>& commits, const Wait& wait) {
  const size_t workers =
      std::clamp<size_t>(commits.size() / kGroupsWorthAConnection, 1, kMostConnections);
  std::vector<Result<CommitResults>> results(commits.size());
  {
    std::vector<std::jthread> others;
    for (size_t i = 1; i < workers; ++i)
      others.emplace_back([&, i] { commit_share(commits, i, workers, results, wait); });
    commit_share(commits, 0, workers, results, wait);
  }
  std::map<GroupId, Result<CommitResults>> by_group;
  for (size_t i = 0; i < commits.size(); ++i)
    by_group.emplace(commits[i].group, std::move(results[i]));
  return by_group;
}

void GroupCluster::commit_share(const std::vector<GroupCommit>& commits, size_t first, size_t step,
                                std::vector<Result<CommitResults>>& results, const Wait& wait) {
  for (size_t i = first; i < commits.size(); i += step) {
    const auto to = connection(first, wait);
    results[i] = to ? commit_one(**to, commits[i], wait) : std::unexpected(to.error());
  }
}

Result<CommitResults> GroupCluster::commit_one(Connection& to, const GroupCommit& commit,
                                               const Wait& wait) {
  KFERRY_TRY(wire::Broker* const coordinator, to.coordinators.of(commit.group, wait));
  const auto done = groupproto::commit_offsets(*coordinator, {commit.group, Generation(-1), {}},
                                               commit.offsets, {}, wait);
  const bool moved = !done || std::ranges::any_of(*done, [](const auto& one) {
    return groupproto::is_coordinator_error(one.second);
  });
  if (moved) to.coordinators.forget(commit.group);
  return done;
}

}  // namespace kferry::replicate
