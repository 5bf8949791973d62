// The way back: where the reverse of a flow that is over begins with each partition, so that the
// old cluster gets what producers have written to the new one, and groups the exact offsets there.
//
//   old   0 1 2 3 4                    what producers wrote before they moved
//   new   0 1 2 a 3 b 4 c d            3 and 4 were copied when a and b had been written already
//   old   0 1 2 3 4 a b c d            afterwards
//
// A group that has consumed "0 1 2 a" has consumed no prefix of the old log but "0 1 2": see
// MixedRange. Where the flow was over before the first producer wrote to the new cluster, which is
// what its cut-over tries for, nothing is mixed, and offsets stay the same on both sides.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "replicate/flow_progress.h"
#include "replicate/flow.h"
#include "replicate/flow_state.h"

namespace kferry::replicate {

// In the terms of the reverse: its source is the new cluster, its target the old one.
struct ReturnPoint {
  CopyPosition begin;
  std::string why_not_identity;  // empty: the same offsets on both sides
  OffsetMap map = {};            // of what lies before `begin`; translated only
  std::optional<MixedRange> mixed = {};
};

// How far the flow had got with a partition when it ended.
struct FlowEnd {
  SourceOffset old_end{0};  // everything before it was copied
  TargetOffset new_end{0};  // where the new cluster's log ended then
};

// `record` and `map`: the flow's. `new_start`, `old_end`: of the logs as they are now. kRefused:
// the old cluster has records that were never copied, or the new one has lost some that are to be.
Result<ReturnPoint> return_point(const PartitionRecord& record, const OffsetMap& map,
                                 const FlowEnd& end, SourceOffset new_start, TargetOffset old_end);

// What the flow has left behind. Immutable, and so thread-safe.
class WayBack {
 public:
  // Of the reverse's two clusters; nullopt: a broker that has none (before 0.10.1).
  struct ClusterIds {
    std::optional<std::string> source;
    std::optional<std::string> target;
  };
  // Reads the state of `reverse.reverse_of` from `reverse.source`. kRefused: there is none, it is
  // of other clusters or has a prefix, or its cut-over is not over.
  static Result<WayBack> read(const FlowSettings& reverse, const ClusterIds& ids, const Wait& wait);

  // Whose records lie on the new cluster but came from the old one.
  std::vector<int64_t> producers() const { return {flow_.producer_id, flow_.filler_id}; }
  // nullopt: the flow knows nothing of this partition. Errors as return_point().
  Result<std::optional<ReturnPoint>> of(const TopicPartition& partition, SourceOffset new_start,
                                        TargetOffset old_end) const;

 private:
  LoadedState state_;
  FlowRecord flow_;
  std::map<TopicPartition, SlotProgress::One> progress_;
};

}  // namespace kferry::replicate
