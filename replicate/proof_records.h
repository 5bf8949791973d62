// Compares the records of a proof: both sides are read at once, digests compared by range, and what
// differs narrowed down to the first record.
#pragma once

#include <functional>

#include "base/interrupt.h"
#include "base/progress.h"
#include "replicate/proof_plan.h"

namespace kferry::replicate {

struct ProofHooks {
  // Stores an unfinished report, so that it can be resumed. Called every few seconds, by the
  // calling thread.
  std::function<Result<>(const verify::ProofReport&)> save;
  Progress& progress;  // in offsets, of both sides
};

// Fills plan.report.partitions. After an error, kInterrupted included, they have what was compared
// until then. Memory: 32 MB and the digests by which one side is ahead. Errors as read_tasks().
Result<> compare_records(const ProofSettings& settings, ProofPlan& plan, const ProofHooks& hooks,
                         const StopToken& stop);

}  // namespace kferry::replicate
