#include "cli/handoff_facts.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "cli/session.h"
#include "cli/verification.h"
#include "groupproto/group_state.h"
#include "replicate/group_rules.h"

namespace kferry::cli {
namespace {

constexpr Duration kConnectTimeout{60'000};
constexpr Duration kReadTimeout{10 * 60'000};

// What hides in ZooKeeper behind an ACL or in a form that has no meaning in Kafka: a verification
// of the rest would say nothing about it.
std::string trouble_of(const zkoffsets::GroupSnapshot& group) {
  if (!group.kafka07_topics.empty())
    return fmt::format("it has offsets of Kafka 0.7 for '{}', which Kafka cannot have",
                       group.kafka07_topics.front());
  if (!group.all_denied && group.denied_topics.empty() && group.denied_offsets.empty()) return {};
  return fmt::format("some of its offsets in ZooKeeper may not be read: {}",
                     fmt::join(group.problems, "; "));
}

std::optional<int64_t> last_change(const zkoffsets::GroupSnapshot& group) {
  std::optional<int64_t> last;
  for (const zkoffsets::OffsetNode& node : group.offsets)
    last = std::max(last.value_or(0), node.node.mtime_ms);
  return last;
}

class HandoffGatherer {
 public:
  HandoffGatherer(const replicate::FlowSettings& flow, const CommonOptions& common,
                  const StopToken& stop)
      : flow_(flow), common_(common), stop_(stop) {}

  Result<verify::HandoffFacts> gather(std::optional<std::vector<verify::CollectedReport>> reports);

 private:
  bool wanted(const GroupId& group) const {
    return flow_.groups.selects(group.value()) && !replicate::is_internal_group(group);
  }
  void name(const GroupId& group) {
    if (wanted(group)) facts_.groups[group];
  }
  Result<> look_at_zookeeper(Session& session);
  Result<> look_at_kafka(wire::Cluster& cluster);
  Result<> read_offsets(wire::Cluster& cluster);
  Result<> name_teams();

  const replicate::FlowSettings& flow_;
  const CommonOptions& common_;
  const StopToken& stop_;
  Config config_;
  verify::HandoffFacts facts_;
};

Result<> HandoffGatherer::look_at_zookeeper(Session& session) {
  KFERRY_TRY(migrate::GatherRequest request, session.select(SelectionOptions(), true));
  std::erase_if(*request.scan.groups, [&](const GroupId& group) { return !wanted(group); });
  std::erase_if(request.scan.external, [&](const auto& one) { return !wanted(one.group); });
  KFERRY_TRY(const migrate::Facts found, gather_for_verification(session, std::move(request)));
  KFERRY_TRY(verify::DiffReport verified, verify_facts(session, found, std::nullopt));
  facts_.zookeeper_read = true;
  for (verify::GroupReport& group : verified.groups) {
    const GroupId id = group.group;
    facts_.groups[id].verified = std::move(group);
  }
  for (const migrate::GroupFacts& group : found.groups) {
    verify::GroupNow& now = facts_.groups[group.zookeeper.group];
    now.changed_at_ms = last_change(group.zookeeper);
    now.trouble = trouble_of(group.zookeeper);
  }
  return {};
}

Result<> HandoffGatherer::look_at_kafka(wire::Cluster& cluster) {
  const Wait wait(Deadline::after(kReadTimeout), stop_);
  KFERRY_TRY(const auto metadata, cluster.fetch_metadata(std::vector<TopicName>(), wait));
  facts_.cluster_id = metadata.cluster_id;
  const auto listed = groupproto::list_groups(cluster, wait);
  // Brokers before 0.9 keep a list of no groups.
  if (!listed && listed.error().kind != ErrorKind::kFailed) return std::unexpected(listed.error());
  if (!listed) {
    log::warn("groups that keep nothing in ZooKeeper are not known",
              {{"why", listed.error().message}});
    return {};
  }
  for (const auto& [group, about] : listed->groups)
    if (wanted(group) && replicate::may_be_mirrored(group, about))
      facts_.groups[group].in_kafka = true;
  return {};
}

// Of the groups that reports are about.
Result<> HandoffGatherer::read_offsets(wire::Cluster& cluster) {
  std::map<GroupId, std::vector<TopicPartition>> wanted_of;
  for (const verify::CollectedReport& one : *facts_.reports)
    for (const verify::GroupReport& group : one.report.groups) {
      if (!wanted(group.group)) continue;
      for (const verify::PartitionReport& partition : group.partitions)
        wanted_of[group.group].push_back({partition.topic, partition.partition});
    }
  std::vector<groupproto::OffsetsQuery> queries;
  for (auto& [group, partitions] : wanted_of) queries.push_back({group, std::move(partitions)});
  if (queries.empty()) return {};
  groupproto::Coordinators coordinators(cluster);
  KFERRY_TRY(auto offsets, groupproto::fetch_kafka_offsets(
                               coordinators, queries, Wait(Deadline::after(kReadTimeout), stop_)));
  for (auto& [group, read] : offsets) facts_.groups[group].kafka = std::move(read);
  return {};
}

Result<> HandoffGatherer::name_teams() {
  std::vector<GroupId> groups;
  for (const auto& [group, now] : facts_.groups) groups.push_back(group);
  KFERRY_TRY(const auto settings, resolve(config_, groups));
  for (const auto& [group, about] : settings) facts_.groups.at(group).team = about.team;
  return {};
}

Result<verify::HandoffFacts> HandoffGatherer::gather(
    std::optional<std::vector<verify::CollectedReport>> reports) {
  if (!common_.config_file.empty()) {
    KFERRY_TRY(config_, read_config(common_.config_file));
  }
  facts_.copies = [&flow = flow_](const TopicName& topic) {
    return flow.topics.selects(topic.value()) && !replicate::is_internal_topic(topic);
  };
  facts_.reports = std::move(reports);
  for (const auto& [group, rule] : config_.groups) name(group);
  if (facts_.reports)
    for (const auto& one : *facts_.reports)
      for (const auto& group : one.report.groups) name(group.group);

  std::unique_ptr<Session> session;
  std::optional<wire::Cluster> alone;
  const replicate::ClusterSettings& source = flow_.source;
  if (flow_.zookeeper) {
    KFERRY_TRY(session, Session::open({common_, config_, *flow_.zookeeper, flow_.zookeeper_login,
                                       source.bootstrap_servers, source.addresses,
                                       source.properties, source.client},
                                      stop_));
    KFERRY_CHECK(look_at_zookeeper(*session));
  } else {
    KFERRY_TRY(alone, wire::Cluster::connect(source.addresses, source.client,
                                             Wait(Deadline::after(kConnectTimeout), stop_)));
  }
  wire::Cluster& cluster = session ? session->cluster() : *alone;
  KFERRY_CHECK(look_at_kafka(cluster));
  if (facts_.reports) KFERRY_CHECK(read_offsets(cluster));
  KFERRY_CHECK(name_teams());
  facts_.now_ms = wall_clock_ms();
  return std::move(facts_);
}

}  // namespace

Result<verify::HandoffFacts> gather_handoff(
    const replicate::FlowSettings& flow, const CommonOptions& common,
    std::optional<std::vector<verify::CollectedReport>> reports, const StopToken& stop) {
  return HandoffGatherer(flow, common, stop).gather(std::move(reports));
}

}  // namespace kferry::cli
