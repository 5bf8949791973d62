// Judging: what we may do.
#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "doctor/judge.h"
#include "doctor/rights_report.h"
#include "replicate/state_topic.h"

namespace kferry::doctor {
namespace {

using enum wire::AclOperation;
using wire::AclResource;

constexpr size_t kMostNamesInCommand = 10;
constexpr const char* kSomebody = "User:KFERRY";  // where we do not know who we are

const Operations* operations_of(const Right& right, const ClusterFacts& cluster) {
  if (right.resource == AclResource::kCluster) return &cluster.operations;
  if (right.resource == AclResource::kGroup) {
    const auto found = cluster.group_operations.find(GroupId(right.name.name));
    return found == cluster.group_operations.end() ? nullptr : &found->second;
  }
  if (right.resource != AclResource::kTopic) return nullptr;
  const auto found = cluster.topic_operations.find(TopicName(right.name.name));
  return found == cluster.topic_operations.end() ? nullptr : &found->second;
}

// Nothing has to be created that is there. kferry asks for its state topic to be created each time.
bool is_moot(const Right& right, const DoctorFacts& facts, const ClusterFacts& cluster) {
  if (right.operation == kIdempotentWrite) return !cluster.before_2_8;
  // Who may write markers needs no empty transactions.
  if (right.resource == AclResource::kTransactionalId)
    return cluster.operations &&
           (cluster.operations->contains(kAlter) || cluster.operations->contains(kClusterAction));
  const TopicName topic(right.name.name);
  return right.operation == kCreate && right.resource == AclResource::kTopic &&
         topic != replicate::StateTopic::name_of(facts.scope.flow.name) &&
         cluster.topics.contains(topic);
}

bool is_for(const wire::Acl& acl, const Right& right, const std::string& principal) {
  const bool named = acl.pattern == wire::AclPattern::kPrefixed
                         ? right.name.name.starts_with(acl.name)
                         : acl.pattern == wire::AclPattern::kLiteral &&
                               (acl.name == "*" || acl.name == right.name.name);
  return acl.resource == right.resource && named &&
         (acl.principal == principal || acl.principal == "User:*");
}

// What the ACLs say, where the brokers do not tell operations. That none allows it proves nothing:
// there are super users, groups of users, and clusters that allow what nobody forbids.
std::optional<bool> by_acls(const Right& right, const ClusterFacts& cluster) {
  if (!cluster.principal) return std::nullopt;
  std::optional<bool> allowed;
  for (const wire::Acl& acl : cluster.acls) {
    if (!is_for(acl, right, *cluster.principal)) continue;
    const bool denies = acl.permission == wire::AclPermission::kDeny;
    if (denies && (acl.operation == right.operation || acl.operation == kAll)) return false;
    if (!denies && acl.host == "*" && implies(acl.operation, right.operation)) allowed = true;
  }
  return allowed;
}

std::string plural_of(AclResource resource, size_t count) {
  if (resource == AclResource::kCluster) return "the cluster";
  return wire::to_string(resource) + (count == 1 ? " " : "s ");
}

// Rights that differ in the name alone.
using Kind = std::tuple<bool, AclResource, wire::AclOperation, std::string, std::string>;

std::string command_for(std::vector<Right> rights, const ClusterFacts& cluster) {
  const size_t left_out =
      rights.size() > kMostNamesInCommand ? rights.size() - kMostNamesInCommand : 0;
  rights.resize(rights.size() - left_out);
  const auto commands =
      acl_commands(rights, cluster.servers, cluster.principal.value_or(kSomebody));
  return commands.front() +
         (left_out > 0 ? fmt::format("   (and the same for {} more)", left_out) : "");
}

Finding missing(const Kind& kind, const std::vector<Right>& rights, const ClusterFacts& cluster) {
  const auto& [needed, resource, operation, why, without] = kind;
  std::vector<std::string> names;
  if (resource != AclResource::kCluster)
    for (const Right& right : rights) names.push_back(right.name.name);
  return {needed ? Level::kDenied : Level::kNote,
          "right",
          fmt::format("{}, {}{}", to_string(cluster.side), plural_of(resource, names.size()),
                      names_in_short(names)),
          fmt::format("{} is missing{}", wire::to_string(operation),
                      needed ? "" : ", which is of use but not needed"),
          fmt::format("{}; without: {}", why, without),
          command_for(rights, cluster)};
}

void judge_side(const DoctorFacts& facts, const ClusterFacts& cluster, Findings& findings) {
  if (cluster.trouble) return;
  std::map<Kind, std::vector<Right>> missing_rights;
  std::map<std::string, std::vector<std::string>> unknown;  // names by the operation and resource
  size_t held = 0;
  for (const Right& right : rights_of(facts.jobs, facts.scope)) {
    if (right.side != cluster.side || is_moot(right, facts, cluster)) continue;
    const bool needed = right.needed || right.operation == kIdempotentWrite;
    const auto has = is_held(right, cluster);
    if (!has)
      unknown[fmt::format("{} on {}", wire::to_string(right.operation),
                          wire::to_string(right.resource))]
          .push_back(right.name.name);
    else if (*has)
      ++held;
    else
      missing_rights[{needed, right.resource, right.operation, right.why, right.without}].push_back(
          right);
  }
  const std::string side(to_string(cluster.side));
  for (const auto& [kind, rights] : missing_rights)
    findings.push_back(missing(kind, rights, cluster));
  std::vector<std::string> words;
  for (const auto& [what, names] : unknown)
    words.push_back(
        what.ends_with("cluster") ? what : fmt::format("{} {}", what, names_in_short(names, 3)));
  const bool fresh = cluster.has_no_groups;
  if (!words.empty())
    findings.push_back(
        {Level::kUnknown, "right", side,
         fmt::format("whether we have these rights is not told: {}", fmt::join(words, "; ")),
         cluster.tells_operations ? "brokers tell it to who may DESCRIBE the resource"
                                  : "brokers before 2.3 do not tell it (KIP-430)",
         fresh ? "asking about groups would create __consumer_offsets on a cluster that has none; "
                 "`kferry acls` lists the rights"
               : "grant DESCRIBE on the cluster, or compare with `kferry acls`"});
  if (held > 0 && missing_rights.empty())
    findings.push_back({Level::kFine, "right", side,
                        fmt::format("{} rights that the jobs want are there", held), "", ""});
}

}  // namespace

std::optional<bool> is_held(const Right& right, const ClusterFacts& cluster) {
  if (cluster.operations && std::ranges::any_of(*cluster.operations, [&](wire::AclOperation one) {
        return replaces(one, right);
      }))
    return true;
  const Operations* const operations = operations_of(right, cluster);
  if (operations == nullptr || !*operations) return by_acls(right, cluster);
  if (std::ranges::any_of(**operations,
                          [&](wire::AclOperation held) { return implies(held, right.operation); }))
    return true;
  // Who may not DESCRIBE is not told about the others: but those that bring DESCRIBE along are not
  // there.
  if ((*operations)->empty() && right.operation != kDescribe &&
      !implies(right.operation, kDescribe))
    return by_acls(right, cluster);
  return false;
}

void judge_rights(const DoctorFacts& facts, Findings& findings) {
  judge_side(facts, facts.source, findings);
  if (facts.target) judge_side(facts, *facts.target, findings);
}

}  // namespace kferry::doctor
