#include "base/progress.h"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace kferry {
namespace {
constexpr std::chrono::milliseconds kTerminalInterval{100};
constexpr std::chrono::seconds kLineInterval{10};
}  // namespace

Progress::Mode Progress::mode_for_stderr() {
  return isatty(STDERR_FILENO) == 1 ? Mode::kTerminal : Mode::kLines;
}

Progress::Progress(Mode mode, std::string doing, int64_t total)
    : mode_(mode), doing_(std::move(doing)), total_(total) {}

Progress::~Progress() {
  finish();
}

void Progress::set_total(int64_t total) {
  const std::lock_guard lock(mutex_);
  total_ = total;
}

void Progress::add(int64_t done) {
  const std::lock_guard lock(mutex_);
  done_ += done;
  const auto interval = mode_ == Mode::kTerminal ? kTerminalInterval : kLineInterval;
  if (mode_ == Mode::kOff || finished_ || Clock::now() - last_drawn_ < interval) return;
  draw(false);
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  const bool worth_a_line = drawn_ || Clock::now() - started_ > kTerminalInterval;
  if (mode_ != Mode::kOff && worth_a_line) draw(true);
}

void Progress::draw(bool last) {
  last_drawn_ = Clock::now();
  drawn_ = true;
  if (mode_ == Mode::kTerminal)
    fmt::print(stderr, "\r\x1b[K{}{}", text(), last ? "\n" : "");
  else
    fmt::print(stderr, "{}\n", text());
  std::fflush(stderr);
}

std::string Progress::text() const {
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  if (total_ == 0) return fmt::format("{}: {} ({:.0f}/s)", doing_, done_, rate);
  std::string line = fmt::format("{}: {}/{} ({}%)", doing_, done_, total_, 100 * done_ / total_);
  if (done_ < total_ && rate > 0)
    line += fmt::format(", {:.0f} s left", static_cast<double>(total_ - done_) / rate);
  return line;
}

}  // namespace kferry
