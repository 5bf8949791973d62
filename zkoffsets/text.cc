#include "zkoffsets/text.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace kferry::zkoffsets {

std::string printable(std::string_view bytes, size_t limit) {
  constexpr std::string_view kCut = "...";
  std::string text;
  size_t last_that_leaves_room = 0;  // an escape is never cut in two
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const std::string piece =
        byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
    if (text.size() + piece.size() > limit) {
      text.resize(last_that_leaves_room);
      return text.append(kCut.substr(0, limit));
    }
    text += piece;
    if (text.size() + kCut.size() <= limit) last_that_leaves_room = text.size();
  }
  return text;
}

std::optional<int32_t> parse_node_number(std::string_view name) {
  if (name.empty() || (name.size() > 1 && name.front() == '0')) return std::nullopt;
  if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  int32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string child_path(std::string_view parent, std::string_view name) {
  return parent == "/" ? fmt::format("/{}", name) : fmt::format("{}/{}", parent, name);
}

bool is_node_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace kferry::zkoffsets
