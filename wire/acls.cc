#include "wire/acls.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/backoff.h"
#include "wire/error_code.h"
#include "wire/messages/acls.h"

namespace kferry::wire {
namespace {

// A KRaft controller refuses requests that make more than 10,000 records, and each is one.
constexpr size_t kMostAcls = 500;
constexpr int16_t kSecurityDisabled = 54;

template <class T>
using Names = std::vector<std::pair<T, const char*>>;

template <class T>
std::string name_of(const Names<T>& names, T value, const char* what) {
  const auto found = std::ranges::find(names, value, &std::pair<T, const char*>::first);
  return found != names.end() ? found->second
                              : fmt::format("{} {}", what, static_cast<int>(value));
}

std::string address_of(const Broker& broker) {
  return to_string(broker.address());
}

Error described(int16_t code, const std::optional<std::string>& said, const std::string& doing,
                const char* hint) {
  Error error = kafka_error(code, doing);
  // What brokers say of a denial is the request with the session's number, another one each time.
  if (code == kClusterAuthorizationFailed)
    error.hint = hint;
  else if (said && !said->empty())
    error.message += fmt::format(" ({})", *said);
  return error;
}

std::set<Acl> read_acls(const DescribeAclsResponse& response) {
  std::set<Acl> acls;
  for (const auto& resource : response.resources)
    for (const auto& entry : resource.acls)
      acls.insert({.resource = AclResource{resource.resource_type},
                   .pattern = AclPattern{resource.pattern_type},
                   .name = resource.resource_name,
                   .principal = entry.principal,
                   .host = entry.host,
                   .operation = AclOperation{entry.operation},
                   .permission = AclPermission{entry.permission_type}});
  return acls;
}

Result<std::optional<std::set<Acl>>> fetch_once(Broker& broker, const Wait& wait) {
  if (!broker.speaks<DescribeAclsRequest>()) return std::nullopt;
  KFERRY_TRY(const int16_t version, broker.version_of<DescribeAclsRequest>());
  DescribeAclsRequest request;
  request.resource_type_filter = kAnyAclValue;
  request.pattern_type_filter = version == 0 ? kLiteralAclPattern : kAnyAclValue;
  request.operation = kAnyAclValue;
  request.permission_type = kAnyAclValue;
  KFERRY_TRY(const DescribeAclsResponse response, broker.call(request, version, wait));
  if (response.error_code == kSecurityDisabled) return std::nullopt;
  if (response.error_code != kNone)
    return std::unexpected(described(response.error_code, response.error_message,
                                     fmt::format("reading the ACLs from {}", address_of(broker)),
                                     "grant DESCRIBE on the cluster to kferry's principal"));
  return read_acls(response);
}

Result<std::vector<Result<>>> create_once(Broker& broker, std::span<const Acl> acls,
                                          const Wait& wait) {
  KFERRY_TRY(const int16_t version, broker.version_of<CreateAclsRequest>());
  CreateAclsRequest request;
  for (const Acl& acl : acls) {
    request.creations.push_back({.resource_type = static_cast<int8_t>(acl.resource),
                                 .resource_name = acl.name,
                                 .resource_pattern_type = static_cast<int8_t>(acl.pattern),
                                 .principal = acl.principal,
                                 .host = acl.host,
                                 .operation = static_cast<int8_t>(acl.operation),
                                 .permission_type = static_cast<int8_t>(acl.permission)});
  }
  KFERRY_TRY(const CreateAclsResponse response, broker.call(request, version, wait));
  std::vector<Result<>> results;
  for (size_t i = 0; i < acls.size(); ++i) {
    const auto answer = i < response.results.size()
                            ? response.results[i]
                            : CreateAclsResponse::Creation{kUnknownServerError, std::nullopt};
    if (answer.error_code == kNone)
      results.emplace_back();
    else
      results.emplace_back(std::unexpected(
          described(answer.error_code, answer.error_message,
                    fmt::format("creating on {} the ACL {}", address_of(broker),
                                to_string(acls[i])),
                    "grant ALTER on the cluster to kferry's principal")));
  }
  return results;
}

// Both calls can be repeated without harm.
template <class Call>
auto on_any_broker(Cluster& cluster, const Wait& wait, Call&& call) {
  using Answer = decltype(call(std::declval<Broker&>()));
  return with_retry(
      {}, wait,
      [&]() -> Answer {
        KFERRY_TRY(Broker* const broker, cluster.any_broker(wait));
        return call(*broker);
      },
      [](const Error& error) { return error.kind == ErrorKind::kUnreachable; });
}

}  // namespace

std::string to_string(AclResource resource) {
  static const Names<AclResource> names{{AclResource::kTopic, "topic"},
                                        {AclResource::kGroup, "group"},
                                        {AclResource::kCluster, "cluster"},
                                        {AclResource::kTransactionalId, "transactional-id"},
                                        {AclResource::kDelegationToken, "delegation-token"},
                                        {AclResource::kUser, "user"}};
  return name_of(names, resource, "resource type");
}

std::string to_string(AclPattern pattern) {
  static const Names<AclPattern> names{{AclPattern::kLiteral, "literal"},
                                       {AclPattern::kPrefixed, "prefixed"}};
  return name_of(names, pattern, "pattern type");
}

std::string to_string(AclOperation operation) {
  static const Names<AclOperation> names{{AclOperation::kAll, "ALL"},
                                         {AclOperation::kRead, "READ"},
                                         {AclOperation::kWrite, "WRITE"},
                                         {AclOperation::kCreate, "CREATE"},
                                         {AclOperation::kDelete, "DELETE"},
                                         {AclOperation::kAlter, "ALTER"},
                                         {AclOperation::kDescribe, "DESCRIBE"},
                                         {AclOperation::kClusterAction, "CLUSTER_ACTION"},
                                         {AclOperation::kDescribeConfigs, "DESCRIBE_CONFIGS"},
                                         {AclOperation::kAlterConfigs, "ALTER_CONFIGS"},
                                         {AclOperation::kIdempotentWrite, "IDEMPOTENT_WRITE"},
                                         {AclOperation::kCreateTokens, "CREATE_TOKENS"},
                                         {AclOperation::kDescribeTokens, "DESCRIBE_TOKENS"},
                                         {AclOperation::kTwoPhaseCommit, "TWO_PHASE_COMMIT"}};
  return name_of(names, operation, "operation");
}

std::string to_string(AclPermission permission) {
  static const Names<AclPermission> names{{AclPermission::kDeny, "DENY"},
                                          {AclPermission::kAllow, "ALLOW"}};
  return name_of(names, permission, "permission");
}

std::string to_string(const Acl& acl) {
  return fmt::format("{} {} on {} {}{} to {}{}", to_string(acl.permission),
                     to_string(acl.operation), to_string(acl.resource), acl.name,
                     acl.pattern == AclPattern::kLiteral
                         ? ""
                         : fmt::format(" ({})", to_string(acl.pattern)),
                     acl.principal, acl.host == "*" ? "" : fmt::format(" from {}", acl.host));
}

Result<std::optional<std::set<Acl>>> fetch_acls(Cluster& cluster, const Wait& wait) {
  return on_any_broker(cluster, wait, [&](Broker& broker) { return fetch_once(broker, wait); });
}

Result<bool> has_prefixed_acls(Cluster& cluster, const Wait& wait) {
  KFERRY_TRY(const Broker* const broker, cluster.any_broker(wait));
  const auto version = broker->version_of<CreateAclsRequest>();
  return version && *version >= 1;
}

Result<std::vector<Result<>>> create_acls(Cluster& cluster, const std::vector<Acl>& acls,
                                          const Wait& wait) {
  std::vector<Result<>> all;
  for (size_t at = 0; at < acls.size(); at += kMostAcls) {
    const std::span<const Acl> some =
        std::span(acls).subspan(at, std::min(kMostAcls, acls.size() - at));
    KFERRY_TRY(const auto results, on_any_broker(cluster, wait, [&](Broker& broker) {
                 return create_once(broker, some, wait);
               }));
    all.insert(all.end(), results.begin(), results.end());
  }
  return all;
}

}  // namespace kferry::wire
