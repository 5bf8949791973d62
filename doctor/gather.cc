#include "doctor/gather.h"

#include <algorithm>
#include <utility>

#include "doctor/cluster_probe.h"
#include "doctor/zookeeper_probe.h"
#include "replicate/group_rules.h"
#include "replicate/state_topic.h"
#include "replicate/topic_sync_apply.h"

namespace kferry::doctor {
namespace {

constexpr Duration kStateTimeout{20'000};

class Gatherer {
 public:
  Gatherer(const DoctorRequest& request, const StopToken& stop) : request_(request), stop_(stop) {
    facts_.scope.flow = request.flow;
    facts_.jobs = request.jobs;
    facts_.has_flow = request.has_flow;
  }

  Result<DoctorFacts> run() {
    read_zookeeper();
    ClusterProbe source(request_.flow.source, Side::kSource, stop_);
    const bool source_answers = source.connect();
    if (source_answers) select(source);
    facts_.now_ms = wall_clock_ms();
    if (source_answers) ask(source, topics_);
    if (source_answers) source.read_safe_offsets(facts_.now_ms);
    facts_.source = std::move(source.facts());
    facts_.source.clocks.insert(facts_.source.clocks.end(), clocks_.begin(), clocks_.end());
    if (request_.has_flow) read_target();
    KFERRY_CHECK(stop_.check("looking at the clusters"));
    return std::move(facts_);
  }

 private:
  bool wanted(const GroupId& group) const {
    return request_.flow.groups.selects(group.value()) && !replicate::is_internal_group(group);
  }

  void read_zookeeper() {
    if (!request_.zookeeper) return;
    ZooKeeperAnswer answer =
        probe_zookeeper(*request_.zookeeper, request_.flow.zookeeper_login, stop_);
    facts_.zookeeper = std::move(answer.facts);
    clocks_ = std::move(answer.clocks);
    for (const GroupId& group : answer.groups)
      if (wanted(group)) groups_.insert(group);
  }

  // Which topics and groups it is about, and so which rights.
  void select(ClusterProbe& source) {
    for (const TopicName& topic : source.topic_names())
      if (replicate::is_mirrored(request_.flow, topic)) topics_.insert(topic);
    for (const GroupId& group : source.group_names())
      if (wanted(group)) groups_.insert(group);
    if (source.facts().lists_members_only)
      for (const std::string& name : request_.flow.groups.names)
        if (wanted(GroupId(name))) groups_.insert(GroupId(name));
    const auto literal = [](const std::string& name) {
      return NamePattern{wire::AclPattern::kLiteral, name};
    };
    for (const TopicName& topic : topics_) facts_.scope.topics.push_back(literal(topic.value()));
    for (const GroupId& group : groups_) facts_.scope.groups.push_back(literal(group.value()));
  }

  void ask(ClusterProbe& cluster, const std::set<TopicName>& topics) {
    std::set<TopicName> other_topics;
    std::set<GroupId> other_groups;
    for (const Right& right : rights_of(facts_.jobs, facts_.scope)) {
      if (right.side != cluster.facts().side) continue;
      if (right.resource == wire::AclResource::kTopic)
        other_topics.insert(TopicName(right.name.name));
      if (right.resource == wire::AclResource::kGroup)
        other_groups.insert(GroupId(right.name.name));
    }
    cluster.read_topics(topics, other_topics);
    cluster.read_groups(groups_, other_groups);
    cluster.read_cluster();
  }

  void read_target() {
    ClusterProbe target(request_.flow.target, Side::kTarget, stop_);
    if (target.connect()) {
      std::set<TopicName> topics;
      for (const TopicName& topic : topics_)
        topics.insert(replicate::target_topic(request_.flow, topic));
      target.group_names();
      ask(target, topics);
      read_mirrored();
    }
    facts_.target = std::move(target.facts());
  }

  void read_mirrored() {
    const auto state = replicate::read_state(request_.flow.target.properties, request_.flow.name,
                                             Wait(Deadline::after(kStateTimeout), stop_));
    if (!state) return;
    facts_.mirrored.emplace();
    if (!*state) return;
    for (const auto& [topic, about] : facts_.source.topics)
      for (const auto& [partition, one] : about.partitions)
        if (auto record = (*state)->partition({topic, partition}); record && *record)
          facts_.mirrored->emplace(TopicPartition{topic, partition}, std::move(**record));
  }

  const DoctorRequest& request_;
  const StopToken& stop_;
  DoctorFacts facts_;
  std::set<TopicName> topics_;  // by their names on the source
  std::set<GroupId> groups_;
  std::vector<ClockFacts> clocks_;  // that ZooKeeper knows of
};

}  // namespace

Result<DoctorFacts> gather(const DoctorRequest& request, const StopToken& stop) {
  return Gatherer(request, stop).run();
}

}  // namespace kferry::doctor
