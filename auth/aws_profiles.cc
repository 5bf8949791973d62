#include "auth/aws_profiles.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "base/small_file.h"

namespace kferry::auth {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// The name in "[NAME]" or "[profile NAME]"; empty: another kind of section.
std::string section_name(std::string_view line, AwsFile kind) {
  std::string_view name = trimmed(line.substr(1, line.find(']') - 1));
  if (kind == AwsFile::kCredentials || name == "default") return std::string(name);
  constexpr std::string_view kProfile = "profile ";
  if (!name.starts_with(kProfile)) return {};
  return std::string(trimmed(name.substr(kProfile.size())));
}

std::string path_of(const char* variable, const char* name) {
  const std::string given = environment(variable);
  if (!given.empty()) return given;
  const std::string home = environment("HOME");
  return home.empty() ? std::string() : home + "/.aws/" + name;
}

Result<AwsProfiles> read_file(const std::string& path, AwsFile kind) {
  std::error_code ignored;
  if (path.empty() || !std::filesystem::exists(path, ignored)) return AwsProfiles{};
  KFERRY_TRY(const std::string text, read_small_file(path, "AWS's file"));
  AwsProfiles profiles = parse_aws_profiles(text, kind);
  const bool secret = std::ranges::any_of(profiles, [](const auto& profile) {
    return profile.second.contains("aws_secret_access_key");
  });
  static std::atomic<bool> warned{false};  // it is read again and again
  if (secret && !warned.exchange(true)) warn_if_others_may_read(path);
  return profiles;
}

}  // namespace

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

AwsProfiles parse_aws_profiles(std::string_view text, AwsFile kind) {
  AwsProfiles profiles;
  AwsProfile* profile = nullptr;
  while (!text.empty()) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(whole.size() + 1, text.size()));
    const std::string_view line = trimmed(whole);
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[')) {
      const std::string name = section_name(line, kind);
      profile = name.empty() ? nullptr : &profiles[name];
      continue;
    }
    // An indented line belongs to the setting above it, such as "s3 =".
    const bool nested = whole.front() == ' ' || whole.front() == '\t';
    const size_t at = line.find('=');
    if (profile == nullptr || nested || at == line.npos) continue;
    (*profile)[std::string(trimmed(line.substr(0, at)))] = trimmed(line.substr(at + 1));
  }
  return profiles;
}

Result<AwsProfiles> read_aws_profiles() {
  KFERRY_TRY(AwsProfiles profiles,
             read_file(path_of("AWS_CONFIG_FILE", "config"), AwsFile::kConfig));
  KFERRY_TRY(AwsProfiles others, read_file(path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
                                           AwsFile::kCredentials));
  for (auto& [name, settings] : others)
    for (auto& [key, value] : settings) profiles[name].insert_or_assign(key, std::move(value));
  return profiles;
}

std::string chosen_aws_profile() {
  const std::string given = environment("AWS_PROFILE");
  return given.empty() ? "default" : given;
}

}  // namespace kferry::auth
