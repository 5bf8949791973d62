// Makes durable, before it happens, which records of a translated partition do not follow on the
// one before them: after a crash the target says how many records it has, and the plan says which
// source offset that is.
#pragma once

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "replicate/ports.h"

namespace kferry::replicate {

// The record that is the `first`-th to be copied (CopyPosition::copied) has the source offset
// `second`; those after it follow on.
using SourcePlan = std::vector<std::pair<int64_t, SourceOffset>>;

// Thread-safe.
class PlanKeeper {
 public:
  explicit PlanKeeper(StateStore& state) : state_(state) {}

  // Returns when it is durable.
  Result<> extend(const TopicPartition& source, const SourcePlan& more, const Wait& wait);
  // What was extended by `more` has not come to pass.
  void withdraw(const TopicPartition& source, const SourcePlan& more);
  // Entries for records before `copied` are no longer needed, those from `restart` on are void:
  // the next extend() makes that durable.
  void trim(const TopicPartition& source, int64_t copied);
  void restart(const TopicPartition& source, int64_t restart);
  void load(const TopicPartition& source, SourcePlan plan);
  SourcePlan plan(const TopicPartition& source) const;

 private:
  StateStore& state_;
  mutable std::mutex mutex_;
  std::map<TopicPartition, SourcePlan> plans_;
};

}  // namespace kferry::replicate
