// What kferry's principal has to be allowed for each job: the one table that `kferry acls` prints
// and `kferry doctor` checks. Measured by tests/integration/acls_test.cc: with exactly these a job
// does its work, without any one of them it says what is missing.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replicate/flow.h"
#include "wire/acls.h"

namespace kferry::doctor {

// The verbs that talk to a cluster.
enum class Job {
  kScan,
  kPlan,
  kMigrate,
  kVerify,
  kRollback,
  kHandoff,
  kReplicate,
  kCutover,
  kProve,
  kStatus,
  kDoctor,
};
const std::vector<Job>& all_jobs();
std::string_view to_string(Job job);  // the verb
std::optional<Job> parse_job(std::string_view text);

// Which cluster. The jobs about ZooKeeper know one only: it is the source.
enum class Side { kSource, kTarget };
std::string_view to_string(Side side);  // "source", "target"

// The name of a resource in an ACL: literal ("*": every name), or a prefix.
struct NamePattern {
  wire::AclPattern pattern = wire::AclPattern::kLiteral;
  std::string name;

  friend auto operator<=>(const NamePattern&, const NamePattern&) = default;
  friend bool operator==(const NamePattern&, const NamePattern&) = default;
};

// The narrowest patterns that cover all names which one of these regular expressions (ECMAScript,
// the whole name) matches. ACLs know a prefix at most: of "orders-[0-9]+" it is "orders-".
std::vector<NamePattern> cover(const std::vector<std::string>& expressions);

// What a job is about. Of `flow` the name, the prefix and the switches count.
struct RightsScope {
  replicate::FlowSettings flow;
  std::vector<NamePattern> topics;  // on the source
  std::vector<NamePattern> groups;  // none: no group is looked at
};

struct Right {
  Side side = Side::kSource;
  wire::AclResource resource = wire::AclResource::kTopic;
  NamePattern name;
  wire::AclOperation operation = wire::AclOperation::kDescribe;
  // False: the job is done without it, and `without` says what is missing then.
  bool needed = true;
  std::string why;      // what it is needed for
  std::string without;  // what happens without it
  std::vector<Job> jobs;
};

// The smallest set for all of `jobs` together, ordered by side, resource, name, operation. What
// another right of the set implies (READ, WRITE, DELETE and ALTER imply DESCRIBE; ALTER_CONFIGS
// implies DESCRIBE_CONFIGS; Kafka: AclEntry, Authorizer) is left out.
std::vector<Right> rights_of(const std::vector<Job>& jobs, const RightsScope& scope);

// Whether who may do `held` may do `wanted` to the same resource.
bool implies(wire::AclOperation held, wire::AclOperation wanted);

// Whether this right of the whole cluster makes the other one unnecessary: CREATE.
bool replaces(wire::AclOperation on_cluster, const Right& right);

}  // namespace kferry::doctor
