#include "migrate/preflight.h"

#include <algorithm>
#include <set>

#include "migrate/broker_reads.h"
#include "migrate/receipt.h"
#include "wire/error_code.h"

namespace kferry::migrate {
namespace {

constexpr Duration kMetadataPatience{10'000};  // with a broker that has just started

using groupproto::GroupOffsets;
using groupproto::OffsetsQuery;

std::vector<TopicPartition> partitions_of(const zkoffsets::GroupSnapshot& group) {
  std::vector<TopicPartition> partitions;
  for (const auto& node : group.offsets) partitions.push_back({node.topic, node.partition});
  return partitions;
}

// Every partition whose log range matters: those with an offset, and the others of the same topics.
std::vector<TopicPartition> partitions_to_range(const Facts& facts) {
  std::set<TopicName> topics;
  for (const GroupFacts& group : facts.groups) {
    topics.insert(group.asked_topics.begin(), group.asked_topics.end());
    for (const auto& node : group.zookeeper.offsets) topics.insert(node.topic);
  }
  std::vector<TopicPartition> wanted;
  for (const TopicName& topic : topics)
    if (const auto found = facts.topics.find(topic); found != facts.topics.end())
      for (const auto& [partition, leader] : found->second.partitions)
        wanted.push_back({topic, partition});
  return wanted;
}

// Takes the result of one group out of a batch.
template <class Map, class Key>
auto take(Map& map, const Key& key) -> typename Map::mapped_type {
  const auto found = map.find(key);
  if (found == map.end())
    return fail(ErrorKind::kFailed, fmt::format("group '{}': the broker left it out", key));
  return std::move(found->second);
}

// A partition that cannot be read is trouble of the whole second read: the first one will say more.
Result<GroupOffsets> second_read(Result<groupproto::ZookeeperOffsets> read) {
  if (!read) return std::unexpected(std::move(read).error());
  if (read->unreadable.empty()) return std::move(read->found);
  return std::unexpected(wire::kafka_error(
      wire::kUnknownServerError,
      fmt::format("reading the offset of {} in ZooKeeper", *read->unreadable.begin())));
}

class Gatherer {
 public:
  Gatherer(const Endpoints& endpoints, const GatherRequest& request, const Wait& wait,
           const GatherProgress& progress)
      : endpoints_(endpoints),
        request_(request),
        wait_(wait),
        progress_(progress),
        coordinators_(endpoints.cluster) {}

  Result<Facts> run() {
    facts_.gathered_at_ms = wall_clock_ms();
    facts_.zookeeper = endpoints_.source.zookeeper();
    facts_.bootstrap_servers = endpoints_.bootstrap_servers;
    KFERRY_CHECK(read_old_offsets());
    const auto first_sample = std::chrono::steady_clock::now();
    KFERRY_CHECK(read_cluster());
    KFERRY_CHECK(read_groups());
    if (request_.broker_read && !facts_.zookeeper.empty()) KFERRY_CHECK(read_through_broker());
    KFERRY_CHECK(sample_quiescence(first_sample));
    return std::move(facts_);
  }

 private:
  Result<> read_old_offsets() {
    progress_.phase(facts_.zookeeper.empty() ? "reading offsets through the brokers"
                                             : "reading offsets from ZooKeeper",
                    0);
    KFERRY_TRY(zkoffsets::Snapshot snapshot,
               endpoints_.source.read(request_, wait_, progress_.advance));
    zookeeper_cluster_id_ = snapshot.cluster_id;
    facts_.zookeeper_login = snapshot.login;
    std::set<TopicName> expected;
    for (const auto& group : snapshot.groups)
      for (const auto& node : group.offsets)
        if (snapshot.topics.contains(node.topic)) expected.insert(node.topic);
    expected_topics_.assign(expected.begin(), expected.end());
    for (auto& group : snapshot.groups) {
      GroupFacts& facts = facts_.groups.emplace_back();
      facts.zookeeper = std::move(group);
      const std::set<TopicName> topics = request_.topics_of(facts.zookeeper.group);
      if (!topics.empty())
        std::erase_if(facts.zookeeper.offsets, [&](const zkoffsets::OffsetNode& node) {
          return !topics.contains(node.topic);
        });
      if (facts_.zookeeper.empty()) facts.asked_topics = topics;
      for (const auto& external : request_.scan.external)
        if (external.group == facts.zookeeper.group) facts.external.push_back(external);
      const auto configured = request_.settings.find(facts.zookeeper.group);
      if (configured == request_.settings.end()) continue;
      facts.team = configured->second.team;
      facts.configured_convention = configured->second.convention;
      if (configured->second.layout) facts.zookeeper.layout = *configured->second.layout;
    }
    return {};
  }

  Result<> read_cluster() {
    KFERRY_TRY(wire::ClusterMetadata metadata, endpoints_.cluster.fetch_settled_metadata(
                                                   expected_topics_, kMetadataPatience, wait_));
    facts_.cluster_id = metadata.cluster_id;
    if (zookeeper_cluster_id_ && facts_.cluster_id && *zookeeper_cluster_id_ != *facts_.cluster_id)
      return fail(
          ErrorKind::kRefused,
          fmt::format("ZooKeeper {} belongs to cluster {}, but the brokers at {} to cluster {}",
                      facts_.zookeeper, *zookeeper_cluster_id_, facts_.bootstrap_servers,
                      *facts_.cluster_id),
          "check --zookeeper (with its chroot) and --bootstrap-server: offsets of one cluster "
          "mean nothing in another");
    const auto wanted = [&] {
      facts_.topics = metadata.topics;
      return partitions_to_range(facts_);
    }();
    progress_.phase("reading the logs' start and end", static_cast<int64_t>(wanted.size()));
    KFERRY_TRY(facts_.log_ranges,
               wire::fetch_log_ranges(endpoints_.cluster, metadata, wanted, wait_));
    progress_.advance(static_cast<int64_t>(wanted.size()));
    if (endpoints_.admin != nullptr) {
      if (const auto retention = endpoints_.admin->offsets_retention_ms(wait_))
        facts_.offsets_retention_ms = *retention;
    }
    return {};
  }

  Result<> read_groups() {
    std::vector<GroupId> groups;
    std::vector<OffsetsQuery> queries;
    for (const GroupFacts& facts : facts_.groups) {
      const GroupId& group = facts.zookeeper.group;
      groups.push_back(group);
      queries.push_back({group, partitions_of(facts.zookeeper)});
      queries.push_back({receipt_group(group), partitions_of(facts.zookeeper)});
    }
    if (groups.empty()) return {};
    progress_.phase("asking Kafka about the groups", static_cast<int64_t>(groups.size()));
    KFERRY_TRY(auto states, groupproto::describe_groups(coordinators_, groups, wait_));
    KFERRY_TRY(auto offsets, groupproto::fetch_kafka_offsets(coordinators_, queries, wait_));
    for (GroupFacts& facts : facts_.groups) {
      const GroupId& group = facts.zookeeper.group;
      facts.state = take(states, group);
      facts.kafka = take(offsets, group);
      // Receipts that we may not read are as good as none: the planner then refuses where it must.
      if (const auto receipts = take(offsets, receipt_group(group)))
        facts.receipts = parse_receipts(*receipts);
    }
    progress_.advance(static_cast<int64_t>(groups.size()));
    return {};
  }

  Result<> read_through_broker() {
    std::vector<OffsetsQuery> queries;
    for (const GroupFacts& facts : facts_.groups)
      if (!is_external(facts.zookeeper.layout))  // those have no counterpart in OffsetFetch
        queries.push_back({facts.zookeeper.group, partitions_of(facts.zookeeper)});
    if (queries.empty()) return {};
    progress_.phase("reading the offsets again through a broker",
                    static_cast<int64_t>(queries.size()));
    auto read = read_through_brokers(endpoints_.cluster, facts_.topics, queries, wait_);
    if (!read) {
      if (read.error().kind == ErrorKind::kInterrupted) return std::unexpected(read.error());
      facts_.why_no_broker_read = read.error().message;
      return {};
    }
    for (GroupFacts& facts : facts_.groups) {
      const auto found = read->find(facts.zookeeper.group);
      if (found != read->end()) facts.broker_read = second_read(std::move(found->second));
    }
    progress_.advance(static_cast<int64_t>(queries.size()));
    return {};
  }

  Result<> sample_quiescence(std::chrono::steady_clock::time_point first_sample) {
    if (request_.quiet_samples < 1 || facts_.groups.empty()) return {};
    const int more = request_.quiet_samples - 1;
    if (more > 0) progress_.phase("watching whether anybody still commits", more);
    for (GroupFacts& facts : facts_.groups) facts.quiescence.samples = 1;
    for (int sample = 1; sample <= more; ++sample) {
      const auto due = first_sample + request_.quiet_period * sample / more;
      const auto left =
          std::chrono::duration_cast<Duration>(due - std::chrono::steady_clock::now());
      if (left.count() > 0 && !wait_.stop().sleep_for(left))
        return wait_.stop().check("watching whether anybody still commits");
      KFERRY_CHECK(take_sample(first_sample));
      progress_.advance(1);
    }
    return {};
  }

  Result<> take_sample(std::chrono::steady_clock::time_point first_sample) {
    std::vector<SeenOffset> seen;
    for (const GroupFacts& facts : facts_.groups)
      for (const auto& node : facts.zookeeper.offsets)
        seen.push_back({facts.zookeeper.group,
                        {node.topic, node.partition},
                        node.path,
                        node.node,
                        node.parsed.offset});
    KFERRY_TRY(const auto changed, endpoints_.source.find_changed(seen, wait_.stop()));
    const auto sampled_for =
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - first_sample);
    auto has_changed = changed.begin();
    for (GroupFacts& facts : facts_.groups) {
      Quiescence& quiescence = facts.quiescence;
      ++quiescence.samples;
      quiescence.sampled_for_ms = sampled_for.count();
      quiescence.changed_paths.clear();
      for (const auto& node : facts.zookeeper.offsets)
        if (*has_changed++) quiescence.changed_paths.push_back(node.path);
    }
    return {};
  }

  const Endpoints& endpoints_;
  const GatherRequest& request_;
  const Wait wait_;
  const GatherProgress& progress_;
  groupproto::Coordinators coordinators_;
  std::optional<std::string> zookeeper_cluster_id_;
  std::vector<TopicName> expected_topics_;  // that ZooKeeper knows too: missing ones are late
  Facts facts_;
};

}  // namespace

std::set<TopicName> GatherRequest::topics_of(const GroupId& group) const {
  if (!topics.empty()) return topics;
  const auto found = settings.find(group);
  return found == settings.end() ? std::set<TopicName>() : found->second.topics;
}

Result<Facts> gather(const Endpoints& endpoints, const GatherRequest& request, const Wait& wait,
                     const GatherProgress& progress) {
  return Gatherer(endpoints, request, wait, progress).run();
}

}  // namespace kferry::migrate
