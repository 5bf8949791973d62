// Reads one side of a proof: all tasks, from all its brokers at once.
#pragma once

#include <vector>

#include "replicate/flow.h"
#include "replicate/proof_sink.h"
#include "replicate/rate_limit.h"

namespace kferry::replicate {

// All of it outlives the reading.
struct ProofReading {
  const ClusterSettings& cluster;
  const verify::RangeSample& sample;
  RateLimit& rate;
  ProofSink& sink;
  const StopToken& stop;
};

// Over our own connections, a thread for each leader; leaders that move or go away are looked for
// again. Every task is told to the sink as finished or failed. kUnreachable when nothing has come
// for a minute, kNotAuthorised, kInterrupted.
Result<> read_tasks(const ProofReading& reading, const std::vector<ProofTask>& tasks);

// The same through librdkafka, whose decoder is not ours. Reads whole partitions, sampled or not,
// and is not slowed down while it fetches ahead.
Result<> read_tasks_by_librdkafka(const ProofReading& reading, const std::vector<ProofTask>& tasks);

}  // namespace kferry::replicate
