// A flow's status added up: over all of it, and by topic. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "replicate/status.h"

namespace kferry::replicate {

// Of some partitions. Offsets of the source, where these are known.
struct PartitionTotals {
  int64_t partitions = 0;
  int64_t known = 0;       // of these: where it is and where it ends is known
  int64_t lag = 0;         // of those
  int64_t offsets = 0;     // of those: from the log's start to its end
  int64_t done = 0;        // of these offsets: on the target
  int64_t source_end = 0;  // of those: the sum, which grows as producers write
  int64_t identity = 0;
  std::array<int64_t, kPhases.size()> phases{};

  int64_t in(Phase phase) const { return phases.at(static_cast<size_t>(phase)); }
  void add(const PartitionStatus& one);
};

struct FlowTotals : PartitionTotals {
  int64_t groups_synced = 0;  // with every partition synced, or moved
};
FlowTotals totals_of(const FlowStatus& status);

// 0 to 100 of the offsets that are known; 100 means that nothing is left.
int percent_copied(const PartitionTotals& totals);

struct TopicTotals : PartitionTotals {
  TopicName topic;  // on the source
  TopicName target_topic;
  int64_t records = 0;  // since the process started; -1: not told
  Phase worst = Phase::kCopying;
  std::string reason;  // of the first of the worst partitions that has one; may be empty
  Partition reason_of{-1};
  int64_t same_reason = 0;  // partitions that have just this one

  // "3: an unclean election"; without the number where it is every partition's.
  std::string why() const;
};
// In the order of their names.
std::vector<TopicTotals> topics_of(const FlowStatus& status);

// The first phase that a person has to look at: quarantined, waiting, filling, positioning,
// copying.
bool is_worse(Phase one, Phase other);

}  // namespace kferry::replicate
