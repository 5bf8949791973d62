// How far the mirror is, for people: one line that is redrawn on a terminal, a log line now and
// then without one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/progress.h"
#include "replicate/rate_meter.h"
#include "replicate/status.h"

namespace kferry::replicate {

// "source->target: 61%, 41.2k records/s, 12.1 MB/s, lag 1.2M, 2 min left, copying 24/24, groups
// 3/4". Without rates: what is known without them.
std::string progress_line(const FlowStatus& status, const std::optional<MirrorRates>& rates);

// Time is what the statuses say. Not thread-safe.
class MirrorProgress {
 public:
  explicit MirrorProgress(Progress::Mode mode) : mode_(mode) {}
  ~MirrorProgress() { finish(); }
  MirrorProgress(const MirrorProgress&) = delete;
  MirrorProgress& operator=(const MirrorProgress&) = delete;

  // Whether something would be shown at `now_ms` (wall clock), so that no status need be taken
  // when not: 5 times a second on a terminal, every 10 s otherwise, never when off.
  bool is_due(int64_t now_ms) const;
  // Shows `status` when it is due. On a terminal a redrawn line on stderr; otherwise a log line at
  // level info.
  void tick(const FlowStatus& status);
  // The same, due or not: the last word.
  void show(const FlowStatus& status);
  // Ends the terminal's line, so that other output starts on a fresh one. Idempotent; a later tick
  // begins a new line.
  void finish();

 private:
  const Progress::Mode mode_;
  RateMeter meter_;  // gets a sample per drawing
  int64_t drawn_at_ms_ = -1;
  bool line_open_ = false;
};

}  // namespace kferry::replicate
