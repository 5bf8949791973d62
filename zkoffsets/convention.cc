#include "zkoffsets/convention.h"

namespace kferry::zkoffsets {

std::string_view to_string(Convention convention) {
  return convention == Convention::kNext ? "next" : "last";
}

std::optional<Convention> parse_convention(std::string_view text) {
  if (text == "next") return Convention::kNext;
  if (text == "last") return Convention::kLastProcessed;
  return std::nullopt;
}

}  // namespace kferry::zkoffsets
