// The mirror in this process, from its start to its end: what `kferry replicate` does, and `kferry
// handoff --execute` with the groups that are ready.
#pragma once

#include "base/interrupt.h"
#include "base/result.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "replicate/flow.h"

namespace kferry::cli {

// Serves HTTP where the flow says so, shows progress, puts the last status into `output`. Returns
// the exit code; the errors are those of replicate::Mirror.
Result<int> run_mirror(const replicate::FlowSettings& flow, const CommonOptions& common,
                       const StopToken& stop, Output& output);

}  // namespace kferry::cli
