// Which offset of the target stands for which offset of the source, in one partition: exact for
// every offset, kept as the runs in which (target - source) is constant. (MM2 keeps 64 samples, and
// consumers re-read what lies between: Kafka's OffsetSyncStore.)
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/named.h"

namespace kferry::replicate {

// From `source` on, up to the next run, records lie at target + (their offset - source).
struct OffsetRun {
  SourceOffset source;
  TargetOffset target;

  friend bool operator==(const OffsetRun&, const OffsetRun&) = default;
};

// Of the way back of a flow (way_back.h): source offsets `from` <= o < `to`. Among them records lie
// that the target has had before. Who has consumed up to one of these has consumed no prefix of the
// target's log but what lies before `target`.
struct MixedRange {
  SourceOffset from;
  SourceOffset to;
  TargetOffset target;

  bool contains(SourceOffset offset) const { return offset >= from && offset < to; }
  friend bool operator==(const MixedRange&, const MixedRange&) = default;
};

// Invariant: runs rise in both offsets, and neighbours differ in (target - source). Two begin at
// the same offset where the first has no record: it says where the copy began. Not thread-safe.
class OffsetMap {
 public:
  // The next record that was copied is not where the last run puts it. A run that says nothing new
  // is left out. False, and nothing is added, when it does not rise, or is negative.
  bool add(const OffsetRun& run);

  // Where a consumer goes on that has consumed everything before `source`: behind the last record
  // that was copied from before it. nullopt: no run begins before or at `source`, so that nothing
  // of it can be said.
  //
  //   source   0 1 2 . . 5 6      (3 and 4 were compacted away)
  //   target   0 1 2 3 4          records 5 and 6 lie at 3 and 4
  //   to_target(2) = 2, (3) = (4) = (5) = 3, (6) = 4
  //
  //   source   0 1 2 3            (somebody else wrote to the target's 2)
  //   target   0 1 x 2 3          records 2 and 3 lie at 3 and 4
  //   to_target(2) = 2: x has not been consumed; (3) = 4
  std::optional<TargetOffset> to_target(SourceOffset source) const;
  // The same the other way, for the way back.
  std::optional<SourceOffset> to_source(TargetOffset target) const;

  size_t size() const { return runs_.size(); }
  const std::vector<OffsetRun>& runs() const { return runs_; }

 private:
  std::vector<OffsetRun> runs_;
};

}  // namespace kferry::replicate
