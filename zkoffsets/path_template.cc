#include "zkoffsets/path_template.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "zkoffsets/text.h"

namespace kferry::zkoffsets {
namespace {

using Kind = PathTemplate::Kind;
using Piece = PathTemplate::Piece;
using Segment = PathTemplate::Segment;

constexpr std::array kPlaceholders = {
    std::pair{std::string_view("group"), Kind::kGroup},
    std::pair{std::string_view("topic"), Kind::kTopic},
    std::pair{std::string_view("partition"), Kind::kPartition},
};
constexpr size_t kLongestShown = 60;

std::unexpected<Error> wrong(std::string_view path, std::string_view what) {
  return fail(ErrorKind::kUsage,
              fmt::format("path '{}': {}", printable(path, 2 * kLongestShown), what),
              "a path is such as /myapp/{group}/offsets/{topic}/{partition}");
}

bool is_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<Kind> placeholder(std::string_view name) {
  for (const auto& [known, kind] : kPlaceholders)
    if (known == name) return kind;
  return std::nullopt;
}

// One name of the path: literals and placeholders in turn. `trouble` is set when it is wrong.
Segment parse_segment(std::string_view name, std::string& trouble) {
  Segment segment;
  while (!name.empty()) {
    const size_t brace = name.find_first_of("{}");
    if (brace != 0) segment.push_back({Kind::kLiteral, std::string(name.substr(0, brace))});
    if (brace == std::string_view::npos) break;
    const size_t end = name.find('}', brace);
    if (name[brace] == '}' || end == std::string_view::npos) {
      trouble = "a brace without its other half";
      return segment;
    }
    const std::string_view inner = name.substr(brace + 1, end - brace - 1);
    const auto kind = placeholder(inner);
    if (!kind) {
      trouble = fmt::format(
          "'{{{}}}' is no placeholder; there are {{group}}, {{topic}} and "
          "{{partition}}",
          printable(inner, kLongestShown));
      return segment;
    }
    segment.push_back({*kind, {}});
    name.remove_prefix(end + 1);
  }
  return segment;
}

// What makes a name ambiguous; empty: nothing.
std::string ambiguity(const Segment& segment) {
  const auto slots = std::ranges::count_if(
      segment, [](const Piece& piece) { return piece.kind != Kind::kLiteral; });
  const bool has_group =
      std::ranges::any_of(segment, [](const Piece& one) { return one.kind == Kind::kGroup; });
  if (has_group && slots > 1) return "{group} must be the only placeholder of its name";
  for (size_t i = 0; i + 1 < segment.size(); ++i) {
    const bool adjacent =
        segment[i].kind != Kind::kLiteral && segment[i + 1].kind != Kind::kLiteral;
    const bool parted_by_digits =
        i > 0 && segment[i].kind == Kind::kLiteral && is_digits(segment[i].text);
    if (adjacent || parted_by_digits)
      return "two placeholders of one name need something between them, not only digits";
  }
  return {};
}

std::string why_incomplete(const PathTemplate& path) {
  for (const auto& [name, kind] : kPlaceholders) {
    int64_t found = 0;
    for (const Segment& segment : path.segments)
      found += std::ranges::count(segment, kind, &Piece::kind);
    if (found > 1) return fmt::format("{{{}}} stands there twice", name);
    if (found == 0 && kind == Kind::kPartition) return "{partition} is missing";
  }
  return {};
}

}  // namespace

bool PathTemplate::has(Kind kind) const {
  return std::ranges::any_of(segments, [kind](const Segment& segment) {
    return std::ranges::find(segment, kind, &Piece::kind) != segment.end();
  });
}

Result<PathTemplate> parse_path_template(std::string_view path) {
  if (!path.starts_with('/') || path.ends_with('/'))
    return wrong(path, "it begins with / and does not end with one");
  PathTemplate parsed;
  for (const std::string_view name : split(path.substr(1), '/')) {
    if (!is_node_name(name)) return wrong(path, "it holds a name that no znode can have");
    std::string trouble;
    Segment segment = parse_segment(name, trouble);
    if (trouble.empty()) trouble = ambiguity(segment);
    if (!trouble.empty()) return wrong(path, trouble);
    parsed.segments.push_back(std::move(segment));
  }
  const std::string why = why_incomplete(parsed);
  if (!why.empty()) return wrong(path, why);
  return parsed;
}

PathTemplate of_group(const PathTemplate& path, const GroupId& group) {
  PathTemplate fixed;
  for (const Segment& segment : path.segments) {
    Segment& now = fixed.segments.emplace_back();
    for (const Piece& piece : segment) {
      const bool is_text = piece.kind == Kind::kLiteral || piece.kind == Kind::kGroup;
      const std::string& text = piece.kind == Kind::kGroup ? group.value() : piece.text;
      if (is_text && !now.empty() && now.back().kind == Kind::kLiteral)
        now.back().text += text;
      else if (is_text)
        now.push_back({Kind::kLiteral, text});
      else
        now.push_back(piece);
    }
  }
  return fixed;
}

bool is_literal(const Segment& segment) {
  return segment.size() == 1 && segment.front().kind == Kind::kLiteral;
}

std::string to_string(const Segment& segment) {
  std::string text;
  for (const Piece& piece : segment) {
    text += piece.text;
    for (const auto& [name, kind] : kPlaceholders)
      if (piece.kind == kind) text += fmt::format("{{{}}}", name);
  }
  return text;
}

namespace {

// Takes one placeholder's text into `found`; false: it cannot be that.
bool take(Kind kind, std::string_view text, NameMatch& found) {
  if (text.empty()) return false;
  if (kind == Kind::kGroup) found.group = GroupId(std::string(text));
  if (kind == Kind::kTopic) found.topic = TopicName(std::string(text));
  if (kind != Kind::kPartition) return true;
  const auto number = parse_node_number(text);
  if (number) found.partition = Partition(*number);
  return number.has_value();
}

}  // namespace

std::optional<NameMatch> match(const Segment& segment, std::string_view name) {
  size_t first = 0;
  size_t end = segment.size();
  if (segment.front().kind == Kind::kLiteral) {
    if (!name.starts_with(segment.front().text)) return std::nullopt;
    name.remove_prefix(segment[first++].text.size());
  }
  if (first < end && segment.back().kind == Kind::kLiteral) {
    if (!name.ends_with(segment.back().text)) return std::nullopt;
    name.remove_suffix(segment[--end].text.size());
  }
  NameMatch found;
  if (first == end) return name.empty() ? std::optional(found) : std::nullopt;
  const Kind left = segment[first].kind;
  if (end - first == 1) return take(left, name, found) ? std::optional(found) : std::nullopt;
  // A number holds no separator, so the one beside it is meant; a topic may well hold some.
  const std::string& separator = segment[first + 1].text;
  const size_t at = left == Kind::kPartition ? name.find(separator) : name.rfind(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const bool fits = take(left, name.substr(0, at), found) &&
                    take(segment[first + 2].kind, name.substr(at + separator.size()), found);
  return fits ? std::optional(found) : std::nullopt;
}

}  // namespace kferry::zkoffsets
