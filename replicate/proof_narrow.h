// From ranges that differ to the first record that does.
#pragma once

#include <vector>

#include "base/interrupt.h"
#include "replicate/proof_plan.h"
#include "replicate/proof_reader.h"

namespace kferry::replicate {

// How the records of this proof are read.
struct ProofTools {
  const FlowSettings& flow;
  verify::RangeSample sample;
  bool librdkafka = false;

  Result<> read(const ProofReading& reading, const std::vector<ProofTask>& tasks) const {
    return librdkafka ? read_tasks_by_librdkafka(reading, tasks) : read_tasks(reading, tasks);
  }
};

// The source's offsets [begin, end) of partition `index` of the plan, as they are read on one side.
// `plan` outlives it.
ProofTask make_task(const ProofPlan& plan, size_t index, verify::ProofSide side, int64_t begin,
                    int64_t end);

// Reads the ranges that differ (by partition, as in plan.report) once more, until the first record
// that differs is found, and fills in `difference`. A range whose records prove to be the same (of
// a compacted topic, as far as both sides have them) is no difference any more. At most 32 ranges
// of each side are in memory. Errors as read_tasks().
Result<> narrow(const ProofTools& tools, ProofPlan& plan,
                const std::vector<std::vector<int64_t>>& differing, RateLimit& rate,
                const StopToken& stop);

}  // namespace kferry::replicate
