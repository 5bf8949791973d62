// Where partitions' logs start and end.
#pragma once

#include <map>
#include <vector>

#include "base/named.h"
#include "wire/cluster.h"

namespace kferry::wire {

// [start, end): the offsets a consumer can read. `end` is the high watermark, the next offset to be
// written. When `error_code` is not 0, start and end mean nothing.
struct LogRange {
  Offset start;
  Offset end;
  int16_t error_code = 0;
};

// Which end a LogRange has. kLastStable: before the first open transaction (KIP-98); where brokers
// know none (before 0.11) the high watermark.
enum class LogEnd { kHighWatermark, kLastStable };

// Asks every leader once for all of its partitions (in both directions). Where a leader moved, is
// missing or cannot be reached it looks again, until `wait` is over or 10 s have passed; what is
// still without one then comes back with its code, LEADER_NOT_AVAILABLE for a broker that cannot be
// reached. Partitions that are not in `metadata` come back with what it says of their topic, or
// with UNKNOWN_TOPIC_OR_PARTITION. kUnreachable when no broker at all answers.
Result<std::map<TopicPartition, LogRange>> fetch_log_ranges(
    Cluster& cluster, const ClusterMetadata& metadata,
    const std::vector<TopicPartition>& partitions, const Wait& wait,
    LogEnd log_end = LogEnd::kHighWatermark);

}  // namespace kferry::wire
