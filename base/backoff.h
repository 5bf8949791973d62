// The one retry loop: exponential back-off with a deadline.
#pragma once

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/result.h"

namespace kferry {

struct BackoffPolicy {
  Duration first{100};
  Duration longest{2000};
};

// Calls `attempt()` until it succeeds, until `is_retriable(error)` is false, or until `wait` is
// over. Pauses between attempts; returns the last error. At least one attempt is made.
template <class Attempt, class IsRetriable>
auto with_retry(const BackoffPolicy& policy, const Wait& wait, Attempt&& attempt,
                IsRetriable&& is_retriable) -> decltype(attempt()) {
  for (Duration pause = policy.first;; pause = std::min(pause * 2, policy.longest)) {
    auto result = attempt();
    if (result || !is_retriable(result.error())) return result;
    if (wait.deadline().remaining() <= pause || !wait.stop().sleep_for(pause)) return result;
  }
}

}  // namespace kferry
