#include "replicate/mirror_progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

namespace kferry::replicate {
namespace {

constexpr int64_t kTerminalIntervalMs = 200;
constexpr int64_t kLineIntervalMs = 10'000;
// Long enough that a rate does not jump, short enough that it follows.
constexpr int64_t kRateWindowMs = 10'000;
constexpr size_t kMostSamples = 1'000;
constexpr size_t kDefaultColumns = 160;

struct Sums {
  int64_t lag = 0;
  int64_t done = 0;   // offsets, from the log's start to the position
  int64_t total = 0;  // ..., to its end
  size_t copying = 0;
  size_t quarantined = 0;
  size_t not_known = 0;  // neither where they are nor where they end
};

Sums sums_of(const FlowStatus& status) {
  Sums sums;
  for (const PartitionStatus& one : status.partitions) {
    sums.copying += one.phase == Phase::kCopying;
    sums.quarantined += one.phase == Phase::kQuarantined;
    if (one.position.value() < 0 || one.source_end.value() < 0) {
      ++sums.not_known;
      continue;
    }
    sums.lag += one.lag();
    const int64_t start = std::max(int64_t{0}, one.source_start.value());
    sums.total += std::max(int64_t{0}, one.source_end.value() - start);
    sums.done += std::max(int64_t{0}, one.source_end.value() - start - one.lag());
  }
  return sums;
}

// "950", "41.2k", "1.2M": three digits are what a person reads.
std::string short_number(double number) {
  constexpr std::array kUnits{"", "k", "M", "G", "T"};
  size_t unit = 0;
  // 999.95 would be shown as 1000.0.
  while (number >= (unit == 0 ? 999.5 : 999.95) && unit + 1 < kUnits.size()) {
    number /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f}{}", number, unit == 0 ? 0 : 1, kUnits[unit]);
}

// 100 means that nothing is left.
int percent_of(const Sums& sums) {
  if (sums.lag == 0 || sums.total == 0) return 100;
  const double percent = 100.0 * static_cast<double>(sums.done) / static_cast<double>(sums.total);
  return std::min(99, static_cast<int>(percent));
}

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
  const Sums sums = sums_of(status);
  std::string line = escape_control(status.flow) + ": ";
  const size_t partitions = status.partitions.size();
  const bool knows_some = sums.not_known < partitions;
  if (knows_some) line += fmt::format("{}%, ", percent_of(sums));
  if (rates)
    line += fmt::format("{} records/s, {}B/s, ", short_number(rates->records_per_second),
                        short_number(rates->bytes_per_second));
  if (knows_some) line += fmt::format("lag {}, ", short_number(static_cast<double>(sums.lag)));
  // Below a second's work it only follows what is being written.
  if (rates && rates->lag_per_second > 0 && static_cast<double>(sums.lag) > rates->lag_per_second)
    line += time_left(static_cast<double>(sums.lag) / rates->lag_per_second) + ", ";
  line += fmt::format("copying {}/{}", sums.copying, partitions);
  if (sums.quarantined > 0) line += fmt::format(", QUARANTINED {}", sums.quarantined);
  if (!status.groups.empty()) {
    const auto synced = std::ranges::count_if(
        status.groups, [](const GroupStatus& one) { return one.synced == one.partitions; });
    line += fmt::format(", groups {}/{}", synced, status.groups.size());
  }
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

std::optional<MirrorRates> MirrorProgress::rates_with(const FlowStatus& status) {
  const Sample now{status.taken_at_ms, status.records, status.bytes, sums_of(status).lag};
  if (!samples_.empty() && now.at_ms < samples_.back().at_ms) samples_.clear();
  // One sample from before the window stays, so that its whole length is covered.
  while (samples_.size() > kMostSamples ||
         (samples_.size() > 1 && now.at_ms - samples_[1].at_ms >= kRateWindowMs))
    samples_.pop_front();
  std::optional<MirrorRates> rates;
  if (!samples_.empty() && now.at_ms > samples_.front().at_ms) {
    const Sample& then = samples_.front();
    const auto per_second = [&](int64_t difference) {
      return 1000.0 * static_cast<double>(difference) / static_cast<double>(now.at_ms - then.at_ms);
    };
    rates = {per_second(now.records - then.records), per_second(now.bytes - then.bytes),
             per_second(then.lag - now.lag)};
  }
  samples_.push_back(now);
  return rates;
}

void MirrorProgress::tick(const FlowStatus& status) {
  if (is_due(status.taken_at_ms)) show(status);
}

void MirrorProgress::show(const FlowStatus& status) {
  if (mode_ == Progress::Mode::kOff) return;
  drawn_at_ms_ = status.taken_at_ms;
  const std::string line = progress_line(status, rates_with(status));
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
