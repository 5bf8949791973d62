#include "cli/planning.h"

#include "migrate/planner.h"

namespace kferry::cli {

Result<migrate::Plan> make_plan(Session& session, const SelectionOptions& selection,
                                const PlanningOptions& planning) {
  KFERRY_TRY(migrate::GatherRequest request, session.select(selection, false));
  request.broker_read = planning.broker_read;
  request.quiet_period = planning.quiet_period;
  request.quiet_samples = planning.quiet_samples;
  KFERRY_TRY(const migrate::Facts facts, session.gather(request));
  return migrate::make_plan(facts, planning.policies, KFERRY_VERSION);
}

}  // namespace kferry::cli
