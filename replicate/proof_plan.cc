#include "replicate/proof_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "replicate/cluster_settings.h"
#include "replicate/proof_sink.h"
#include "replicate/state_topic.h"
#include "replicate/topic_keeper.h"
#include "replicate/topic_sync_apply.h"
#include "wire/error_code.h"
#include "wire/log_range.h"

namespace kferry::replicate {
namespace {

using verify::PartitionProof;
using Ranges = std::map<TopicPartition, wire::LogRange>;

// How long the target may take to reach the source's ends.
constexpr Duration kCatchUp{10'000};
constexpr Duration kLookAgain{250};

class Planner {
 public:
  Planner(const ProofSettings& settings, wire::Cluster source, wire::Cluster target,
          kafkaio::TopicAdmin source_admin, kafkaio::TopicAdmin target_admin, const Wait& wait)
      : settings_(settings),
        source_(std::move(source)),
        target_(std::move(target)),
        source_admin_(std::move(source_admin)),
        target_admin_(std::move(target_admin)),
        wait_(wait) {
    plan_.flow = settings.flow;
  }

  Result<ProofPlan> run() {
    KFERRY_CHECK(read_state());
    KFERRY_CHECK(compare_topics());
    KFERRY_CHECK(list_partitions());
    KFERRY_CHECK(read_ends());
    return std::move(plan_);
  }

 private:
  Result<> read_state() {
    if (!settings_.use_flow_state) {
      plan_.report.notes.emplace_back(
          "no --flow given: every record is expected at the offset that it has on the source");
      return {};
    }
    KFERRY_TRY(auto state,
               replicate::read_state(plan_.flow.target.properties, plan_.flow.name, wait_));
    if (!state)
      return fail(ErrorKind::kUsage,
                  fmt::format("--flow '{}': the target has no topic {}", plan_.flow.name,
                              StateTopic::name_of(plan_.flow.name)),
                  "without --flow offsets are taken to be the same on both sides");
    plan_.state = std::move(*state);
    KFERRY_TRY(const auto flow, plan_.state.flow());
    if (flow && plan_.flow.topic_prefix.empty()) plan_.flow.topic_prefix = flow->topic_prefix;
    return {};
  }

  Result<> compare_topics() {
    KFERRY_TRY(
        const TargetDifferences found,
        find_differences(plan_.flow, {source_, target_, source_admin_, target_admin_}, {}, wait_));
    verify::ProofReport& report = plan_.report;
    for (const TopicDifference& one : found.topics)
      (is_warning(one) ? report.notes : report.differences).push_back(to_text(one));
    for (const wire::Acl& one : found.acls.missing) report.differences.push_back(to_text(one));
    for (const LeftOutAcl& one : found.acls.left_out) report.notes.push_back(to_text(one));
    if (!found.acls.note.empty()) report.notes.push_back(found.acls.note);
    report.notes.insert(report.notes.end(), found.notes.begin(), found.notes.end());
    return {};
  }

  Result<> list_partitions() {
    KFERRY_TRY(source_metadata_, source_.fetch_metadata(std::nullopt, wait_));
    KFERRY_TRY(target_metadata_, target_.fetch_metadata(std::nullopt, wait_));
    KFERRY_TRY(const TopicsRead read,
               read_topics(
                   source_admin_,
                   [&](const TopicName& topic) { return is_mirrored(plan_.flow, topic); }, wait_));
    for (const TopicName& topic : select_topics(plan_.flow, source_metadata_)) {
      const auto known = read.topics.find(topic);
      bool compacted = false;
      if (known != read.topics.end()) {
        const auto policy = known->second.configs.find("cleanup.policy");
        compacted = policy != known->second.configs.end() && policy->second.value &&
                    policy->second.value->contains("compact");
      }
      for (const auto& [partition, leader] : source_metadata_.topics.at(topic).partitions)
        KFERRY_CHECK(add_partition({topic, partition}, compacted));
    }
    return {};
  }

  Result<> add_partition(const TopicPartition& source, bool compacted) {
    const TopicName target = target_topic(plan_.flow, source.topic);
    const auto topic = target_metadata_.topics.find(target);
    if (topic == target_metadata_.topics.end() ||
        !topic->second.partitions.contains(source.partition))
      return {};  // compare_topics() has said so
    PartitionProof proof{.source = source, .target_topic = target};
    PartitionPlan details{.map = {}, .compacted = compacted};
    if (settings_.use_flow_state) {
      KFERRY_TRY(const auto record, plan_.state.partition(source));
      proof.identity = !record || record->identity;
      if (!record) proof.trouble = "the flow has not mirrored it";
      if (!proof.identity) {
        KFERRY_TRY(details.map, plan_.state.map(source));
        // Before the first run is saved, the reference point is all there is to know.
        if (details.map.runs().empty())
          details.map.add({record->reference.source, record->reference.target});
      }
    }
    plan_.report.partitions.push_back(std::move(proof));
    plan_.details.push_back(std::move(details));
    return {};
  }

  Result<> read_ends() {
    std::vector<TopicPartition> sources;
    std::vector<TopicPartition> targets;
    for (const PartitionProof& one : plan_.report.partitions) {
      sources.push_back(one.source);
      targets.push_back({one.target_topic, one.source.partition});
    }
    KFERRY_TRY(const Ranges source, wire::fetch_log_ranges(source_, source_metadata_, sources,
                                                           wait_, wire::LogEnd::kLastStable));
    const Deadline deadline = Deadline::after(kCatchUp);
    while (true) {
      KFERRY_TRY(const Ranges target, wire::fetch_log_ranges(target_, target_metadata_, targets,
                                                             wait_, wire::LogEnd::kLastStable));
      bool behind = false;
      for (size_t i = 0; i < sources.size(); ++i)
        behind = !take_ends(i, source.at(sources[i]), target.at(targets[i])) || behind;
      if (!behind || deadline.expired()) return {};
      if (!wait_.stop().sleep_for(kLookAgain)) return wait_.stop().check("waiting for the target");
    }
  }

  // Whether the target has reached the source's end.
  bool take_ends(size_t index, const wire::LogRange& source, const wire::LogRange& target) {
    PartitionProof& one = plan_.report.partitions[index];
    for (const int16_t code : {source.error_code, target.error_code}) {
      if (code == wire::kNone) continue;
      const auto& row = wire::error_row(code);
      one.trouble =
          fmt::format("its log's ends cannot be read: {} ({})", row.name, row.description);
      return true;
    }
    one.source_begin = source.start.value();
    one.source_end = source.end.value();
    one.target_begin = target.start.value();
    one.target_end = target.end.value();
    one.compared_to = one.source_begin;
    if (one.identity) return one.target_end >= one.source_end;
    const auto expected = plan_.details[index].map.to_target(SourceOffset(one.source_end));
    return !expected || one.target_end >= expected->value();
  }

  const ProofSettings& settings_;
  wire::Cluster source_;
  wire::Cluster target_;
  kafkaio::TopicAdmin source_admin_;
  kafkaio::TopicAdmin target_admin_;
  const Wait wait_;
  wire::ClusterMetadata source_metadata_;
  wire::ClusterMetadata target_metadata_;
  ProofPlan plan_;
};

// What was compared already stays so, up to the ends that were fixed then; what differed is looked
// at again.
void take_up(const verify::ProofReport& before, ProofPlan& plan) {
  std::map<TopicPartition, const PartitionProof*> known;
  for (const PartitionProof& one : before.partitions) known[one.source] = &one;
  for (PartitionProof& one : plan.report.partitions) {
    const auto found = known.find(one.source);
    if (found == known.end()) continue;
    const PartitionProof& old = *found->second;
    const bool reusable = old.trouble.empty() && old.differing_ranges == 0 &&
                          old.identity == one.identity && old.target_topic == one.target_topic;
    if (reusable && one.trouble.empty()) one = old;
  }
  plan.report.seconds = before.seconds;
  plan.report.started_at_ms = before.started_at_ms;
}

}  // namespace

Result<ProofPlan> plan_proof(const ProofSettings& settings, const Wait& wait) {
  const FlowSettings& flow = settings.flow;
  KFERRY_TRY(auto source, connect_to(flow.source, wait));
  KFERRY_TRY(auto target, connect_to(flow.target, wait));
  KFERRY_TRY(const auto source_properties, client_properties(flow.source.properties, source, wait));
  KFERRY_TRY(auto source_admin, kafkaio::TopicAdmin::connect(source_properties));
  KFERRY_TRY(auto target_admin, kafkaio::TopicAdmin::connect(flow.target.properties));
  KFERRY_TRY(ProofPlan plan, Planner(settings, std::move(source), std::move(target),
                                     std::move(source_admin), std::move(target_admin), wait)
                                 .run());
  plan.report.scope = settings.scope;
  plan.report.started_at_ms = wall_clock_ms();
  if (settings.resumed) take_up(*settings.resumed, plan);
  return plan;
}

}  // namespace kferry::replicate
