// Judging: whether the records can have the offsets that they have on the source.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "doctor/config_values.h"
#include "doctor/judge.h"

namespace kferry::doctor {
namespace {

using replicate::OffsetsMode;

// As the mirror has it (replicate/preparer.cc).
constexpr int64_t kMostFillers = 2'000'000'000;

// Whether the right to something is missing for certain.
bool is_denied(const ClusterFacts& cluster, wire::AclResource resource, const std::string& name,
               std::initializer_list<wire::AclOperation> any_of) {
  return std::ranges::all_of(any_of, [&](wire::AclOperation operation) {
    const Right right{.side = cluster.side,
                      .resource = resource,
                      .name = {wire::AclPattern::kLiteral, name},
                      .operation = operation,
                      .needed = true,
                      .why = {},
                      .without = {},
                      .jobs = {}};
    return is_held(right, cluster) == false;
  });
}

class IdentityJudge {
 public:
  explicit IdentityJudge(const DoctorFacts& facts) : facts_(facts), target_(*facts.target) {}

  void run(Findings& findings) {
    for (const auto& [topic, source] : facts_.source.topics) judge(topic, source);
    tell(findings);
  }

 private:
  enum class Verdict { kPossible, kMirrored, kImpossible, kGiven, kUnknown };

  // Of one partition; the reason goes to `why`.
  Verdict of_partition(const TopicName& topic, Partition number, const PartitionFacts& source,
                       const TopicFacts* target, std::string& why) const {
    const TopicName there = target_topic(facts_.scope.flow, topic);
    if (facts_.mirrored) {
      if (const auto known = facts_.mirrored->find({topic, number});
          known != facts_.mirrored->end()) {
        why = known->second.why_not_identity;
        return known->second.identity ? Verdict::kMirrored : Verdict::kGiven;
      }
    }
    if (!source.range) {
      why = "where the source's log begins cannot be read";
      return Verdict::kUnknown;
    }
    const int64_t start = source.range->start.value();
    int64_t end = 0;
    if (target != nullptr) {
      const auto found = target->partitions.find(number);
      if (found != target->partitions.end()) {
        if (!found->second.range) {
          why = "where the target's log begins and ends cannot be read";
          return Verdict::kUnknown;
        }
        end = found->second.range->end.value();
        if (const int64_t count = end - found->second.range->start.value(); count > 0) {
          why = facts_.mirrored
                    ? "the target's topic has records already, and they are not this flow's"
                    : "the target's topic has records, and the flow's state cannot be read";
          return facts_.mirrored ? Verdict::kImpossible : Verdict::kUnknown;
        }
      }
    }
    if (end > start) {
      why = "the target's log begins behind the source's";
      return Verdict::kImpossible;
    }
    if (start - end > kMostFillers) {
      why = "the source's log begins too far on to fill the offsets before";
      return Verdict::kImpossible;
    }
    if (start > end && is_denied(target_, wire::AclResource::kTopic, there.value(),
                                 {wire::AclOperation::kDelete})) {
      why =
          "the source's log does not begin at 0, and DELETE on the topic is missing, to trim what "
          "fills the offsets before";
      return Verdict::kImpossible;
    }
    return of_gaps(topic, why);
  }

  // Compacted topics have offsets without a record, and so have transactions.
  Verdict of_gaps(const TopicName& topic, std::string& why) const {
    using enum wire::AclOperation;
    if (!is_denied(target_, wire::AclResource::kCluster, "kafka-cluster", {kAlter, kClusterAction}))
      return Verdict::kPossible;
    const auto policy = effective(facts_.source.topics.at(topic).configs, "cleanup.policy");
    if (!policy || !policy->contains("compact") || may_fill_by_transactions())
      return Verdict::kPossible;
    why =
        "it is compacted, and ALTER (or CLUSTER_ACTION) on the cluster is missing, to write "
        "markers "
        "into the gaps; whether we have WRITE on the transactional ids kferry-..., to fill them by "
        "empty transactions, is not told";
    return Verdict::kImpossible;
  }

  bool may_fill_by_transactions() const {
    const auto rights = rights_of({Job::kReplicate}, facts_.scope);
    return std::ranges::any_of(rights, [&](const Right& right) {
      return right.resource == wire::AclResource::kTransactionalId &&
             is_held(right, target_) == true;
    });
  }

  void judge(const TopicName& topic, const TopicFacts& source) {
    if (facts_.scope.flow.offsets == OffsetsMode::kTranslate) {
      verdicts_[{Verdict::kGiven, "--offsets translate"}].insert(topic.value());
      return;
    }
    const auto found = target_.topics.find(target_topic(facts_.scope.flow, topic));
    const TopicFacts* const target = found == target_.topics.end() ? nullptr : &found->second;
    Verdict worst = Verdict::kPossible;
    std::string worst_why;
    for (const auto& [number, partition] : source.partitions) {
      std::string why;
      const Verdict verdict = of_partition(topic, number, partition, target, why);
      if (verdict <= worst) continue;
      worst = verdict;
      worst_why = why;
    }
    verdicts_[{worst, worst_why}].insert(topic.value());
  }

  void tell(Findings& findings) const {
    const bool must = facts_.scope.flow.offsets == OffsetsMode::kIdentity;
    for (const auto& [verdict, names] : verdicts_) {
      const std::vector<std::string> topics(names.begin(), names.end());
      const auto& [kind, why] = verdict;
      const std::string where =
          fmt::format("target, topic{} {}", topics.size() == 1 ? "" : "s", names_in_short(topics));
      switch (kind) {
        case Verdict::kPossible:
          findings.push_back({Level::kFine, "identity", where,
                              "the records can have the offsets that they have on the source", "",
                              ""});
          break;
        case Verdict::kMirrored:
          findings.push_back({Level::kFine, "identity", where,
                              "mirrored already, with the source's offsets", "", ""});
          break;
        case Verdict::kGiven:
          findings.push_back({Level::kNote, "identity", where, "translated: " + why,
                              "offsets differ from the source's; groups get exact ones, offsets "
                              "that applications keep elsewhere do not",
                              ""});
          break;
        case Verdict::kImpossible:
          findings.push_back(
              {Level::kAttention, "identity", where, "not possible: " + why,
               must ? "--offsets identity: these partitions would not be copied"
                    : "their offsets would be translated: groups get exact ones, "
                      "offsets that applications keep elsewhere are wrong",
               "remove the cause before the mirror begins: empty topics (or none) on "
               "the target, and the right that is named"});
          break;
        case Verdict::kUnknown:
          findings.push_back({Level::kUnknown, "identity", where, why,
                              "whether the offsets will be the same cannot be said", ""});
          break;
      }
    }
  }

  const DoctorFacts& facts_;
  const ClusterFacts& target_;
  std::map<std::pair<Verdict, std::string>, std::set<std::string>> verdicts_;
};

}  // namespace

void judge_identity(const DoctorFacts& facts, Findings& findings) {
  if (!facts.has_flow || facts.source.trouble || !facts.target || facts.target->trouble) return;
  IdentityJudge(facts).run(findings);
}

}  // namespace kferry::doctor
