#include "replicate/patterns.h"

#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"

namespace kferry::replicate {
namespace {

// libstdc++'s second engine: it recurses neither over the name's length, which would let a long
// group name end the process, nor takes exponential time.
constexpr auto kSyntax = std::regex::ECMAScript | std::regex_constants::__polynomial;

constexpr size_t kLongestShown = 500;

constexpr std::string_view kBlanks = " \t\r\n\f";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What std::regex would take and read otherwise than java.util.regex does.
std::optional<std::string_view> java_only(std::string_view text) {
  constexpr std::string_view kSharedEscapes = "dDwWsSbBtnrfvcxu";
  bool in_class = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (c == '\\') {
      if (is_letter(next) && kSharedEscapes.find(next) == kSharedEscapes.npos)
        return text.substr(at, 2);
      ++at;
    } else if (in_class) {
      if (c == '&' && next == '&') return "&&";
      if (c == '[' && next != ':' && next != '.' && next != '=') return "[ inside [...]";
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      if (next == '^') ++at;
      if (text.substr(at + 1).starts_with(']')) return "] right after [";
    } else if (next == '+' && (c == '*' || c == '+' || c == '?' || c == '}')) {
      return text.substr(at, 2);  // a possessive quantifier
    }
  }
  return std::nullopt;
}

// libstdc++ compiles an expression by functions that call themselves: for each character up to the
// next alternative, and for each parenthesis.
std::optional<std::string_view> too_deep(std::string_view text) {
  constexpr int kDeepest = 100;
  constexpr size_t kLongest = 10'000;
  int depth = 0;
  size_t length = 0;  // of this alternative; what is in parentheses counts
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '(' && ++depth > kDeepest) return "its parentheses are nested too deeply";
    if (c == ')') --depth;
    if (c == '\\') ++at;
    length = c == '|' && depth <= 0 ? 0 : length + 1;
    if (length > kLongest) return "an alternative of it is too long";
  }
  return std::nullopt;
}

// libstdc++ adds up the numbers of a{N,M} and of \N without a look at their size.
bool has_huge_number(std::string_view text) {
  constexpr size_t kMostDigits = 9;
  bool in_braces = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '{' || c == '}') in_braces = c == '{';
    if (c != '\\' && c != '{' && !(c == ',' && in_braces)) continue;
    const size_t end = std::min(text.find_first_not_of("0123456789", at + 1), text.size());
    if (end - at - 1 > kMostDigits) return true;
    if (c == '\\' && end == at + 1) ++at;  // another escaped character
  }
  return false;
}

}  // namespace

Result<std::regex> parse_pattern(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorKind::kUsage,
                fmt::format("'{}' is not a regular expression that kferry knows: {}",
                            escape_control(text.substr(0, kLongestShown)), what),
                "the syntax is ECMAScript's, for the whole name: orders, orders-.*, (a|b)\\.log");
  };
  if (text.empty()) return wrong("it is empty");
  if (const auto trouble = too_deep(text)) return wrong(*trouble);
  if (has_huge_number(text)) return wrong("a number in it is too large");
  if (const auto foreign = java_only(text))
    return wrong(fmt::format("{} means something else outside Java", *foreign));
  try {
    return std::regex(text.begin(), text.end(), kSyntax);
  } catch (const std::regex_error& error) {
    return wrong(error.code() == std::regex_constants::error_complexity
                     ? "it is too large, or refers back to a group"
                     : error.what());
  }
}

std::vector<std::string> split_patterns(std::string_view list) {
  std::vector<std::string> texts;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (const auto one = trimmed(list.substr(0, comma)); !one.empty()) texts.emplace_back(one);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return texts;
}

Result<std::vector<std::regex>> parse_patterns(std::string_view list) {
  return parse_patterns(split_patterns(list));
}

Result<std::vector<std::regex>> parse_patterns(const std::vector<std::string>& list) {
  std::vector<std::regex> patterns;
  for (const std::string& text : list) {
    KFERRY_TRY(std::regex pattern, parse_pattern(text));
    patterns.push_back(std::move(pattern));
  }
  return patterns;
}

std::optional<std::string> literal_name(std::string_view expression) {
  constexpr std::string_view kSpecial = "^$|?*+()[]{}";
  std::string name;
  for (size_t at = 0; at < expression.size(); ++at) {
    const char c = expression[at];
    if (kSpecial.find(c) != kSpecial.npos) return std::nullopt;
    if (c != '\\') {
      name += c;
      continue;
    }
    const std::string_view escaped = expression.substr(at + 1);
    unsigned char byte = 0;
    if (escaped.size() >= 3 && escaped[0] == 'x' &&
        std::from_chars(escaped.data() + 1, escaped.data() + 3, byte, 16).ptr ==
            escaped.data() + 3) {
      name += static_cast<char>(byte);
      at += 3;
    } else if (!escaped.empty() && std::ispunct(static_cast<unsigned char>(escaped[0])) != 0) {
      name += escaped[0];
      ++at;
    } else {
      return std::nullopt;
    }
  }
  return name;
}

std::vector<std::string> literal_names(const std::vector<std::string>& expressions) {
  std::vector<std::string> names;
  for (const std::string& expression : expressions)
    if (auto name = literal_name(expression)) names.push_back(std::move(*name));
  return names;
}

std::string quoted_pattern(std::string_view name) {
  constexpr std::string_view kSpecial = R"(\^$.|?*+()[]{}-)";
  std::string pattern;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ',' || byte <= ' ') {
      pattern += fmt::format("\\x{:02x}", byte);
      continue;
    }
    if (kSpecial.find(c) != kSpecial.npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace kferry::replicate
