// A bound on bytes per second, changeable while it is in use.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace kferry::replicate {

// Thread-safe. What is spent may go over what has been saved: the next one then waits longer.
class RateLimit {
 public:
  explicit RateLimit(int64_t bytes_per_second) : limit_(bytes_per_second) {}

  void set(int64_t bytes_per_second) {
    const std::lock_guard lock(mutex_);
    save();
    limit_ = bytes_per_second;
    saved_ = std::min(saved_, static_cast<double>(limit_));
  }
  int64_t get() const {
    const std::lock_guard lock(mutex_);
    return limit_;
  }
  // How long to wait before anything may be spent; 0: nothing. At most a second at a time, so that
  // a changed limit is noticed.
  Duration delay() {
    const std::lock_guard lock(mutex_);
    save();
    if (limit_ <= 0 || saved_ >= 0) return Duration(0);
    const auto ms = static_cast<int64_t>(-saved_ * 1000 / static_cast<double>(limit_)) + 1;
    return Duration(std::min<int64_t>(ms, 1000));
  }
  void spend(size_t bytes) {
    const std::lock_guard lock(mutex_);
    save();
    if (limit_ > 0) saved_ -= static_cast<double>(bytes);
  }

 private:
  using Clock = std::chrono::steady_clock;

  // At most a quarter of a second's worth is saved.
  void save() {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - saved_at_).count();
    saved_at_ = now;
    if (limit_ <= 0) {
      saved_ = 0;
      return;
    }
    const auto limit = static_cast<double>(limit_);
    saved_ = std::min(saved_ + seconds * limit, limit / 4);
  }

  mutable std::mutex mutex_;  // guards everything below
  int64_t limit_;             // 0: none
  double saved_ = 0;          // bytes; negative: to be waited for
  Clock::time_point saved_at_ = Clock::now();
};

}  // namespace kferry::replicate
