#include "migrate/plan.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace kferry::migrate {
namespace {

template <class Enum>
struct Named {
  Enum value;
  std::string_view name;
};

constexpr Named<Verdict> kVerdicts[] = {
    {Verdict::kCreate, "create"},
    {Verdict::kEqual, "equal"},
    {Verdict::kAdvance, "advance"},
    {Verdict::kKafkaAhead, "kafka_ahead"},
    {Verdict::kBeforeLogStart, "before_log_start"},
    {Verdict::kAfterLogEnd, "after_log_end"},
    {Verdict::kNoOffset, "no_offset"},
    {Verdict::kUnparsable, "unparsable"},
    {Verdict::kDenied, "denied"},
    {Verdict::kMissingTopic, "missing_topic"},
    {Verdict::kMissingPartition, "missing_partition"},
    {Verdict::kConflict, "conflict"},
};
constexpr Named<Action> kActions[] = {{Action::kCommit, "commit"},
                                      {Action::kKeep, "keep"},
                                      {Action::kSkip, "skip"},
                                      {Action::kRefuse, "refuse"}};
constexpr Named<ConflictPolicy> kConflictPolicies[] = {{ConflictPolicy::kFail, "fail"},
                                                       {ConflictPolicy::kZookeeper, "zookeeper"},
                                                       {ConflictPolicy::kKafka, "kafka"},
                                                       {ConflictPolicy::kMin, "min"},
                                                       {ConflictPolicy::kMax, "max"}};
constexpr Named<RangePolicy> kRangePolicies[] = {
    {RangePolicy::kFail, "fail"}, {RangePolicy::kClamp, "clamp"}, {RangePolicy::kSkip, "skip"}};
constexpr Named<MissingPolicy> kMissingPolicies[] = {{MissingPolicy::kFail, "fail"},
                                                     {MissingPolicy::kSkip, "skip"}};

template <class Enum, size_t N>
std::string_view name_of(const Named<Enum> (&rows)[N], Enum value) {
  for (const Named<Enum>& row : rows)
    if (row.value == value) return row.name;
  std::unreachable();
}

template <class Enum, size_t N>
std::optional<Enum> find(const Named<Enum> (&rows)[N], std::string_view name) {
  for (const Named<Enum>& row : rows)
    if (row.name == name) return row.value;
  return std::nullopt;
}

template <class Value>
std::optional<int64_t> number_of(const std::optional<Value>& value) {
  return value.transform([](const Value& v) { return v.value(); });
}

verify::Outcome outcome_of_kept(const PlannedPartition& partition,
                                zkoffsets::Convention convention) {
  const auto& ours = partition.zookeeper_offset;
  const bool equal = ours && ours->value() < std::numeric_limits<int64_t>::max() &&
                     partition.kafka_before == zkoffsets::to_kafka_offset(*ours, convention);
  return equal ? verify::Outcome::kEqual : verify::Outcome::kKafkaAhead;
}

verify::Outcome outcome_of(const PlannedPartition& partition, zkoffsets::Convention convention) {
  switch (partition.action) {
    case Action::kCommit:
      return verify::Outcome::kPending;
    case Action::kKeep:
      return outcome_of_kept(partition, convention);
    case Action::kSkip:
      return partition.verdict == Verdict::kNoOffset ? verify::Outcome::kNoOffset
                                                     : verify::Outcome::kSkipped;
    case Action::kRefuse:
      return verify::Outcome::kRefused;
  }
  std::unreachable();
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  return name_of(kVerdicts, verdict);
}
std::optional<Verdict> parse_verdict(std::string_view text) {
  return find(kVerdicts, text);
}
std::string_view to_string(Action action) {
  return name_of(kActions, action);
}
std::optional<Action> parse_action(std::string_view text) {
  return find(kActions, text);
}
std::string_view to_string(ConflictPolicy policy) {
  return name_of(kConflictPolicies, policy);
}
std::string_view to_string(RangePolicy policy) {
  return name_of(kRangePolicies, policy);
}
std::string_view to_string(MissingPolicy policy) {
  return name_of(kMissingPolicies, policy);
}
std::optional<ConflictPolicy> parse_conflict_policy(std::string_view text) {
  return find(kConflictPolicies, text);
}
std::optional<RangePolicy> parse_range_policy(std::string_view text) {
  return find(kRangePolicies, text);
}
std::optional<MissingPolicy> parse_missing_policy(std::string_view text) {
  return find(kMissingPolicies, text);
}

verify::GroupReport to_report(const PlannedGroup& group) {
  verify::GroupReport report;
  report.group = group.group;
  report.team = group.team;
  report.layout = zkoffsets::to_string(group.layout);
  report.convention = zkoffsets::to_string(group.convention);
  report.evidence = group.evidence;
  report.evidence.notes.insert(report.evidence.notes.end(), group.warnings.begin(),
                               group.warnings.end());
  report.detail = group.refusal;
  report.partitions.reserve(group.partitions.size());
  for (const PlannedPartition& planned : group.partitions) {
    verify::PartitionReport partition;
    partition.topic = planned.partition.topic;
    partition.partition = planned.partition.partition;
    partition.zookeeper_offset = number_of(planned.zookeeper_offset);
    partition.kafka_offset_before = number_of(planned.kafka_before);
    partition.kafka_offset = number_of(planned.kafka_before);  // nothing was written
    partition.planned_offset = number_of(planned.target);
    partition.log_start_offset = number_of(planned.log_start);
    partition.log_end_offset = number_of(planned.log_end);
    partition.outcome = outcome_of(planned, group.convention);
    partition.verdict = to_string(planned.verdict);
    partition.detail = planned.detail;
    report.partitions.push_back(std::move(partition));
  }
  return report;
}

verify::DiffReport to_report(const Plan& plan) {
  verify::DiffReport report;
  report.verb = "plan";
  report.generated_at_ms = plan.created_at_ms;
  report.tool_version = plan.tool_version;
  report.source = plan.source;
  report.executed = false;
  report.groups.reserve(plan.groups.size());
  for (const PlannedGroup& group : plan.groups) report.groups.push_back(to_report(group));
  report.error = hidden_refusal(plan);
  return report;
}

std::optional<Error> hidden_refusal(const Plan& plan) {
  constexpr std::string_view kHint =
      "log in to ZooKeeper as somebody whom the ACL lets read it "
      "(--zookeeper-auth-file), or leave the group out";
  for (const PlannedGroup& group : plan.groups) {
    if (!group.refusal.empty() && group.partitions.empty())
      return Error{ErrorKind::kNotAuthorised,
                   fmt::format("group '{}' is refused: {}", group.group, group.refusal),
                   std::string(kHint), 0};
    const auto denied =
        std::ranges::find(group.partitions, Verdict::kDenied, &PlannedPartition::verdict);
    if (denied != group.partitions.end())
      return Error{
          ErrorKind::kNotAuthorised,
          fmt::format("group '{}', {}: {}", group.group, denied->partition, denied->detail),
          std::string(kHint), 0};
  }
  return std::nullopt;
}

}  // namespace kferry::migrate
