// A cluster's ACLs. Not through librdkafka: its 2.0 has no transactional ids among the resources.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "wire/cluster.h"

namespace kferry::wire {

// The numbers are the protocol's (Kafka: org.apache.kafka.common.acl and .resource). A broker may
// know more than are named here; those come with their number and print as such.
enum class AclResource : int8_t {
  kTopic = 2,
  kGroup = 3,
  kCluster = 4,
  kTransactionalId = 5,
  kDelegationToken = 6,
  kUser = 7,
};
enum class AclPattern : int8_t {
  kLiteral = 3,   // "*" stands for every name
  kPrefixed = 4,  // from 2.0 on (KIP-290)
};
enum class AclOperation : int8_t {
  kAll = 2,
  kRead = 3,
  kWrite = 4,
  kCreate = 5,
  kDelete = 6,
  kAlter = 7,
  kDescribe = 8,
  kClusterAction = 9,
  kDescribeConfigs = 10,
  kAlterConfigs = 11,
  kIdempotentWrite = 12,
  kCreateTokens = 13,
  kDescribeTokens = 14,
  kTwoPhaseCommit = 15,
};
// A Deny wins over every Allow.
enum class AclPermission : int8_t { kDeny = 2, kAllow = 3 };

struct Acl {
  AclResource resource = AclResource::kTopic;
  AclPattern pattern = AclPattern::kLiteral;
  std::string name;       // "kafka-cluster" of the cluster
  std::string principal;  // "User:alice", "User:*"
  std::string host;       // an address, or "*"
  AclOperation operation = AclOperation::kAll;
  AclPermission permission = AclPermission::kAllow;

  friend auto operator<=>(const Acl&, const Acl&) = default;
  friend bool operator==(const Acl&, const Acl&) = default;
};

// As Kafka's tools print them: "topic", "transactional-id"; "literal"; "READ"; "DENY".
std::string to_string(AclResource resource);
std::string to_string(AclPattern pattern);
std::string to_string(AclOperation operation);
std::string to_string(AclPermission permission);
// "DENY WRITE on topic orders (prefixed) to User:alice from 10.0.0.1": "(literal)" and "from *" are
// left out.
std::string to_string(const Acl& acl);

// All of them; nullopt: the cluster has no authorizer (SECURITY_DISABLED), or is older than 0.11.
// Needs DESCRIBE on the cluster. kNotAuthorised, kUnreachable, kFailed.
Result<std::optional<std::set<Acl>>> fetch_acls(Cluster& cluster, const Wait& wait);

// Whether the brokers know prefixed patterns.
Result<bool> has_prefixed_acls(Cluster& cluster, const Wait& wait);

// In the order given, up to 500 in a request; one result for each. Those that exist already are no
// error. A broker may need a moment until it obeys them. Needs ALTER on the cluster.
Result<std::vector<Result<>>> create_acls(Cluster& cluster, const std::vector<Acl>& acls,
                                          const Wait& wait);

}  // namespace kferry::wire
