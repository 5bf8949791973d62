#include "replicate/acl_sync.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "replicate/topic_sync_apply.h"

namespace kferry::replicate {
namespace {

using wire::Acl;
using wire::AclOperation;
using wire::AclPattern;
using wire::AclPermission;
using wire::AclResource;

constexpr const char* kEveryName = "*";
constexpr const char* kEveryUser = "User:*";

bool is_deny(const Acl& acl) {
  return acl.permission == AclPermission::kDeny;
}
bool is_everything(const Acl& acl) {
  return acl.pattern == AclPattern::kLiteral && acl.name == kEveryName;
}
bool is_pattern(const Acl& acl) {
  return acl.pattern != AclPattern::kLiteral || acl.name == kEveryName;
}
bool covers(const Acl& acl, const std::string& name) {
  if (is_everything(acl)) return true;
  return acl.pattern == AclPattern::kPrefixed ? name.starts_with(acl.name) : name == acl.name;
}

// Whether the DENY may take something away from the ALLOW. On the safe side: hosts, operations and
// names are not looked at.
bool may_narrow(const Acl& deny, const Acl& allow) {
  return deny.resource == allow.resource &&
         (deny.principal == allow.principal || deny.principal == kEveryUser ||
          allow.principal == kEveryUser);
}

// The names of one kind of resource.
struct Space {
  std::map<std::string, std::string> mirrored;  // on the source -> on the target
  std::set<std::string> foreign;                // on the target, and not a mirrored one
  std::string prefix;                           // of the names on the target
};

class Comparison {
 public:
  Comparison(const FlowSettings& flow, const AclNames& names) : flow_(flow), names_(names) {
    topics_.prefix = flow.topic_prefix;
    std::set<std::string> ours;
    for (const TopicName& topic : names.source_topics) {
      if (!is_mirrored(flow, topic)) continue;
      const std::string there = target_topic(flow, topic).value();
      topics_.mirrored[topic.value()] = there;
      ours.insert(there);
    }
    for (const TopicName& topic : names.target_topics)
      if (!ours.contains(topic.value()) && !is_internal_topic(topic))
        topics_.foreign.insert(topic.value());
    for (const GroupId& group : names.source_groups)
      if (flow.groups.selects(group.value())) groups_.mirrored[group.value()] = group.value();
    for (const GroupId& group : names.target_groups)
      if (!groups_.mirrored.contains(group.value())) groups_.foreign.insert(group.value());
  }

  // DENYs before ALLOWs; transactional ids and the cluster after topics and groups.
  void copy(const std::set<Acl>& source) {
    for (const bool deny : {true, false})
      for (const Acl& acl : source)
        if (is_deny(acl) == deny) copy_named(acl);
    for (const bool deny : {true, false})
      for (const Acl& acl : source)
        if (is_deny(acl) == deny) copy_unnamed(acl);
  }

  AclPlan plan(const std::set<Acl>& target) && {
    for (const bool deny : {true, false})
      for (const Acl& acl : wanted_)
        if (is_deny(acl) == deny && !target.contains(acl)) plan_.missing.push_back(acl);
    return std::move(plan_);
  }

 private:
  void leave_out(const Acl& acl, std::string reason) {
    plan_.left_out.push_back({acl, std::move(reason)});
  }

  void want(const Acl& acl) {
    wanted_.insert(acl);
    if (!is_deny(acl)) principals_.insert(acl.principal);
  }

  void copy_named(const Acl& acl) {
    if (acl.resource == AclResource::kTopic)
      copy_in(acl, topics_, flow_.topics, is_internal_topic(TopicName(acl.name)));
    else if (acl.resource == AclResource::kGroup)
      copy_in(acl, groups_, flow_.groups, false);
  }

  void copy_in(const Acl& acl, const Space& space, const NameFilter& filter, bool internal) {
    const bool selected = !internal && filter.selects(acl.name);
    Acl there = acl;
    there.name = space.prefix + acl.name;
    if (!is_pattern(acl)) {
      if (selected || (is_deny(acl) && !space.foreign.contains(there.name)))
        want(there);
      else
        leave_out(acl, fmt::format("the {} is not mirrored", to_string(acl.resource)));
      return;
    }
    if (is_everything(acl) && !space.prefix.empty()) {
      there.name = space.prefix;
      there.pattern = AclPattern::kPrefixed;
    }
    const bool covers_some = std::ranges::any_of(
        space.mirrored, [&](const auto& name) { return covers(acl, name.first); });
    if (!selected && !covers_some && !is_deny(acl)) {
      leave_out(acl, "nothing that it covers is mirrored");
      return;
    }
    if (const std::string why = why_not_as_it_is(there, space); !why.empty())
      replace(acl, space, why);
    else
      want(there);
  }

  // Empty: the pattern can stand on the target.
  std::string why_not_as_it_is(const Acl& there, const Space& space) const {
    if (there.pattern == AclPattern::kPrefixed && !names_.target_has_prefixed)
      return "the target knows no prefixed ACLs";
    const auto foreign = std::ranges::find_if(
        space.foreign, [&](const std::string& name) { return covers(there, name); });
    if (foreign != space.foreign.end())
      return fmt::format("it would cover {} {} of the target, too", to_string(there.resource),
                         *foreign);
    const Acl* const deny = find_narrowing(replaced_denies_, there);
    return deny == nullptr ? "" : fmt::format("{} could not be copied as it is", to_string(*deny));
  }

  // By a literal one for each name.
  void replace(const Acl& acl, const Space& space, const std::string& why) {
    size_t count = 0;
    for (const auto& [here, there] : space.mirrored) {
      if (!covers(acl, here)) continue;
      Acl literal = acl;
      literal.pattern = AclPattern::kLiteral;
      literal.name = there;
      want(literal);
      ++count;
    }
    if (is_deny(acl)) replaced_denies_.push_back(acl);
    leave_out(acl, fmt::format("{}: {} mirrored {}{} it instead, by name", why, count,
                               to_string(acl.resource), count == 1 ? " has" : "s have"));
  }

  bool is_of_ours(const Acl& acl) const {
    return acl.principal == kEveryUser || principals_.contains(acl.principal) ||
           principals_.contains(kEveryUser);
  }

  void copy_unnamed(const Acl& acl) {
    switch (acl.resource) {
      case AclResource::kTopic:
      case AclResource::kGroup:
        return;
      case AclResource::kTransactionalId:
        copy_transactional_id(acl);
        return;
      case AclResource::kCluster:
        copy_cluster(acl);
        return;
      default:
        leave_out(acl, fmt::format("a {} of the source does not exist on the target",
                                   to_string(acl.resource)));
    }
  }

  void copy_transactional_id(const Acl& acl) {
    if (!is_deny(acl) && !is_of_ours(acl))
      leave_out(acl, "its principal has no right to anything that is mirrored");
    else if (acl.pattern == AclPattern::kPrefixed && !names_.target_has_prefixed)
      give_up(acl, "the target knows no prefixed ACLs");
    else if (const Acl* const deny = find_narrowing(given_up_denies_, acl))
      leave_out(acl, fmt::format("{} could not be copied", to_string(*deny)));
    else
      wanted_.insert(acl);
  }

  void give_up(const Acl& acl, std::string reason) {
    if (is_deny(acl)) given_up_denies_.push_back(acl);
    leave_out(acl, std::move(reason));
  }

  // Null: `allow` is a DENY itself, or none narrows it.
  static const Acl* find_narrowing(const std::vector<Acl>& denies, const Acl& allow) {
    if (is_deny(allow)) return nullptr;
    const auto found =
        std::ranges::find_if(denies, [&](const Acl& deny) { return may_narrow(deny, allow); });
    return found == denies.end() ? nullptr : &*found;
  }

  void copy_cluster(const Acl& acl) {
    Acl there = acl;
    // Of a DENY for everything, the part that narrows what is copied.
    if (is_deny(acl) && acl.operation == AclOperation::kAll)
      there.operation = AclOperation::kIdempotentWrite;
    if (there.operation != AclOperation::kIdempotentWrite)
      leave_out(acl, "a right over the whole cluster, not over what is mirrored");
    else if (!is_deny(acl) && !is_of_ours(acl))
      leave_out(acl, "its principal has no right to anything that is mirrored");
    else
      wanted_.insert(there);
  }

  const FlowSettings& flow_;
  const AclNames& names_;
  Space topics_;
  Space groups_;
  std::set<Acl> wanted_;
  std::set<std::string> principals_;  // that are allowed something of topics or groups
  std::vector<Acl> replaced_denies_;  // by literal ones
  std::vector<Acl> given_up_denies_;
  AclPlan plan_;
};

nlohmann::json json_of(const Acl& acl) {
  return {{"resource_type", to_string(acl.resource)},
          {"pattern_type", to_string(acl.pattern)},
          {"resource_name", acl.name},
          {"principal", acl.principal},
          {"host", acl.host},
          {"operation", to_string(acl.operation)},
          {"permission", to_string(acl.permission)}};
}

}  // namespace

AclPlan compare_acls(const FlowSettings& flow, const std::optional<std::set<Acl>>& source,
                     const std::optional<std::set<Acl>>& target, const AclNames& names) {
  AclPlan plan;
  if (!source || !target) {
    plan.note = fmt::format("acl: cluster '{}' has no authorizer, so that ACLs are not synced",
                            source ? flow.target.alias : flow.source.alias);
    return plan;
  }
  Comparison comparison(flow, names);
  comparison.copy(*source);
  return std::move(comparison).plan(*target);
}

std::string to_text(const Acl& missing) {
  return escape_control("acl: create " + to_string(missing));
}

std::string to_text(const LeftOutAcl& left_out) {
  return escape_control(
      fmt::format("acl: not copied: {}: {}", to_string(left_out.acl), left_out.reason));
}

nlohmann::json to_json(const AclPlan& plan) {
  nlohmann::json json{{"create", nlohmann::json::array()}, {"left_out", nlohmann::json::array()}};
  for (const Acl& acl : plan.missing) {
    json["create"].push_back(json_of(acl));
    json["create"].back()["text"] = to_text(acl);
  }
  for (const LeftOutAcl& one : plan.left_out) {
    json["left_out"].push_back(json_of(one.acl));
    json["left_out"].back()["reason"] = one.reason;
  }
  json["note"] = plan.note.empty() ? nlohmann::json(nullptr) : nlohmann::json(plan.note);
  return json;
}

Result<std::vector<Result<>>> ClusterAclChanger::create(const std::vector<Acl>& acls,
                                                        const Wait& wait) {
  return wire::create_acls(target_, acls, wait);
}

Result<std::vector<Result<>>> NoAclChanger::create(const std::vector<Acl>& acls, const Wait&) {
  return std::vector<Result<>>(acls.size());
}

Result<std::vector<Result<>>> apply(const AclPlan& plan, AclChanger& changer, const Wait& wait) {
  std::map<Acl, Result<>> results;
  std::vector<Acl> failed_denies;
  for (const bool deny : {true, false}) {
    std::vector<Acl> now;
    for (const Acl& acl : plan.missing) {
      if (is_deny(acl) != deny) continue;
      const auto failed =
          std::ranges::find_if(failed_denies, [&](const Acl& one) { return may_narrow(one, acl); });
      if (failed == failed_denies.end())
        now.push_back(acl);
      else
        results[acl] = fail(ErrorKind::kRefused,
                            fmt::format("the ACL {} was not created, because {} could not be",
                                        to_string(acl), to_string(*failed)));
    }
    if (now.empty()) continue;
    KFERRY_TRY(const auto created, changer.create(now, wait));
    for (size_t i = 0; i < now.size(); ++i) {
      results[now[i]] = created[i];
      if (!created[i] && deny) failed_denies.push_back(now[i]);
    }
  }
  std::vector<Result<>> ordered;
  for (const Acl& acl : plan.missing) ordered.push_back(results.at(acl));
  return ordered;
}

}  // namespace kferry::replicate
