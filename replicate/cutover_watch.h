// The mirror's side of a cut-over: sees what was decided. And tells how far this process is, with
// or without a cut-over: for `kferry status` on any machine.
#pragma once

#include <set>

#include "replicate/companions.h"
#include "replicate/copier.h"
#include "replicate/cutover_state.h"
#include "replicate/ports.h"
#include "replicate/state_topic.h"

namespace kferry::replicate {

// Not thread-safe: the main thread's, who is the only one to call StateTopic::catch_up().
class CutoverWatch {
 public:
  CutoverWatch(StateTopic& state, Copier& copier, Companions& companions,
               const StatusSource& status)
      : state_(state), copier_(copier), companions_(companions), status_(status) {}

  // Acts by what the state has; before the first partition is begun with.
  Result<> begin() { return look(); }

  bool is_due() const { return next_.expired(); }
  // Reads what has come and, when that is due, writes the progress of these slots. kFailed: a
  // record is not readable.
  Result<> tick(const std::set<Partition>& slots, const Wait& wait);
  // Writes it a last time: this process has ended.
  Result<> farewell(const std::set<Partition>& slots, const Wait& wait);

  // The mirror's work is done for good.
  bool is_stopped() const { return state_now_ == CutoverState::kStopped; }

 private:
  Result<> look();
  void acknowledge();
  Result<> tell(const std::set<Partition>& slots, bool ended, const Wait& wait);

  StateTopic& state_;
  Copier& copier_;
  Companions& companions_;
  const StatusSource& status_;
  Deadline next_ = Deadline::after(Duration(0));
  Deadline next_telling_ = Deadline::after(Duration(0));
  std::set<Partition> told_slots_;
  bool under_way_ = false;
  CutoverState state_now_ = CutoverState::kMirroring;
  int64_t version_ = 0;           // that has been read
  int64_t rounds_when_read_ = 0;  // of the group sync
  int64_t seen_ = 0;              // that everything here acts by
};

}  // namespace kferry::replicate
