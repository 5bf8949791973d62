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

// Calls `attempt()` until it succeeds, until `is_retriable(error)` is false, until `deadline`, or until
// `stop` is requested. Waits between attempts; returns the last error. At least one attempt is made.
template <class Attempt, class IsRetriable>
auto with_retry(const BackoffPolicy& policy, const Deadline& deadline, const StopToken& stop,
                Attempt&& attempt, IsRetriable&& is_retriable) -> decltype(attempt()) {
  for (Duration wait = policy.first;; wait = std::min(wait * 2, policy.longest)) {
    auto result = attempt();
    if (result || !is_retriable(result.error()) || deadline.remaining() <= wait) return result;
    if (!stop.sleep_for(wait)) return result;
  }
}

}  // namespace kferry
