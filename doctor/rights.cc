#include "doctor/rights.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "doctor/rights_table.h"
#include "migrate/receipt.h"
#include "replicate/mm2_records.h"
#include "replicate/state_topic.h"

namespace kferry::doctor {
namespace {

using enum Job;
using enum wire::AclOperation;
using replicate::FlowSettings;
using wire::AclOperation;
using wire::AclPattern;
using wire::AclResource;

constexpr std::array kJobNames{"scan",      "plan",    "migrate", "verify", "rollback", "handoff",
                               "replicate", "cutover", "prove",   "status", "doctor"};

constexpr auto kSource = Side::kSource;
constexpr auto kTarget = Side::kTarget;

AclResource resource_of(Of of) {
  switch (of) {
    case Of::kCluster:
      return AclResource::kCluster;
    case Of::kGroups:
    case Of::kReceipts:
    case Of::kSharing:
      return AclResource::kGroup;
    case Of::kGapFillers:
      return AclResource::kTransactionalId;
    case Of::kTopics:
    case Of::kState:
    case Of::kMm2Topics:
      break;
  }
  return AclResource::kTopic;
}

bool applies(When when, const FlowSettings& flow) {
  switch (when) {
    case When::kAlways:
      break;
    case When::kGroupSync:
      return flow.sync_group_offsets;
    case When::kAcls:
      return flow.sync_acls;
    case When::kConfigs:
      return flow.sync_topic_configs;
    case When::kIdentity:
      return flow.offsets != replicate::OffsetsMode::kTranslate;
  }
  return true;
}

// With `prefix` in front; "*" becomes the prefix alone.
std::vector<NamePattern> with_prefix(const std::string& prefix, std::vector<NamePattern> names) {
  if (prefix.empty()) return names;
  for (NamePattern& one : names)
    one = one.name == "*" ? NamePattern{AclPattern::kPrefixed, prefix}
                          : NamePattern{one.pattern, prefix + one.name};
  return names;
}

std::vector<NamePattern> mm2_topics(const FlowSettings& flow, Side side) {
  const auto [source, target] = replicate::aliases_of(flow.name);
  const bool on_target = side == kTarget;
  std::vector<NamePattern> names;
  const auto add = [&](const TopicName& topic) {
    names.push_back({AclPattern::kLiteral, topic.value()});
  };
  if (on_target && flow.emit_checkpoints) add(replicate::checkpoints_topic(source));
  if (flow.emit_offset_syncs && on_target == flow.offset_syncs_on_target)
    add(replicate::offset_syncs_topic(on_target ? source : target));
  if (on_target && flow.emit_heartbeats) {
    add(replicate::heartbeats_topic());
    add(replicate::remote_heartbeats_topic(source));
  }
  return names;
}

std::vector<NamePattern> names_of(const Rule& rule, const RightsScope& scope) {
  const auto state = replicate::StateTopic::name_of(scope.flow.name).value();
  switch (rule.of) {
    case Of::kCluster:
      return {{AclPattern::kLiteral, "kafka-cluster"}};
    case Of::kTopics:
      return rule.side == kTarget ? with_prefix(scope.flow.topic_prefix, scope.topics)
                                  : scope.topics;
    case Of::kGroups:
      return scope.groups;
    case Of::kReceipts:
      return with_prefix(migrate::receipt_group(GroupId("")).value(), scope.groups);
    case Of::kState:
    case Of::kSharing:
      return {{AclPattern::kLiteral, state}};
    case Of::kGapFillers:
      return {{AclPattern::kPrefixed, fmt::format("kferry-{}-", scope.flow.name)}};
    case Of::kMm2Topics:
      return mm2_topics(scope.flow, rule.side);
  }
  return {};
}

using Key = std::tuple<Side, AclResource, NamePattern, AclOperation>;

void add(std::map<Key, Right>& rights, const Rule& rule, Job job, const NamePattern& name) {
  const AclResource resource = resource_of(rule.of);
  Right& right = rights[{rule.side, resource, name, rule.operation}];
  if (right.jobs.empty())
    right = {rule.side, resource, name, rule.operation, rule.needed, "", "", {}};
  // What is needed says so; of what is only useful every reason counts.
  if (rule.needed && !right.needed) right.why.clear(), right.without.clear();
  if (rule.needed || !right.needed) {
    const auto append = [](std::string& text, const std::string& more) {
      if (text.find(more) == std::string::npos) text += (text.empty() ? "" : "; ") + more;
    };
    append(right.why, rule.why);
    append(right.without, rule.without);
  }
  right.needed = right.needed || rule.needed;
  if (std::ranges::find(right.jobs, job) == right.jobs.end()) right.jobs.push_back(job);
}

// A right that another one of the same resource brings along.
bool is_implied(const Right& right, const std::vector<Right>& all) {
  return std::ranges::any_of(all, [&](const Right& other) {
    return other.side == right.side && other.resource == right.resource &&
           other.name == right.name && other.operation != right.operation &&
           implies(other.operation, right.operation) && (other.needed || !right.needed);
  });
}

// What of an expression stands at the beginning of every name that it matches; `whole`: it is the
// name.
std::pair<std::string, bool> literal_start(std::string_view expression) {
  std::string start;
  for (size_t i = 0; i < expression.size(); ++i) {
    char c = expression[i];
    if (c == '\\') {
      if (i + 1 == expression.size() || std::isalnum(static_cast<unsigned char>(expression[i + 1])))
        return {start, false};
      c = expression[++i];
    } else if (std::string_view(".[](){}*+?^$|").find(c) != std::string_view::npos) {
      return {start, false};
    }
    const char next = i + 1 < expression.size() ? expression[i + 1] : '\0';
    if (next == '*' || next == '?' || next == '{') return {start, false};
    start += c;
  }
  return {start, true};
}

// The alternatives of "a|b|c"; of anything more intricate the expression as it is.
std::vector<std::string> alternatives(const std::string& expression) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (size_t i = 0; i < expression.size(); ++i) {
    const char c = expression[i];
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if (c == '|' && depth == 0) {
      parts.emplace_back();
      continue;
    }
    parts.back() += c;
    if (c == '\\' && i + 1 < expression.size()) parts.back() += expression[++i];
  }
  return parts;
}

bool covers(const NamePattern& wide, const NamePattern& narrow) {
  if (wide == narrow) return false;
  if (wide.pattern == AclPattern::kLiteral) return wide.name == "*";
  return narrow.name != "*" && narrow.name.starts_with(wide.name);
}

}  // namespace

const std::vector<Job>& all_jobs() {
  static const std::vector<Job> jobs{kScan,      kPlan,    kMigrate, kVerify, kRollback, kHandoff,
                                     kReplicate, kCutover, kProve,   kStatus, kDoctor};
  return jobs;
}

std::string_view to_string(Job job) {
  return kJobNames.at(static_cast<size_t>(job));
}

std::optional<Job> parse_job(std::string_view text) {
  for (const Job job : all_jobs())
    if (to_string(job) == text) return job;
  return std::nullopt;
}

std::string_view to_string(Side side) {
  return side == kSource ? "source" : "target";
}

std::vector<NamePattern> cover(const std::vector<std::string>& expressions) {
  std::set<NamePattern> all;
  for (const std::string& expression : expressions)
    for (const std::string& one : alternatives(expression)) {
      const auto [start, whole] = literal_start(one);
      if (start.empty())
        all.insert({AclPattern::kLiteral, "*"});
      else
        all.insert({whole ? AclPattern::kLiteral : AclPattern::kPrefixed, start});
    }
  std::vector<NamePattern> narrowest;
  for (const NamePattern& one : all)
    if (std::ranges::none_of(all, [&](const NamePattern& other) { return covers(other, one); }))
      narrowest.push_back(one);
  return narrowest;
}

std::vector<Right> rights_of(const std::vector<Job>& jobs, const RightsScope& scope) {
  std::map<Key, Right> rights;
  for (const Job job : jobs)
    for (const Rule& rule : rights_table()) {
      if (std::ranges::find(rule.jobs, job) == rule.jobs.end() || !applies(rule.when, scope.flow))
        continue;
      for (const NamePattern& name : names_of(rule, scope)) add(rights, rule, job, name);
    }
  std::vector<Right> all;
  for (auto& [key, right] : rights) all.push_back(std::move(right));
  std::vector<Right> smallest;
  for (const Right& right : all)
    if (!is_implied(right, all)) smallest.push_back(right);
  return smallest;
}

bool implies(AclOperation held, AclOperation wanted) {
  if (held == wanted || held == kAll) return true;
  if (wanted == kDescribe)
    return held == kRead || held == kWrite || held == kDelete || held == kAlter;
  return wanted == kDescribeConfigs && held == kAlterConfigs;
}

bool replaces(AclOperation on_cluster, const Right& right) {
  return on_cluster == kCreate && right.operation == kCreate &&
         right.resource == AclResource::kTopic;
}

}  // namespace kferry::doctor
