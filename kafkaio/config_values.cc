#include "kafkaio/config_values.h"

#include <cstdlib>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/command_output.h"
#include "base/small_file.h"
#include "kafkaio/config.h"

namespace kferry::kafkaio {
namespace {

constexpr Duration kCommandTimeout{30'000};

Result<std::string> read_secret_file(const std::string& path) {
  KFERRY_TRY(std::string text, read_small_file(path, "the file"));
  warn_if_others_may_read(path);
  return text;
}

Result<std::string> from_file(const std::string& path) {
  KFERRY_TRY(std::string text, read_secret_file(path));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> from_properties(const std::string& path, const std::string& key) {
  KFERRY_TRY(const std::string text, read_secret_file(path));
  auto properties = parse_properties(text);
  if (!properties) return std::unexpected(in_context(properties.error(), path));
  const auto found = properties->find(key);
  if (found != properties->end()) return found->second;
  return fail(ErrorKind::kUsage, fmt::format("there is no {} in '{}'", key, path));
}

Result<std::string> from_environment(const std::string& name) {
  if (const char* const value = std::getenv(name.c_str())) return value;
  return fail(ErrorKind::kUsage, fmt::format("the environment variable {} is not set", name));
}

// What ${PROVIDER:REST} stands for; nullopt: not ours to replace.
std::optional<Result<std::string>> look_up(std::string_view provider, const std::string& rest,
                                           const Wait& wait) {
  const size_t colon = rest.find(':');
  const std::string first = rest.substr(0, colon);
  const std::string second = colon == rest.npos ? std::string() : rest.substr(colon + 1);
  if (provider == "file") return second.empty() ? from_file(rest) : from_properties(first, second);
  if (provider == "directory") return from_file(fmt::format("{}/{}", first, second));
  if (provider == "env") return from_environment(rest);
  if (provider == "command")
    return command_output(rest, "the command of ${command:...}", wait.at_most(kCommandTimeout));
  return std::nullopt;
}

Result<std::string> resolve(const std::string& value, const Wait& wait) {
  std::string resolved;
  size_t at = 0;
  for (size_t start = 0; (start = value.find("${", at)) != value.npos;) {
    const size_t end = value.find('}', start);
    const size_t colon = value.find(':', start);
    if (end == value.npos || colon > end) break;
    const std::string_view provider = std::string_view(value).substr(start + 2, colon - start - 2);
    resolved += value.substr(at, start - at);
    at = end + 1;
    auto found = look_up(provider, value.substr(colon + 1, end - colon - 1), wait);
    if (!found) found = value.substr(start, at - start);
    if (!*found) return std::unexpected(std::move(*found).error());
    resolved += **found;
  }
  return resolved + value.substr(at);
}

}  // namespace

Result<> resolve_values(std::map<std::string, std::string>& properties, const std::string& origin,
                        const Wait& wait) {
  for (auto& [key, value] : properties) {
    auto resolved = resolve(value, wait);
    if (!resolved) {
      Error error = in_context(std::move(resolved).error(), fmt::format("{}: {}", origin, key));
      if (error.kind == ErrorKind::kFailed) error.kind = ErrorKind::kUsage;
      return std::unexpected(std::move(error));
    }
    value = std::move(*resolved);
  }
  return {};
}

}  // namespace kferry::kafkaio
