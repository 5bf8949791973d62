#include "tests/support/source_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include <fmt/format.h>

namespace kferry::test {
namespace {

struct Folder {
  std::string_view name;
  int level;  // a folder may include those of lower levels, and itself
  std::vector<std::string_view> third_party;
};

const std::array<Folder, 11> kFolders{{
    {"base", 0, {"fmt/", "spdlog/", "nlohmann/"}},
    {"auth", 1, {"fmt/", "nlohmann/", "curl/", "openssl/"}},
    {"wire",
     2,
     {"fmt/", "boost/asio", "boost/system/", "openssl/", "sasl/", "gssapi/", "krb5.h", "zlib.h",
      "snappy.h", "lz4.h", "lz4frame.h", "zstd.h", "zstd_errors.h", "isa-l/"}},
    {"kafkaio", 2, {"fmt/", "librdkafka/"}},
    {"zkoffsets", 3, {"fmt/", "zookeeper/", "nlohmann/"}},
    {"groupproto", 3, {"fmt/"}},
    {"verify", 4, {"fmt/", "nlohmann/"}},
    {"migrate", 5, {"fmt/", "nlohmann/"}},
    {"replicate", 6, {"fmt/", "boost/asio", "boost/beast", "nlohmann/"}},
    {"doctor", 7, {"fmt/", "nlohmann/"}},
    {"cli", 8, {"fmt/", "boost/program_options", "yaml-cpp/", "nlohmann/"}},
}};

// The C++ library has no dot in its headers' names; these are libc's and the kernel's.
const std::vector<std::string_view> kPlatformHeaders = {
    "arpa/",   "dirent.h", "fcntl.h",   "netdb.h", "netinet/",  "poll.h", "pthread.h", "pwd.h",
    "sched.h", "spawn.h",  "strings.h", "sys/",    "termios.h", "time.h", "unistd.h"};

constexpr size_t kMostLines = 500;
constexpr size_t kMostColumns = 100;

const Folder* find_folder(std::string_view name) {
  const auto* const found = std::ranges::find(kFolders, name, &Folder::name);
  return found == kFolders.end() ? nullptr : found;
}

std::string_view first_component(std::string_view path) {
  return path.substr(0, path.find('/'));
}

bool starts_with_any(std::string_view text, const std::vector<std::string_view>& prefixes) {
  return std::ranges::any_of(prefixes, [&](std::string_view p) { return text.starts_with(p); });
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

std::optional<std::string> own_include_problem(const Folder& folder, std::string_view included) {
  const Folder* const other = find_folder(first_component(included));
  if (other == nullptr || included.find('/') == included.npos)
    return fmt::format("\"{}\" is not in the folder of a layer", included);
  if (other == &folder || other->level < folder.level) return std::nullopt;
  return fmt::format("{}/ (layer {}) may not include {}/ (layer {})", folder.name, folder.level,
                     other->name, other->level);
}

std::optional<std::string> third_party_problem(const Folder& folder, std::string_view included) {
  const bool standard = included.find_first_of("./") == included.npos;
  if (standard || starts_with_any(included, kPlatformHeaders) ||
      starts_with_any(included, folder.third_party))
    return std::nullopt;
  return fmt::format("{}/ may not use <{}>", folder.name, included);
}

// The line without comments and what is in quotes. Good enough for sources in our own style, which
// have neither block comments nor raw strings of more than one line.
std::string code_of(std::string_view line) {
  std::string code;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (line.substr(i).starts_with("//")) {
      break;
    } else {
      const bool digit_separator =
          c == '\'' && i > 0 && std::isdigit(static_cast<unsigned char>(line[i - 1])) != 0;
      if (c == '"' || (c == '\'' && !digit_separator)) quote = c;
      code += c;
    }
  }
  return code;
}

bool is_word_character(char c) {
  return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : text) {
    const bool part = is_word_character(c);
    if (part && !inside) words.emplace_back();
    if (part) words.back() += c;
    inside = part;
  }
  return words;
}

// `<vector>` or `"base/result.h"`, with its delimiters, of an #include line.
std::optional<std::string> included_by(std::string_view line) {
  constexpr std::string_view kInclude = "#include ";
  if (!line.starts_with(kInclude)) return std::nullopt;
  line.remove_prefix(kInclude.size());
  const size_t end = line.find_first_of(">\"", 1);
  if (end == line.npos) return std::nullopt;
  return std::string(line.substr(0, end + 1));
}

// The words of an identifier: "srcOffset_raw" -> src, offset, raw.
bool has_banned_word(const std::string& identifier) {
  std::string word;
  auto banned = [&] { return word == "src" || word == "dst"; };
  for (const char c : identifier) {
    const bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (c == '_' || (upper && !word.empty())) {
      if (banned()) return true;
      word.clear();
    }
    if (c != '_') word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return banned();
}

size_t columns(std::string_view line) {
  return static_cast<size_t>(std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void check_line(const std::string& line, int number, std::vector<Problem>& problems) {
  static const std::vector<std::string> unfinished{
      "TO"
      "DO",
      "FIX"
      "ME"};
  if (line.find('\t') != line.npos) problems.push_back({number, "a tab"});
  if (line.ends_with(' ')) problems.push_back({number, "a space at the end of the line"});
  if (columns(line) > kMostColumns)
    problems.push_back(
        {number, fmt::format("{} columns, at most {}", columns(line), kMostColumns)});
  for (const std::string& word : words_of(line))
    if (std::ranges::find(unfinished, word) != unfinished.end())
      problems.push_back({number, "unfinished work"});
  if (included_by(line)) return;
  for (const std::string& word : words_of(code_of(line)))
    if (has_banned_word(word))
      problems.push_back({number, fmt::format("{}: say source or target", word)});
}

}  // namespace

std::string to_string(std::string_view path, const Problem& problem) {
  return fmt::format("{}:{}: {}", path, problem.line, problem.what);
}

std::vector<Problem> check_includes(std::string_view path, std::string_view text) {
  std::vector<Problem> problems;
  const Folder* const folder = find_folder(first_component(path));
  if (folder == nullptr) return problems;
  int number = 0;
  for (const std::string& line : lines_of(text)) {
    ++number;
    const std::optional<std::string> included = included_by(line);
    if (!included) continue;
    const std::string name = included->substr(1, included->size() - 2);
    const auto problem = included->starts_with('"') ? own_include_problem(*folder, name)
                                                    : third_party_problem(*folder, name);
    if (problem) problems.push_back({number, *problem});
  }
  return problems;
}

std::vector<Problem> check_tidiness(std::string_view path, std::string_view text) {
  std::vector<Problem> problems;
  const std::vector<std::string> lines = lines_of(text);
  if (lines.size() > kMostLines)
    problems.push_back({0, fmt::format("{} lines, at most {}", lines.size(), kMostLines)});
  if (!text.empty() && !text.ends_with('\n')) problems.push_back({0, "no newline at the end"});
  if (path.ends_with(".h") && std::ranges::find(lines, "#pragma once") == lines.end())
    problems.push_back({0, "no #pragma once"});
  for (size_t i = 0; i < lines.size(); ++i) check_line(lines[i], static_cast<int>(i + 1), problems);
  return problems;
}

}  // namespace kferry::test
