// What was fetched from a service, kept for a while: all connections to a cluster log in at about
// the same time.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::auth {

// T has expires_ms: when it ends, in milliseconds since the epoch; negative: nobody knows.
// Thread-safe: while one thread fetches, the others wait for what it gets.
template <class T>
class Reused {
 public:
  // What was fetched for `key` less than a minute ago, if half of its life is still to come, or
  // else what `fetch` gives. kUnreachable: others are still fetching when `wait` is over.
  template <class Fetch>
  Result<T> get(const std::string& key, std::string_view what, const Wait& wait, Fetch fetch) {
    std::unique_lock lock(mutex_, std::defer_lock);
    while (!lock.try_lock_for(kSlice)) {
      KFERRY_CHECK(wait.stop().check(what));
      if (wait.deadline().expired())
        return fail(ErrorKind::kUnreachable, std::string(what) + ": timed out");
    }
    const auto found = kept_.find(key);
    if (found != kept_.end() && !found->second.until.expired()) return found->second.value;
    KFERRY_TRY(T value, fetch());
    if (kept_.size() >= kMostKept) kept_.clear();
    Duration life = kLongest;
    if (value.expires_ms >= 0)
      life = std::clamp(Duration((value.expires_ms - wall_clock_ms()) / 2), Duration(0), kLongest);
    kept_.insert_or_assign(key, Kept{value, Deadline::after(life)});
    return value;
  }

 private:
  struct Kept {
    T value;
    Deadline until;
  };
  static constexpr Duration kLongest{60'000};
  static constexpr std::chrono::milliseconds kSlice{100};
  static constexpr size_t kMostKept = 16;

  std::timed_mutex mutex_;
  std::map<std::string, Kept> kept_;
};

}  // namespace kferry::auth
