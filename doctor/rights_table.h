// One row for each right of each job. Private to doctor/: rights.h makes sets of them.
#pragma once

#include <vector>

#include "doctor/rights.h"

namespace kferry::doctor {

// Of what a right is.
enum class Of {
  kCluster,
  kTopics,      // that are copied; on the target by their names there
  kGroups,      // that are migrated or mirrored
  kReceipts,    // the groups with kferry's own notes about those (migrate/receipt.h)
  kState,       // the flow's state topic
  kSharing,     // the consumer group by which the processes of a flow share the work
  kGapFillers,  // the transactional ids by which gaps are filled (replicate/empty_transactions.h)
  kMm2Topics,   // that MirrorMaker 2's tools read
};

// When a right is of use.
enum class When { kAlways, kGroupSync, kAcls, kConfigs, kIdentity };

struct Rule {
  std::vector<Job> jobs;
  Side side;
  Of of;
  wire::AclOperation operation;
  bool needed;
  const char* why;
  const char* without;
  When when = When::kAlways;
};

const std::vector<Rule>& rights_table();

}  // namespace kferry::doctor
