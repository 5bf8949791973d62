#include "base/timestamp.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace kferry {
namespace {

// The digits of `text` at [at, at + count), or -1.
int digits(std::string_view text, size_t at, size_t count) {
  int number = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

// Of a fraction such as ".678Z"; more digits than three are cut off. -1: it is none.
int milliseconds_of(std::string_view rest) {
  if (rest == "Z") return 0;
  if (rest.size() < 3 || rest.size() > 11 || rest.front() != '.' || rest.back() != 'Z') return -1;
  rest = rest.substr(1, rest.size() - 2);
  if (digits(rest, 0, rest.size()) < 0) return -1;
  int number = 0;
  for (size_t at = 0; at < 3; ++at) number = number * 10 + (at < rest.size() ? rest[at] - '0' : 0);
  return number;
}

}  // namespace

std::optional<int64_t> parse_rfc3339(std::string_view text) {
  constexpr std::string_view kForm = "....-..-..T..:..:..";
  if (text.size() <= kForm.size()) return std::nullopt;
  for (const size_t at : {4, 7, 10, 13, 16})
    if (text[at] != kForm[at]) return std::nullopt;
  const std::array<int, 7> part{digits(text, 0, 4),
                                digits(text, 5, 2),
                                digits(text, 8, 2),
                                digits(text, 11, 2),
                                digits(text, 14, 2),
                                digits(text, 17, 2),
                                milliseconds_of(text.substr(kForm.size()))};
  if (std::ranges::any_of(part, [](int number) { return number < 0; })) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(part[0]),
                                         std::chrono::month(static_cast<unsigned>(part[1])),
                                         std::chrono::day(static_cast<unsigned>(part[2]))};
  if (!date.ok() || part[3] > 23 || part[4] > 59 || part[5] > 60) return std::nullopt;
  const std::chrono::milliseconds since_epoch =
      std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(part[3]) +
      std::chrono::minutes(part[4]) + std::chrono::seconds(part[5]) +
      std::chrono::milliseconds(part[6]);
  if (since_epoch.count() < 0) return std::nullopt;
  return since_epoch.count();
}

}  // namespace kferry
