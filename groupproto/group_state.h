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
  // before 1.1); of the consumer protocol (KIP-848) "Assigning" and "Reconciling", too.
  std::string state;
  std::string protocol_type;  // "consumer"; "" for a group of simple commits
  std::vector<GroupMember> members;
};

// One group as a broker lists it.
struct ListedGroup {
  std::string protocol_type;  // "consumer"; "" for a group of simple commits
  std::string state;          // as in GroupState; "" where brokers do not say (before 2.6)
  std::string type;           // "classic", "consumer", "share", ...; "" before 3.8
};
struct GroupList {
  std::map<GroupId, ListedGroup> groups;
  bool has_states = false;  // every broker tells them
};
// ListGroups of every broker (0.9 on). A broker lists what it coordinates, and of that what we may
// describe: what is missing may be hidden. The call fails when one broker cannot be asked, since
// the groups of that one would seem to be gone.
Result<GroupList> list_groups(wire::Cluster& cluster, const Wait& wait);

// DescribeGroups of many groups, batched by coordinator. One result per group. Where no broker
// knows DescribeGroups (0.8) every group is "Dead" without members: it cannot have any. What
// DescribeGroups does not know is asked for as a group of the consumer protocol (KIP-848), where
// brokers know that (3.7).
using StatesByGroup = std::map<GroupId, Result<GroupState>>;
Result<StatesByGroup> describe_groups(Coordinators& coordinators,
                                      const std::vector<GroupId>& groups, const Wait& wait,
                                      Asking asking = Asking::kPatient);

// "client 'payments-1' on /10.1.2.3 (member ...)", several joined by ", ".
std::string to_string(const std::vector<GroupMember>& members);

}  // namespace kferry::groupproto
