#include "replicate/mirror_progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "replicate/flow_totals.h"

namespace kferry::replicate {
namespace {

constexpr int64_t kTerminalIntervalMs = 200;
constexpr int64_t kLineIntervalMs = 10'000;
constexpr size_t kDefaultColumns = 160;

std::string time_left(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s left", std::ceil(seconds));
  if (seconds < 100 * 60.0) return fmt::format("{:.0f} min left", std::ceil(seconds / 60));
  if (seconds < 48 * 3600.0) return fmt::format("{:.0f} h left", std::ceil(seconds / 3600));
  return fmt::format("{:.0f} d left", std::ceil(seconds / 86400));
}

size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultColumns;
  return size.ws_col;
}

// A line that wraps could not be redrawn.
std::string cut_to(std::string line, size_t columns) {
  if (code_points(line) < columns) return line;
  while (!line.empty() && code_points(line) + 1 >= columns) {
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80)
      line.pop_back();
    if (!line.empty()) line.pop_back();
  }
  return line + "\xe2\x80\xa6";
}

}  // namespace

std::string progress_line(const FlowStatus& status, const std::optional<MirrorRates>& rates) {
  const FlowTotals totals = totals_of(status);
  std::string line = escape_control(status.flow) + ": ";
  const size_t partitions = status.partitions.size();
  const bool knows_some = totals.known > 0;
  if (knows_some) line += fmt::format("{}%, ", percent_copied(totals));
  if (rates)
    line += fmt::format("{} records/s, {}B/s, ", short_number(rates->records_per_second),
                        short_number(rates->bytes_per_second));
  if (knows_some) line += fmt::format("lag {}, ", short_number(static_cast<double>(totals.lag)));
  // Below a second's work it only follows what is being written.
  if (rates && rates->lag_per_second > 0 && static_cast<double>(totals.lag) > rates->lag_per_second)
    line += time_left(static_cast<double>(totals.lag) / rates->lag_per_second) + ", ";
  line += fmt::format("copying {}/{}", totals.in(Phase::kCopying), partitions);
  if (const int64_t stuck = totals.in(Phase::kQuarantined); stuck > 0)
    line += fmt::format(", QUARANTINED {}", stuck);
  if (!status.groups.empty())
    line += fmt::format(", groups {}/{}", totals.groups_synced, status.groups.size());
  if (!status.troubles.empty()) line += ", " + escape_control(status.troubles.front());
  return line;
}

bool MirrorProgress::is_due(int64_t now_ms) const {
  if (mode_ == Progress::Mode::kOff) return false;
  const int64_t interval =
      mode_ == Progress::Mode::kTerminal ? kTerminalIntervalMs : kLineIntervalMs;
  // A clock that was set back must not silence us.
  return drawn_at_ms_ < 0 || now_ms < drawn_at_ms_ || now_ms - drawn_at_ms_ >= interval;
}

void MirrorProgress::tick(const FlowStatus& status) {
  if (is_due(status.taken_at_ms)) show(status);
}

void MirrorProgress::show(const FlowStatus& status) {
  if (mode_ == Progress::Mode::kOff) return;
  drawn_at_ms_ = status.taken_at_ms;
  const std::string line = progress_line(status, meter_.take(status));
  if (mode_ == Progress::Mode::kLines) {
    log::info(line);
    return;
  }
  fmt::print(stderr, "\r\x1b[K{}", cut_to(line, terminal_columns()));
  std::fflush(stderr);
  line_open_ = true;
}

void MirrorProgress::finish() {
  if (!std::exchange(line_open_, false)) return;
  fmt::print(stderr, "\n");
  std::fflush(stderr);
}

}  // namespace kferry::replicate
