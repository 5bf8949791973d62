#include "base/clock.h"

#include <charconv>
#include <limits>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace kferry {

int64_t wall_clock_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string to_rfc3339(int64_t epoch_ms) {
  // Rounded down, so that times before 1970 come out right too.
  const int64_t millis = (epoch_ms % 1000 + 1000) % 1000;
  const std::time_t seconds = epoch_ms / 1000 - (epoch_ms % 1000 < 0 ? 1 : 0);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), millis);
}

int64_t parse_duration_ms(const std::string& text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit_begin, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number < 0) return -1;
  const std::string unit(unit_begin, end);
  int64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60 * 1000;
  if (unit == "h") factor = 60 * 60 * 1000;
  if (unit == "d") factor = 24 * 60 * 60 * 1000;
  if (factor == 0 || number > std::numeric_limits<int64_t>::max() / factor) return -1;
  return number * factor;
}

}  // namespace kferry
