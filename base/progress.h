// Progress of one piece of work: a line that is redrawn on a terminal, a log line now and then
// without one. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace kferry {

class Progress {
 public:
  enum class Mode {
    kOff,       // nothing
    kTerminal,  // "\r" line on stderr, redrawn at most 10 times a second
    kLines,     // a plain line on stderr every 10 s, and one at the end
  };

  // kTerminal when stderr is a terminal, kLines otherwise.
  static Mode mode_for_stderr();

  // `doing` e.g. "migrating groups". `total` may be 0 when it is not known yet.
  Progress(Mode mode, std::string doing, int64_t total);
  ~Progress();  // finishes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set_total(int64_t total);
  void add(int64_t done);
  // Ends the terminal line now, so that other output starts on a fresh one. Idempotent.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(bool last);
  std::string text() const;

  const Mode mode_;
  const std::string doing_;
  const Clock::time_point started_ = Clock::now();
  std::mutex mutex_;
  int64_t total_;
  int64_t done_ = 0;
  bool drawn_ = false;
  bool finished_ = false;
  Clock::time_point last_drawn_ = Clock::now();
};

}  // namespace kferry
