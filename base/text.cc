#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace kferry {
namespace {

unsigned char byte_at(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

struct CodePoint {
  uint32_t value = 0;
  size_t size = 0;  // in bytes; 0: broken
};

CodePoint decode(std::string_view text) {
  const unsigned char lead = byte_at(text, 0);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
  uint32_t value = lead & (0xFFU >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if (!is_continuation(byte_at(text, i))) return {};
    value = value << 6 | (byte_at(text, i) & 0x3FU);
  }
  const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return {};
  return {value, size};
}

bool is_control(uint32_t value) {
  return value < 0x20 || (value >= 0x7F && value < 0xA0) ||
         // Line and paragraph separators, and the bidirectional marks of Unicode UAX #9.
         value == 0x2028 || value == 0x2029 || value == 0x200E || value == 0x200F ||
         (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = decode(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string escape_control(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const CodePoint point = decode(text);
    const size_t size = std::max<size_t>(point.size, 1);
    if (point.size == 0 || is_control(point.value)) {
      for (size_t i = 0; i < size; ++i)
        fmt::format_to(std::back_inserter(safe), "\\x{:02X}", byte_at(text, i));
    } else {
      safe += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return safe;
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return !is_continuation(static_cast<unsigned char>(c)); }));
}

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

}  // namespace kferry
