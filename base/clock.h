// Time: deadlines on the monotonic clock, timestamps on the wall clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace kferry {

using Duration = std::chrono::milliseconds;

// A point on the monotonic clock by which something must be done. Every wait takes one.
class Deadline {
 public:
  static Deadline after(Duration duration) { return Deadline(Clock::now() + duration); }

  bool expired() const { return Clock::now() >= at_; }
  // Never negative.
  Duration remaining() const {
    const auto left = std::chrono::duration_cast<Duration>(at_ - Clock::now());
    return left.count() < 0 ? Duration(0) : left;
  }
  // The earlier of this deadline and `duration` from now.
  Deadline at_most(Duration duration) const {
    const Deadline other = after(duration);
    return other.at_ < at_ ? other : *this;
  }
  std::chrono::steady_clock::time_point time_point() const { return at_; }

 private:
  using Clock = std::chrono::steady_clock;
  explicit Deadline(Clock::time_point at) : at_(at) {}
  Clock::time_point at_;
};

// Milliseconds since the epoch (UTC).
int64_t wall_clock_ms();

// "2026-11-23T20:04:05.678Z" (RFC 3339, UTC) of milliseconds since the epoch.
std::string to_rfc3339(int64_t epoch_ms);

// "30d", "12h", "90m", "45s", "500ms" -> milliseconds; -1 when the text is not a duration.
int64_t parse_duration_ms(const std::string& text);

}  // namespace kferry
