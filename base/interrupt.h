// A request to stop: set by SIGINT or SIGTERM, or by another thread; looked at by every wait.
#pragma once

#include <atomic>

#include "base/clock.h"
#include "base/result.h"

namespace kferry {

// Thread-safe. Once set it stays set.
class StopToken {
 public:
  void request_stop() { requested_.store(true, std::memory_order_release); }
  bool stop_requested() const { return requested_.load(std::memory_order_acquire); }

  // Sleeps for `duration`, in slices of at most 100 ms; false when it was woken by a stop request.
  bool sleep_for(Duration duration) const;

  // kInterrupted once a stop was requested.
  Result<> check(std::string_view doing) const;

 private:
  std::atomic<bool> requested_{false};
};

// How long one piece of waiting may take, and what cuts it short.
class Wait {
 public:
  Wait(Deadline deadline, const StopToken& stop) : deadline_(deadline), stop_(&stop) {}

  const Deadline& deadline() const { return deadline_; }
  const StopToken& stop() const { return *stop_; }
  // The same wait, ending `duration` from now at the latest.
  Wait at_most(Duration duration) const { return Wait(deadline_.at_most(duration), *stop_); }
  // For what must be done even though a stop was requested: leaving a group. `duration` from now.
  static Wait uninterruptible(Duration duration);

 private:
  Deadline deadline_;
  const StopToken* stop_;
};

// The first SIGINT or SIGTERM requests a stop of `token`; the second ends the process at once with
// exit code 130. `token` must outlive the process's use of signals. Call once.
void stop_on_signals(StopToken& token);

}  // namespace kferry
