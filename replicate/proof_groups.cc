#include "replicate/proof_groups.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "replicate/cutover_state.h"
#include "replicate/group_cluster.h"
#include "replicate/group_rules.h"

namespace kferry::replicate {
namespace {

using verify::GroupOutcome;
using verify::GroupProof;

constexpr Duration kCatchUp{10'000};
constexpr Duration kLookAgain{1'000};

class GroupComparison {
 public:
  GroupComparison(ProofPlan& plan, const Wait& wait)
      : plan_(plan), wait_(wait), source_(plan.flow.source), target_(plan.flow.target) {
    for (size_t i = 0; i < plan.report.partitions.size(); ++i)
      index_[plan.report.partitions[i].source] = i;
  }

  Result<> run() {
    KFERRY_CHECK(learn());
    const Deadline deadline = Deadline::after(kCatchUp);
    while (true) {
      KFERRY_CHECK(look());
      const bool differs = std::ranges::any_of(plan_.report.groups, [](const GroupProof& one) {
        return verify::is_difference(one.outcome);
      });
      if (!differs || deadline.expired()) break;
      if (!wait_.stop().sleep_for(kLookAgain)) return wait_.stop().check("comparing groups");
    }
    if (!source_.unseen().empty()) log::warn(source_.unseen());
    return {};
  }

 private:
  // What the mirror remembers of its own commits.
  Result<> learn() {
    for (const auto& [key, value] : plan_.state.records()) {
      // What a group has on the source after its move, nobody brings.
      if (key.starts_with(kMovedPrefix)) lived_.insert(GroupId(key.substr(kMovedPrefix.size())));
      KFERRY_TRY(const auto record, parse_group_record(key, value));
      if (!record) continue;
      if (record->target)
        ours_[{record->group, *record->target}] = record->commits;
      else
        lived_.insert(record->group);
    }
    return {};
  }

  Result<> look() {
    std::vector<TopicPartition> partitions;
    for (const auto& [partition, index] : index_) partitions.push_back(partition);
    KFERRY_TRY(const auto selected, source_.select(plan_.flow.groups, partitions, wait_));
    const std::vector<GroupId> groups(selected.begin(), selected.end());
    plan_.report.groups.clear();
    if (groups.empty()) return {};
    KFERRY_TRY(const auto source,
               source_.offsets(groups, partitions, groupproto::OpenTransactions::kOverlook, wait_));
    KFERRY_TRY(const auto target, target_.look(groups, {}, wait_));
    for (const GroupId& group : groups) KFERRY_CHECK(compare(group, source, target));
    return {};
  }

  Result<> compare(const GroupId& group, const groupproto::OffsetsByGroup& source,
                   const std::map<GroupId, TargetGroup>& target) {
    const auto here = source.find(group);
    const auto there = target.find(group);
    if (here == source.end() || there == target.end())
      return fail(ErrorKind::kFailed, fmt::format("group '{}': no answer", group));
    if (!here->second) return std::unexpected(here->second.error());
    if (!there->second.offsets) return std::unexpected(there->second.offsets.error());
    for (const auto& [partition, committed] : *here->second) {
      const auto index = index_.find(partition);
      if (index == index_.end()) continue;
      const auto& proof = plan_.report.partitions[index->second];
      GroupProof one{
          .group = group.value(), .source = partition, .source_offset = committed.offset.value()};
      one.expected = translate(index->second, one.source_offset);
      const TopicPartition on_target{proof.target_topic, partition.partition};
      const auto found = there->second.offsets->find(on_target);
      if (found != there->second.offsets->end()) one.target_offset = found->second.offset.value();
      one.outcome = judge(one, group, on_target, there->second.state.value_or(""));
      plan_.report.groups.push_back(std::move(one));
    }
    return {};
  }

  std::optional<int64_t> translate(size_t index, int64_t offset) const {
    if (plan_.report.partitions[index].identity) return offset;
    const auto target = plan_.details[index].map.to_target(SourceOffset(offset));
    return target ? std::optional(target->value()) : std::nullopt;
  }

  GroupOutcome judge(const GroupProof& one, const GroupId& group, const TopicPartition& target,
                     const std::string& state) const {
    if (!one.expected) return GroupOutcome::kUntranslated;
    if (!one.target_offset) return GroupOutcome::kMissing;
    if (*one.target_offset == *one.expected) return GroupOutcome::kEqual;
    if (!state.empty() && state != "Empty" && state != "Dead") return GroupOutcome::kActive;
    const auto ours = ours_.find({group, target});
    const bool by_others = ours != ours_.end() && ours->second.any() &&
                           !ours->second.include(TargetOffset(*one.target_offset));
    return lived_.contains(group) || by_others ? GroupOutcome::kMoved : GroupOutcome::kDifferent;
  }

  ProofPlan& plan_;
  const Wait wait_;
  GroupCluster source_;
  GroupCluster target_;
  std::map<TopicPartition, size_t> index_;
  std::map<std::pair<GroupId, TopicPartition>, OwnCommits> ours_;
  std::set<GroupId> lived_;
};

}  // namespace

Result<> compare_groups(ProofPlan& plan, const Wait& wait) {
  if (plan.flow.groups.include.empty()) return {};
  return GroupComparison(plan, wait).run();
}

}  // namespace kferry::replicate
