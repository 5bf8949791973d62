// Selecting, gathering and planning in one go: shared by `plan` and the one-shot form of `migrate`.
#pragma once

#include "cli/session.h"
#include "migrate/plan.h"

namespace kferry::cli {

Result<migrate::Plan> make_plan(Session& session, const SelectionOptions& selection,
                                const PlanningOptions& planning);

}  // namespace kferry::cli
