// What `kferry handoff` judges groups by: the reports, ZooKeeper and Kafka as they are now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "base/result.h"
#include "cli/options.h"
#include "replicate/flow.h"
#include "verify/handoff.h"

namespace kferry::cli {

// Reads only. All groups that `flow` selects and that the configuration, a report, ZooKeeper (where
// the flow has one) or the source's brokers know. kUsage: the configuration; kUnreachable,
// kNotAuthorised: of a cluster as a whole.
Result<verify::HandoffFacts> gather_handoff(
    const replicate::FlowSettings& flow, const CommonOptions& common,
    std::optional<std::vector<verify::CollectedReport>> reports, const StopToken& stop);

}  // namespace kferry::cli
