// What a proof compares: partitions with their fixed ends, offset maps, and everything about
// topics, configs and ACLs that differs.
#pragma once

#include <optional>
#include <vector>

#include "replicate/flow.h"
#include "replicate/flow_state.h"
#include "verify/proof_report.h"
#include "verify/range_digest.h"

namespace kferry::replicate {

struct ProofSettings {
  FlowSettings flow;  // clusters, topics, groups, prefix, the limit on bytes per second
  verify::ProofScope scope;
  bool use_flow_state = false;  // offsets are translated as the state of the flow says
  // An interrupted proof that is to go on.
  std::optional<verify::ProofReport> resumed = {};
};

// What is not in the report of a partition.
struct PartitionPlan {
  OffsetMap map;           // translated partitions only
  bool compacted = false;  // cleanup.policy has compact
};

struct ProofPlan {
  verify::ProofReport report;          // partitions with their ends, nothing compared yet
  std::vector<PartitionPlan> details;  // of report.partitions, in their order
  LoadedState state;                   // of the flow; empty without
  FlowSettings flow;                   // with the prefix that the flow's state has
};

// Reads both clusters; writes nothing. The source's ends come first, and the target gets a few
// seconds to reach them, so that a mirror that is running is no difference. kUsage: the flow has no
// state on the target; kUnreachable, kNotAuthorised, kFailed, kInterrupted.
Result<ProofPlan> plan_proof(const ProofSettings& settings, const Wait& wait);

}  // namespace kferry::replicate
