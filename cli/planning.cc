#include "cli/planning.h"

#include "migrate/planner.h"

namespace kferry::cli {
namespace {

constexpr Duration kQuiet{10'000};
// Whoever is registered is not seen then, and the high-level consumer commits every 60 s (Kafka:
// kafka.consumer.ConsumerConfig.AutoCommitInterval).
constexpr Duration kQuietWithoutZookeeper{65'000};

}  // namespace

Result<migrate::Plan> make_plan(Session& session, const SelectionOptions& selection,
                                const PlanningOptions& planning) {
  KFERRY_TRY(migrate::GatherRequest request, session.select(selection, false));
  const OffsetReads reads = session.settings().offset_reads;
  request.broker_read = reads == OffsetReads::kBoth;
  request.quiet_period = planning.quiet_period.value_or(
      reads == OffsetReads::kBroker ? kQuietWithoutZookeeper : kQuiet);
  request.quiet_samples = planning.quiet_samples;
  KFERRY_TRY(const migrate::Facts facts, session.gather(request));
  return migrate::make_plan(facts, planning.policies, KFERRY_VERSION);
}

}  // namespace kferry::cli
