#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "kafkaio/config.h"

namespace kferry::kafkaio {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}

std::string_view without_leading_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// Natural lines: ended by \n, \r or \r\n.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  int number() const { return number_; }
  std::string_view next() {
    const size_t end = std::min(rest_.find_first_of("\r\n"), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end);
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : rest_.empty() ? 0 : 1);
    ++number_;
    return line;
  }

 private:
  std::string_view rest_;
  int number_ = 0;
};

// An odd number of backslashes at the end: the last one escapes the line's end.
bool is_continued(std::string_view line) {
  size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

void append_utf8(std::string& text, uint32_t code_point) {
  const auto continuation = [](uint32_t bits) { return static_cast<char>(0x80 | (bits & 0x3f)); };
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += static_cast<char>(0xc0 | (code_point >> 6));
    text += continuation(code_point);
  } else if (code_point < 0x10000) {
    text += static_cast<char>(0xe0 | (code_point >> 12));
    text += continuation(code_point >> 6);
    text += continuation(code_point);
  } else {
    text += static_cast<char>(0xf0 | (code_point >> 18));
    text += continuation(code_point >> 12);
    text += continuation(code_point >> 6);
    text += continuation(code_point);
  }
}

// Four hexadecimal digits at `at`.
std::optional<uint32_t> hex4(std::string_view text, size_t at) {
  if (text.size() < at + 4) return std::nullopt;
  uint32_t number = 0;
  for (const char c : text.substr(at, 4)) {
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!digit && !letter) return std::nullopt;
    number = number * 16 + static_cast<uint32_t>(digit ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return number;
}

// Java writes characters beyond 16 bits as two surrogates. Half a pair has no meaning.
std::optional<uint32_t> read_unicode(std::string_view text, size_t& at) {
  const auto first = hex4(text, at);
  if (!first) return std::nullopt;
  at += 4;
  if (*first < 0xd800 || *first > 0xdfff) return first;
  if (*first > 0xdbff || text.substr(at, 2) != "\\u") return std::nullopt;
  const auto second = hex4(text, at + 2);
  if (!second || *second < 0xdc00 || *second > 0xdfff) return std::nullopt;
  at += 6;
  return 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00);
}

std::optional<std::string> unescape(std::string_view text) {
  std::string plain;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c != '\\') {
      plain += c;
      continue;
    }
    if (at == text.size()) break;  // the last line of the file ends in a backslash
    const char escaped = text[at++];
    if (escaped == 'u') {
      const auto code_point = read_unicode(text, at);
      if (!code_point) return std::nullopt;
      append_utf8(plain, *code_point);
    } else {
      plain += escaped == 't'   ? '\t'
               : escaped == 'n' ? '\n'
               : escaped == 'r' ? '\r'
               : escaped == 'f' ? '\f'
                                : escaped;
    }
  }
  return plain;
}

// Where the key ends: at the first separator that is not escaped.
size_t key_length(std::string_view line) {
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\\') {
      ++at;
    } else if (line[at] == '=' || line[at] == ':' || is_blank(line[at])) {
      return at;
    }
  }
  return line.size();
}

}  // namespace

Result<std::map<std::string, std::string>> parse_properties(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  std::map<std::string, std::string> properties;
  for (Lines lines(text); !lines.done();) {
    std::string logical(without_leading_blanks(lines.next()));
    if (logical.empty() || logical.front() == '#' || logical.front() == '!') continue;
    const int first_line = lines.number();
    while (is_continued(logical)) {
      logical.pop_back();
      if (lines.done()) break;
      logical += without_leading_blanks(lines.next());
    }
    if (logical.empty()) continue;

    const size_t key_end = key_length(logical);
    std::string_view rest = without_leading_blanks(std::string_view(logical).substr(key_end));
    if (!rest.empty() && (rest.front() == '=' || rest.front() == ':'))
      rest = without_leading_blanks(rest.substr(1));
    const auto key = unescape(std::string_view(logical).substr(0, key_end));
    const auto value = unescape(rest);
    if (!key || !value)
      return fail(ErrorKind::kUsage, fmt::format("line {}: a malformed \\uXXXX escape", first_line),
                  "write four hexadecimal digits, or double the backslash");
    if (key->empty())
      return fail(ErrorKind::kUsage,
                  fmt::format("line {}: no key before the separator", first_line));
    properties[*key] = *value;
  }
  return properties;
}

}  // namespace kferry::kafkaio
