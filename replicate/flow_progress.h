// What the mirror's processes tell of themselves in the flow's state topic (docs/mirror-state.md),
// so that `kferry status` and the cut-over see the whole flow from any machine: plain values and
// their JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "replicate/ports.h"
#include "replicate/status.h"

namespace kferry::replicate {

// key "progress/SLOT": how far the process that has this slot is.
struct SlotProgress {
  struct One {
    TopicPartition source;
    Phase phase = Phase::kWaiting;
    bool identity = true;
    SourceOffset position{-1};  // everything before it is on the target, whose log ends at
    TargetOffset target_end{-1};
    SourceOffset source_end{-1};
    std::string reason = {};
  };
  // What a process tells once, in the first of its slots.
  struct Process {
    int64_t started_at_ms = 0;
    bool ready = false;
    bool ended = false;  // this is its last word
    int64_t records = 0;
    int64_t bytes = 0;
    int64_t max_bytes_per_second = 0;
    int64_t buffered_bytes = 0;
    std::optional<MirrorRates> rates = {};
    std::vector<std::string> troubles = {};
  };

  std::string instance;
  int64_t at_ms = 0;
  int64_t seen = 0;  // the version of the CutoverRecord that this process acts by
  std::vector<One> partitions = {};
  int64_t next_ms = 5'000;  // when it tells again, from then
  std::optional<Process> process = {};
  // The process's share of each group's offsets; spread over its slots, so that no record gets too
  // large.
  std::vector<GroupStatus> groups = {};

  // Whether whoever told this is likely to be still there.
  bool is_fresh(int64_t now_ms) const { return now_ms - at_ms <= 3 * next_ms + 12'000; }
};

inline constexpr std::string_view kProgressPrefix = "progress/";
std::string progress_key(Partition slot);
std::string to_json(const SlotProgress& progress);
// kFailed: not readable.
Result<SlotProgress> parse_progress(const std::string& value);

// What the process that `status` is of tells of these slots, its own. `next`: when it tells again;
// `ended`: this is its last word.
std::map<Partition, SlotProgress> progress_of(const FlowStatus& status,
                                              const std::set<Partition>& slots, int64_t seen,
                                              Duration next, bool ended = false);

}  // namespace kferry::replicate
