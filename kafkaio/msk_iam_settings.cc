#include "kafkaio/msk_iam_settings.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace kferry::kafkaio {
namespace {

constexpr std::string_view kPackage = "software.amazon.msk.auth.iam.";

// The options of MSKCredentialProvider (aws-msk-iam-auth).
constexpr std::array<std::pair<std::string_view, std::string MskIamSettings::*>, 8> kOptions{
    {{"awsProfileName", &MskIamSettings::profile},
     {"awsRoleArn", &MskIamSettings::role_arn},
     {"awsRoleSessionName", &MskIamSettings::role_session_name},
     {"awsRoleExternalId", &MskIamSettings::role_external_id},
     {"awsStsRegion", &MskIamSettings::sts_region},
     {"awsRoleAccessKeyId", &MskIamSettings::access_key_id},
     {"awsRoleSecretAccessKey", &MskIamSettings::secret_access_key},
     {"awsRoleSessionToken", &MskIamSettings::session_token}}};
// How often that library tries, and whether it logs who it is.
constexpr std::array<std::string_view, 3> kWithoutEffect{"awsMaxRetries", "awsMaxBackOffTimeMs",
                                                         "awsDebugCreds"};

Result<> check(const MskIamSettings& settings, const std::string& origin) {
  const auto wrong = [&](std::string_view how) {
    return fail(ErrorKind::kUsage, fmt::format("{}: sasl.jaas.config: {}", origin, how));
  };
  if (settings.access_key_id.empty() != settings.secret_access_key.empty())
    return wrong("awsRoleAccessKeyId and awsRoleSecretAccessKey belong together");
  if (!settings.access_key_id.empty() && settings.role_arn.empty())
    return wrong(
        "awsRoleAccessKeyId needs awsRoleArn: keys without a role belong in the environment");
  if (!settings.profile.empty() && !settings.access_key_id.empty())
    return wrong("either awsProfileName or awsRoleAccessKeyId");
  return {};
}

}  // namespace

bool take_msk_iam_classes(std::map<std::string, std::string>& properties,
                          std::string_view mechanism) {
  bool found = mechanism == "AWS_MSK_IAM";
  if (!found && mechanism != "OAUTHBEARER") return false;
  for (const char* const key :
       {"sasl.client.callback.handler.class", "sasl.login.callback.handler.class"}) {
    const auto property = properties.find(key);
    if (property == properties.end() || !property->second.starts_with(kPackage)) continue;
    properties.erase(property);
    found = true;
  }
  return found;
}

Result<MskIamSettings> take_msk_iam(std::map<std::string, std::string>& properties,
                                    const Login& login, const std::string& origin) {
  MskIamSettings settings;
  for (const char* const other :
       {"kferry.sasl.oauthbearer.token.command", "sasl.oauthbearer.token.endpoint.url"})
    if (properties.contains(other))
      return fail(ErrorKind::kUsage,
                  fmt::format("{}: {}: AWS_MSK_IAM has tokens of its own", origin, other),
                  "give one of them");
  if (auto region = properties.extract("kferry.aws.region"); !region.empty())
    settings.region = std::move(region.mapped());
  for (const auto& [name, value] : login.options) {
    const auto known = std::ranges::find(kOptions, name, [](const auto& one) { return one.first; });
    if (known != kOptions.end()) {
      settings.*known->second = value;
    } else if (std::ranges::find(kWithoutEffect, name) == kWithoutEffect.end()) {
      return fail(ErrorKind::kUsage,
                  fmt::format("{}: sasl.jaas.config: unknown option '{}'", origin, name),
                  "docs/security.md has those of AWS_MSK_IAM");
    }
  }
  KFERRY_CHECK(check(settings, origin));
  return settings;
}

}  // namespace kferry::kafkaio
