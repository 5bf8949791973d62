// How fast a flow goes, over the last seconds.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "replicate/status.h"

namespace kferry::replicate {

// Time is what the statuses say. Not thread-safe.
class RateMeter {
 public:
  // Between the status that was given 10 s ago, or the first one after, and this one. nullopt: it
  // is the first; the clock was set back; or partitions have come or gone, whose offsets would pass
  // for new ones.
  std::optional<MirrorRates> take(const FlowStatus& status);

 private:
  struct Sample {
    int64_t at_ms;
    int64_t records;
    int64_t bytes;
    int64_t lag;
    int64_t source_end;
    int64_t known;  // partitions
  };
  std::deque<Sample> samples_;  // bounded
};

}  // namespace kferry::replicate
