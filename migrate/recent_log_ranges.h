// Where logs start and end, asked for once for all groups that are migrated in the same moment:
// many groups read the same topics.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "wire/cluster.h"
#include "wire/log_range.h"

namespace kferry::migrate {

// Thread-safe; nobody waits for another's question.
class RecentLogRanges {
 public:
  // An answer is good for `good_for`. A log's start moves when retention has its turn, every few
  // minutes; what it overtakes after the answer it could as well overtake after the commit.
  explicit RecentLogRanges(Duration good_for = Duration(1'000)) : good_for_(good_for) {}

  // The ranges of `partitions`, which are asked for through `cluster` where no recent answer is
  // there. A partition whose answer is an error is asked for again each time. Errors: those of
  // Cluster::fetch_metadata() and fetch_log_ranges().
  Result<std::map<TopicPartition, wire::LogRange>> get(
      wire::Cluster& cluster, const std::vector<TopicPartition>& partitions, const Wait& wait);

 private:
  struct Answer {
    wire::LogRange range;
    std::chrono::steady_clock::time_point at;  // of the question
  };
  using Ranges = std::map<TopicPartition, wire::LogRange>;

  Ranges known(const std::vector<TopicPartition>& partitions) const;

  const Duration good_for_;
  mutable std::mutex mutex_;
  std::map<TopicPartition, Answer> answers_;
};

}  // namespace kferry::migrate
