// MirrorMaker 2's metrics (Kafka's MirrorSourceMetrics and MirrorCheckpointMetrics), for dashboards
// that were made for it. There is no one name for them: the rules of a JMX exporter make it. These
// are the two that are common: connect_mirror_mirrorsourceconnector_record_count, as in the JMX
// exporter's own examples, and the same behind "kafka_", as in Strimzi's.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "replicate/metrics_text.h"
#include "replicate/status.h"

namespace kferry::replicate {

// Not thread-safe.
class Mm2Metrics {
 public:
  void add(const FlowStatus& status, MetricsText& out);

 private:
  struct Counts {
    int64_t records = 0;
    int64_t bytes = 0;
  };
  struct Sample {
    int64_t at_ms = 0;
    std::map<TopicPartition, Counts> counts;
  };

  void remember(const FlowStatus& status);

  // Rates are from `older_` to now: over 30 to 60 s, as Kafka's sampled rates are, once there are
  // that many.
  Sample older_;
  Sample newer_;
};

}  // namespace kferry::replicate
