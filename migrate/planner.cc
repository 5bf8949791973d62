#include "migrate/planner.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "migrate/broker_source.h"
#include "migrate/decision.h"

namespace kferry::migrate {
namespace {

using zkoffsets::Convention;

// How many of those who are alive are named.
constexpr size_t kNamed = 5;

// "a, b and 3 more".
std::string some_of(const std::vector<std::string>& names) {
  const auto end = names.begin() + std::min(std::ssize(names), std::ptrdiff_t{kNamed});
  const std::string text = fmt::format("{}", fmt::join(names.begin(), end, ", "));
  return names.size() <= kNamed ? text : fmt::format("{} and {} more", text, names.size() - kNamed);
}

std::string members_of(const groupproto::GroupState& state) {
  const size_t named = std::min(state.members.size(), kNamed);
  const std::vector<groupproto::GroupMember> first(
      state.members.begin(), state.members.begin() + static_cast<std::ptrdiff_t>(named));
  const std::string text = groupproto::to_string(first);
  return named == state.members.size()
             ? text
             : fmt::format("{} and {} more", text, state.members.size() - named);
}

void note_registered(const Facts& facts, const GroupFacts& group, verify::Evidence& evidence) {
  if (facts.zookeeper.empty()) {
    evidence.registered_consumers.reset();
    evidence.owned_partitions.reset();
    evidence.notes.emplace_back(kConsumersNotSeen);
  } else {
    evidence.registered_consumers = std::ssize(group.zookeeper.registrations);
    evidence.owned_partitions = std::ssize(group.zookeeper.owners);
  }
}

verify::Evidence evidence_of(const Facts& facts, const GroupFacts& group) {
  verify::Evidence evidence;
  const bool through_brokers = facts.zookeeper.empty();
  note_registered(facts, group, evidence);
  if (group.state) {
    evidence.kafka_group_state = group.state->state;
    evidence.kafka_members = std::ssize(group.state->members);
  } else {
    evidence.notes.push_back("the group's members are not known: " + group.state.error().message);
  }
  evidence.samples = group.quiescence.samples;
  evidence.sampled_for_ms = group.quiescence.sampled_for_ms;
  evidence.changed_nodes = std::ssize(group.quiescence.changed_paths);
  evidence.reads = through_brokers                        ? "broker"
                   : usable_broker_read(group) != nullptr ? "zookeeper+broker"
                                                          : "zookeeper";
  if (is_external(group.zookeeper.layout)) {
    evidence.notes.emplace_back("no second read: a broker sees only offsets below /consumers");
  } else if (!group.broker_read) {
    if (!facts.why_no_broker_read.empty())
      evidence.notes.push_back("no second read: " + facts.why_no_broker_read);
  } else if (!*group.broker_read) {
    evidence.notes.push_back("no second read: " + group.broker_read->error().message);
  }
  if (group.quiescence.samples < 2)
    evidence.notes.emplace_back(
        through_brokers
            ? "the offsets were not sampled: a consumer that still commits is not noticed"
            : "the znodes were not sampled: a client that commits without registering is not "
              "noticed");
  return evidence;
}

// Who consumes the group now, one reason each.
std::vector<std::string> signs_of_life(const GroupFacts& group) {
  std::vector<std::string> signs;
  std::vector<std::string> names;
  for (const auto& registration : group.zookeeper.registrations)
    names.push_back(registration.consumer_id);
  if (!names.empty())
    signs.push_back(
        fmt::format("{} consumers are registered in ZooKeeper: {}", names.size(), some_of(names)));
  names.clear();
  for (const auto& owner : group.zookeeper.owners)
    names.push_back(fmt::format("{} of {}-{}", owner.owner, owner.topic, owner.partition));
  if (!names.empty())
    signs.push_back(
        fmt::format("{} partitions have owners in ZooKeeper: {}", names.size(), some_of(names)));
  if (group.state && !group.state->members.empty())
    signs.push_back(fmt::format("{} members are in the Kafka group: {}",
                                group.state->members.size(), members_of(*group.state)));
  else if (group.state && group.state->state != "Empty" && group.state->state != "Dead")
    signs.push_back(fmt::format("Kafka says that the group is {}", group.state->state));
  if (!group.quiescence.changed_paths.empty())
    signs.push_back(fmt::format("{} offset znodes changed within {} ms, somebody still commits: {}",
                                group.quiescence.changed_paths.size(),
                                group.quiescence.sampled_for_ms,
                                some_of(group.quiescence.changed_paths)));
  return signs;
}

std::string refusal_of(const GroupFacts& group) {
  if (!is_utf8(group.zookeeper.group.value()))
    return "the group's name is not UTF-8: Kafka cannot have a group of this name";
  if (!group.kafka)
    return "Kafka's offsets of the group could not be read: " + group.kafka.error().message;
  if (!group.state)
    return "the members of the Kafka group could not be asked for: " + group.state.error().message;
  const std::vector<std::string> signs = signs_of_life(group);
  if (signs.empty()) return {};
  return fmt::format("somebody consumes the group: {}. Stop the consumers and plan again",
                     fmt::join(signs, "; "));
}

// Nothing may be committed for the group. Where nothing would be, there is nothing to refuse.
void refuse(PlannedGroup& planned, const GroupFacts& group) {
  const std::string refusal = refusal_of(group);
  if (refusal.empty()) return;
  const bool unknown = !group.kafka;
  for (PlannedPartition& partition : planned.partitions) {
    if (unknown && partition.verdict == Verdict::kConflict) planned.refusal = refusal;
    if (partition.action != Action::kCommit) continue;
    partition.action = Action::kRefuse;
    partition.target.reset();
    // Short: the reason stands once, at the group.
    if (partition.detail.empty()) partition.detail = "group refused";
    planned.refusal = refusal;
  }
}

std::vector<Partition> partitions_of(const Facts& facts, const TopicName& topic) {
  std::vector<Partition> partitions;
  if (const auto found = facts.topics.find(topic); found != facts.topics.end())
    for (const auto& [partition, leader] : found->second.partitions)
      partitions.push_back(partition);
  return partitions;
}

// Partitions that we see no znode of: those that exist in Kafka of topics that the group has or
// that were named for it, and those of which only a broker sees an offset.
std::set<TopicPartition> without_nodes(const GroupContext& context) {
  std::set<TopicPartition> partitions;
  const auto& nodes = context.group->zookeeper.offsets;
  for (const TopicName& topic : context.group->asked_topics)
    for (const Partition partition : partitions_of(*context.facts, topic))
      partitions.insert({topic, partition});
  const TopicName* previous = nullptr;
  for (const auto& node : nodes) {
    if (previous != nullptr && *previous == node.topic) continue;
    previous = &node.topic;
    for (const Partition partition : partitions_of(*context.facts, node.topic))
      partitions.insert({node.topic, partition});
  }
  if (context.broker_read != nullptr)
    for (const auto& [partition, offset] : *context.broker_read) partitions.insert(partition);
  for (const auto& node : nodes) partitions.erase({node.topic, node.partition});
  return partitions;
}

void plan_kafka07(const GroupContext& context, PlannedGroup& planned) {
  for (const TopicName& topic : context.group->zookeeper.kafka07_topics) {
    std::vector<Partition> partitions = partitions_of(*context.facts, topic);
    if (partitions.empty()) partitions.emplace_back(0);
    for (const Partition partition : partitions)
      planned.partitions.push_back(refuse_kafka07(context, {topic, partition}));
    planned.warnings.push_back(fmt::format(
        "topic {} has offsets of Kafka 0.7, which count bytes: they cannot be converted", topic));
  }
}

// A partition that we may not read may well have an offset: to take it for one without would lose
// the consumer's place.
void plan_denied(const GroupContext& context, PlannedGroup& planned) {
  const zkoffsets::GroupSnapshot& zookeeper = context.group->zookeeper;
  for (const TopicPartition& partition : zookeeper.denied_offsets)
    planned.partitions.push_back(refuse_denied(context, partition));
  for (const TopicName& topic : zookeeper.denied_topics) {
    std::vector<Partition> partitions = partitions_of(*context.facts, topic);
    if (partitions.empty()) partitions.emplace_back(0);
    for (const Partition partition : partitions)
      planned.partitions.push_back(refuse_denied(context, {topic, partition}));
  }
}

// What can be read beside the hidden part may be older than that.
void refuse_hidden(PlannedGroup& planned, const Facts& facts) {
  planned.refusal =
      fmt::format("which offsets the group has is hidden by an ACL at or below {}; kferry is {}",
                  planned.external.empty() ? fmt::format("/consumers/{}/offsets", planned.group)
                                           : planned.external.front().path,
                  facts.zookeeper_login);
  for (PlannedPartition& partition : planned.partitions) {
    if (partition.action != Action::kCommit) continue;
    partition.verdict = Verdict::kDenied;
    partition.action = Action::kRefuse;
    partition.target.reset();
    partition.detail = "group refused: an ACL hides what else it has";
  }
}

// A partition may stand in several lists; the first one counts: a node of its own, then what 0.7
// left behind (a consumer of 0.8 does not read that), then the absence of a node.
void sort_and_unify(std::vector<PlannedPartition>& partitions) {
  const auto key = [](const PlannedPartition& partition) -> const TopicPartition& {
    return partition.partition;
  };
  if (!std::ranges::is_sorted(partitions, {}, key)) std::ranges::stable_sort(partitions, {}, key);
  const auto doubled = std::ranges::unique(partitions, {}, key);
  partitions.erase(doubled.begin(), doubled.end());
}

// Every partition with data stands one before the log's end: what a client that commits the last
// record it has processed leaves behind when it has caught up.
bool looks_last_processed(const PlannedGroup& planned) {
  int64_t with_data = 0;
  for (const PlannedPartition& partition : planned.partitions) {
    if (!partition.log_start || !partition.log_end || *partition.log_start == *partition.log_end)
      continue;
    if (!partition.zookeeper_offset ||
        partition.zookeeper_offset->value() != partition.log_end->value() - 1)
      return false;
    ++with_data;
  }
  return with_data >= 3;
}

void warn_of_convention(PlannedGroup& planned) {
  if (planned.layout == zkoffsets::Layout::kOffsetCommitV0)
    planned.warnings.emplace_back(
        "the convention is assumed to be 'next': if this is KafkaEx.stream or KafkaEx.fetch with "
        "auto-commit, which commit the last processed offset, pass --convention last");
  if (planned.convention == Convention::kNext && looks_last_processed(planned))
    planned.warnings.emplace_back(
        "every offset is exactly one before the log's end: this looks like the last-processed "
        "convention of KafkaEx.stream; if it is, pass --convention last");
}

PlannedGroup plan_group(const Facts& facts, const GroupFacts& group, const Policies& policies) {
  const zkoffsets::GroupSnapshot& zookeeper = group.zookeeper;
  PlannedGroup planned;
  planned.group = zookeeper.group;
  planned.team = group.team;
  planned.layout = zookeeper.layout;
  planned.external = group.external;
  planned.convention =
      group.configured_convention.value_or(zkoffsets::default_convention(zookeeper.layout));
  planned.evidence = evidence_of(facts, group);
  planned.warnings = zookeeper.problems;

  const GroupContext context{&facts,
                             &group,
                             &policies,
                             planned.convention,
                             usable_broker_read(group),
                             group.kafka ? &*group.kafka : nullptr};
  for (const auto& node : zookeeper.offsets) planned.partitions.push_back(decide(context, node));
  plan_denied(context, planned);
  plan_kafka07(context, planned);
  for (const TopicPartition& partition : without_nodes(context))
    planned.partitions.push_back(decide_without_node(context, partition));
  sort_and_unify(planned.partitions);
  refuse(planned, group);
  if (zookeeper.all_denied) refuse_hidden(planned, facts);
  if (!group.configured_convention) warn_of_convention(planned);
  return planned;
}

std::string hexadecimal(const wire::Uuid& id) {
  return fmt::format("{:02x}", fmt::join(id, ""));
}

void note_topic_ids(const Facts& facts, Plan& plan) {
  for (const PlannedGroup& group : plan.groups) {
    for (const PlannedPartition& partition : group.partitions) {
      const TopicName& topic = partition.partition.topic;
      if (plan.topic_ids.contains(topic)) continue;
      const auto found = facts.topics.find(topic);
      if (found == facts.topics.end() || found->second.topic_id == wire::Uuid{}) continue;
      plan.topic_ids.emplace(topic, hexadecimal(found->second.topic_id));
    }
  }
}

}  // namespace

Plan make_plan(const Facts& facts, const Policies& policies, const std::string& tool_version) {
  Plan plan;
  plan.created_at_ms = facts.gathered_at_ms;
  plan.tool_version = tool_version;
  plan.source = {facts.zookeeper, facts.cluster_id, facts.bootstrap_servers};
  plan.policies = policies;
  plan.offsets_retention_ms = facts.offsets_retention_ms;
  plan.groups.reserve(facts.groups.size());
  for (const GroupFacts& group : facts.groups)
    plan.groups.push_back(plan_group(facts, group, policies));
  note_topic_ids(facts, plan);
  return plan;
}

}  // namespace kferry::migrate
