// Compares committed offsets: a group's offset on the target is to be the source's, translated.
#pragma once

#include "base/interrupt.h"
#include "replicate/proof_plan.h"

namespace kferry::replicate {

// Of the selected groups, in the partitions of the plan; fills plan.report.groups. While something
// differs it looks again, a few seconds: a mirror that is running brings offsets within half a
// second. kUnreachable, kNotAuthorised, kFailed, kInterrupted.
Result<> compare_groups(ProofPlan& plan, const Wait& wait);

}  // namespace kferry::replicate
