// Which ACLs of the source the target lacks: a pure comparison, and the little I/O around it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/interrupt.h"
#include "base/named.h"
#include "replicate/flow.h"
#include "wire/acls.h"

namespace kferry::replicate {

// The names there are. Internal topics may be among them.
struct AclNames {
  std::set<TopicName> source_topics = {};
  std::set<TopicName> target_topics = {};
  std::set<GroupId> source_groups = {};
  std::set<GroupId> target_groups = {};
  bool target_has_prefixed = true;  // patterns, which came with 2.0
};

struct LeftOutAcl {
  wire::Acl acl;  // the source's
  std::string reason;

  friend bool operator==(const LeftOutAcl&, const LeftOutAcl&) = default;
};

struct AclPlan {
  std::vector<wire::Acl> missing;  // to be created, in this order: every DENY before any ALLOW
  std::vector<LeftOutAcl> left_out;
  // In words, when nothing is compared: one of the clusters has no authorizer.
  std::string note;

  friend bool operator==(const AclPlan&, const AclPlan&) = default;
};

// What a principal may do on the source it may do on the target afterwards, to what is mirrored,
// and never more than that:
//  - Topics: renamed as the topic is. Groups: as they are. A literal one is copied when the name is
//    selected; a pattern ("*", or a prefix) when its name is selected or it covers a mirrored name.
//    A pattern that would also cover a name on the target that is not mirrored is replaced by one
//    literal ACL for each mirrored name that it covers.
//  - DENY goes before ALLOW, and a DENY is copied whether its name is selected or not, for it may
//    narrow a pattern. Where a DENY had to be replaced, so is each ALLOW that it narrows.
//  - Transactional ids: as they are, of the principals that have a topic or a group by the above.
//  - The cluster: only IDEMPOTENT_WRITE (producers to brokers before 2.8 need it), of the same
//    principals. The others are rights over a cluster (to administer it, to be one of its brokers),
//    not over what is mirrored.
//  - Delegation tokens and users of the source do not exist on the target.
// nullopt for a cluster without authorizer. What the target has beyond that stays.
AclPlan compare_acls(const FlowSettings& flow, const std::optional<std::set<wire::Acl>>& source,
                     const std::optional<std::set<wire::Acl>>& target, const AclNames& names);

// "acl: create ALLOW READ on topic orders to User:billing".
std::string to_text(const wire::Acl& missing);
std::string to_text(const LeftOutAcl& left_out);  // "acl: not copied: ALLOW …: reason"
nlohmann::json to_json(const AclPlan& plan);

// Who changes the target's ACLs; as wire::create_acls().
class AclChanger {
 public:
  virtual ~AclChanger() = default;
  virtual Result<std::vector<Result<>>> create(const std::vector<wire::Acl>& acls,
                                               const Wait& wait) = 0;
};

class ClusterAclChanger : public AclChanger {
 public:
  // `target` must outlive it.
  explicit ClusterAclChanger(wire::Cluster& target) : target_(target) {}
  Result<std::vector<Result<>>> create(const std::vector<wire::Acl>& acls,
                                       const Wait& wait) override;

 private:
  wire::Cluster& target_;
};

// A dry run: everything succeeds, nothing happens.
class NoAclChanger : public AclChanger {
 public:
  Result<std::vector<Result<>>> create(const std::vector<wire::Acl>& acls,
                                       const Wait& wait) override;
};

// Creates what is missing: first all DENYs, then the ALLOWs, but none that a DENY narrows which
// could not be created. One result for each of plan.missing.
Result<std::vector<Result<>>> apply(const AclPlan& plan, AclChanger& changer, const Wait& wait);

}  // namespace kferry::replicate
