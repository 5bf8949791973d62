// Whether a flow is well, and if not why, in words: for the exit code of `kferry status` and the
// page. Pure.
#pragma once

#include <string>
#include <vector>

#include "replicate/status.h"

namespace kferry::replicate {

// What a person has to look at, the worst first; empty: all is well. Well is: every partition is
// copied by a running process, the lag is small as `caught_up` of a cut-over has it
// (cutover_rules.h), no group is refused, unreadable or at work on both sides, no trouble is told.
// A flow whose cut-over is over is well without a process.
std::vector<std::string> problems_of(const FlowStatus& status);

// Whether a group in this state waits for a person rather than for the next records.
bool needs_attention(const GroupStatus& group);

// The cut-over is over.
bool is_finished(const FlowStatus& status);

}  // namespace kferry::replicate
