// ZooKeeper against Kafka, read through another Kafka client than the migration's: the work of
// `kferry verify`, which `kferry handoff` does too.
#pragma once

#include <optional>

#include "cli/session.h"
#include "migrate/plan.h"
#include "verify/report.h"

namespace kferry::cli {

// Gathers what verify() looks at: no second read of ZooKeeper, no watch for who still commits.
Result<migrate::Facts> gather_for_verification(Session& session, migrate::GatherRequest request);

// What `plan`, or without one ZooKeeper as `facts` have it, says that Kafka should have, compared
// with what Kafka has now. kUnreachable, kNotAuthorised; what concerns one group stands in it.
Result<verify::DiffReport> verify_facts(Session& session, const migrate::Facts& facts,
                                        const std::optional<migrate::Plan>& plan);

}  // namespace kferry::cli
