// Who is in a group, as its coordinator sees it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/named.h"
#include "groupproto/coordinators.h"

namespace kferry::groupproto {

struct GroupMember {
  MemberId id;
  std::string client_id;
  std::string client_host;  // as the broker gives it, e.g. "/10.1.2.3"
};

struct GroupState {
  // "Dead" (unknown), "Empty", "Stable", "PreparingRebalance", "CompletingRebalance" (AwaitingSync
  // before 1.1).
  std::string state;
  std::string protocol_type;  // "consumer"; "" for a group of simple commits
  std::vector<GroupMember> members;
};

// DescribeGroups of many groups, batched by coordinator. One result per group. Where no broker
// knows DescribeGroups (0.8) every group is "Dead" without members: it cannot have any.
using StatesByGroup = std::map<GroupId, Result<GroupState>>;
Result<StatesByGroup> describe_groups(Coordinators& coordinators,
                                      const std::vector<GroupId>& groups, const Wait& wait);

// "client 'payments-1' on /10.1.2.3 (member ...)", several joined by ", ".
std::string to_string(const std::vector<GroupMember>& members);

}  // namespace kferry::groupproto
