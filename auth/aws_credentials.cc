#include "auth/aws_credentials.h"

#include <fmt/format.h>

#include "auth/aws_profiles.h"
#include "auth/aws_roles.h"
#include "auth/aws_services.h"
#include "auth/reused.h"

namespace kferry::auth {
namespace {

using Found = Result<std::optional<AwsCredentials>>;

constexpr int kMostRoles = 5;  // one after the other, by source_profile

std::unexpected<Error> wrong(std::string message, std::string hint = {}) {
  return fail(ErrorKind::kNotAuthorised, "credentials of AWS: " + std::move(message),
              std::move(hint));
}

Found in_environment() {
  AwsCredentials found{environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"),
                       environment("AWS_SESSION_TOKEN")};
  if (found.access_key_id.empty() && found.secret_access_key.empty()) return std::nullopt;
  if (found.access_key_id.empty() || found.secret_access_key.empty())
    return wrong("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set",
                 "set both, or neither");
  return found;
}

class Finder {
 public:
  Finder(const std::string& region, const Wait& wait) : region_(region), wait_(wait) {}

  Result<AwsCredentials> by_default() {
    KFERRY_TRY(std::optional<AwsCredentials> found, in_environment());
    if (found) return *found;
    KFERRY_TRY(found, by_web_identity());
    if (found) return *found;
    KFERRY_TRY(found, by_chosen_profile());
    if (found) return *found;
    KFERRY_TRY(found, container_credentials(wait_));
    if (found) return *found;
    KFERRY_TRY(found, instance_credentials(wait_));
    if (found) return *found;
    return wrong(fmt::format("there are none: neither in the environment (AWS_ACCESS_KEY_ID, "
                             "AWS_WEB_IDENTITY_TOKEN_FILE), nor in the profile '{}', nor from this "
                             "container or instance",
                             chosen_aws_profile()),
                 "docs/security.md has where they may be");
  }

  Result<AwsCredentials> by_profile(const std::string& name) {
    KFERRY_TRY(const AwsProfiles profiles, read_aws_profiles());
    return by_profile(name, profiles, 0);
  }

 private:
  // There need not be a profile "default".
  Found by_chosen_profile() {
    KFERRY_TRY(const AwsProfiles profiles, read_aws_profiles());
    if (environment("AWS_PROFILE").empty() && !has_credentials(profiles, "default"))
      return std::nullopt;
    return by_profile(chosen_aws_profile(), profiles, 0);
  }

  static bool has_credentials(const AwsProfiles& profiles, const std::string& name) {
    const auto found = profiles.find(name);
    if (found == profiles.end()) return false;
    for (const char* const key : {"aws_access_key_id", "role_arn", "credential_process"})
      if (found->second.contains(key)) return true;
    return false;
  }

  Found by_web_identity() {
    const std::string file = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (file.empty()) return std::nullopt;
    const AwsRole role{.arn = environment("AWS_ROLE_ARN"),
                       .session_name = environment("AWS_ROLE_SESSION_NAME"),
                       .region = region_};
    if (role.arn.empty())
      return wrong("AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not", "set both");
    return take_role_by_web_identity(role, file, wait_);
  }

  Result<AwsCredentials> by_profile(const std::string& name, const AwsProfiles& profiles,
                                    int roles) {
    const auto found = profiles.find(name);
    if (found == profiles.end())
      return wrong(fmt::format("there is no profile '{}'", name),
                   "look at ~/.aws/config, ~/.aws/credentials and AWS_PROFILE");
    const AwsProfile& profile = found->second;
    if (profile.contains("role_arn")) return by_role(name, profiles, roles);
    AwsCredentials keys{text(profile, "aws_access_key_id"), text(profile, "aws_secret_access_key"),
                        text(profile, "aws_session_token")};
    if (!keys.access_key_id.empty() && !keys.secret_access_key.empty()) return keys;
    if (const std::string command = text(profile, "credential_process"); !command.empty())
      return process_credentials(command, wait_);
    return wrong(
        fmt::format("the profile '{}' has no keys, no role and no credential_process", name),
        fmt::format("of a login by SSO: credential_process = aws configure "
                    "export-credentials --profile {}",
                    name));
  }

  // "role_arn" with source_profile, credential_source or web_identity_token_file.
  Result<AwsCredentials> by_role(const std::string& name, const AwsProfiles& profiles, int roles) {
    if (roles == kMostRoles)
      return wrong(
          fmt::format("profile '{}': more than {} roles, one by the other", name, kMostRoles),
          "does a source_profile lead back to itself?");
    const AwsProfile& profile = profiles.at(name);
    const AwsRole role{.arn = text(profile, "role_arn"),
                       .session_name = text(profile, "role_session_name"),
                       .external_id = text(profile, "external_id"),
                       .region = region_};
    if (const std::string file = text(profile, "web_identity_token_file"); !file.empty())
      return take_role_by_web_identity(role, file, wait_);
    const std::string source = text(profile, "source_profile");
    Result<AwsCredentials> who;
    if (source == name) {
      AwsProfiles without = profiles;
      without[name].erase("role_arn");
      who = by_profile(name, without, roles + 1);
    } else if (!source.empty()) {
      who = by_profile(source, profiles, roles + 1);
    } else {
      who = by_source(name, text(profile, "credential_source"));
    }
    if (!who) return who;
    return take_role(role, *who, wait_);
  }

  Result<AwsCredentials> by_source(const std::string& name, const std::string& source) {
    Found found;
    if (source == "Environment") {
      found = in_environment();
    } else if (source == "EcsContainer") {
      found = container_credentials(wait_);
    } else if (source == "Ec2InstanceMetadata") {
      found = instance_credentials(wait_);
    } else {
      return wrong(fmt::format("the profile '{}' has a role_arn, and nobody who takes it on", name),
                   "give source_profile, credential_source (Environment, EcsContainer, "
                   "Ec2InstanceMetadata) or web_identity_token_file");
    }
    if (!found) return std::unexpected(std::move(found).error());
    if (!*found) return wrong(fmt::format("the profile '{}': there are none in {}", name, source));
    return **found;
  }

  static std::string text(const AwsProfile& profile, const std::string& key) {
    const auto found = profile.find(key);
    return found == profile.end() ? std::string() : found->second;
  }

  const std::string& region_;
  const Wait& wait_;
};

Result<AwsCredentials> find(const MskIamSettings& settings, const std::string& region,
                            const Wait& wait) {
  const std::string& sts_region = settings.sts_region.empty() ? region : settings.sts_region;
  Finder finder(sts_region, wait);
  Result<AwsCredentials> who =
      AwsCredentials{settings.access_key_id, settings.secret_access_key, settings.session_token};
  if (!settings.profile.empty()) {
    who = finder.by_profile(settings.profile);
  } else if (settings.access_key_id.empty()) {
    who = finder.by_default();
  }
  if (!who || settings.role_arn.empty()) return who;
  return take_role({.arn = settings.role_arn,
                    .session_name = settings.role_session_name,
                    .external_id = settings.role_external_id,
                    .region = sts_region},
                   *who, wait);
}

}  // namespace

Result<AwsCredentials> find_aws_credentials(const MskIamSettings& settings,
                                            const std::string& region, const Wait& wait) {
  static Reused<AwsCredentials> found;
  std::string key;
  for (const std::string* const part :
       {&region, &settings.profile, &settings.role_arn, &settings.role_session_name,
        &settings.role_external_id, &settings.sts_region, &settings.access_key_id,
        &settings.secret_access_key, &settings.session_token})
    key += *part + '\0';
  return found.get(key, "looking for credentials of AWS", wait,
                   [&] { return find(settings, region, wait); });
}

}  // namespace kferry::auth
