#include "auth/msk_iam.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "auth/aws_credentials.h"
#include "auth/aws_profiles.h"
#include "auth/base64.h"
#include "auth/http_client.h"
#include "base/clock.h"

namespace kferry::auth {
namespace {

constexpr int kLifeSeconds = 900;

// Such as "us-gov-west-1".
bool is_region(std::string_view label) {
  const auto is_known = [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
  };
  return label.size() >= 8 && label.size() <= 32 && std::ranges::count(label, '-') >= 2 &&
         std::ranges::all_of(label, is_known) && label[2] == '-' && label.back() >= '0' &&
         label.back() <= '9';
}

Result<std::string> region_for(const MskIamSettings& settings, const std::string& host) {
  std::string region = settings.region;
  if (region.empty()) region = region_of_host(host);
  for (const char* const name : {"AWS_REGION", "AWS_DEFAULT_REGION"})
    if (region.empty()) region = environment(name);
  if (region.empty()) {
    KFERRY_TRY(AwsProfiles profiles, read_aws_profiles());
    region = profiles[settings.profile.empty() ? chosen_aws_profile() : settings.profile]["region"];
  }
  if (region.empty())
    return fail(ErrorKind::kNotAuthorised,
                "AWS_MSK_IAM: which region? It is not in the broker's name '" + host + "'",
                "set AWS_REGION, or kferry.aws.region in the client properties");
  if (!is_region(region))
    return fail(ErrorKind::kNotAuthorised, "AWS_MSK_IAM: there is no such region",
                "check kferry.aws.region, AWS_REGION and the profile: such as eu-west-1");
  return region;
}

}  // namespace

std::string msk_iam_token(const AwsCredentials& credentials, const std::string& region,
                          int64_t at_ms) {
  const std::string host = "kafka." + region + ".amazonaws.com";
  AwsRequest request{
      .method = "GET", .query = {{"Action", "kafka-cluster:Connect"}}, .header = {{"host", host}}};
  sign_query(request, credentials, {region, "kafka-cluster", at_ms}, kLifeSeconds);
  request.query.emplace_back("User-Agent", "kferry/" KFERRY_VERSION);  // not signed
  return base64url("https://" + host + "/?" + to_form(request.query));
}

std::string region_of_host(const std::string& host) {
  std::string_view rest = host;
  if (rest.ends_with(".cn")) rest.remove_suffix(3);
  if (!rest.ends_with(".amazonaws.com")) return {};
  while (!rest.empty()) {
    const size_t dot = rest.rfind('.');
    const std::string_view label = dot == rest.npos ? rest : rest.substr(dot + 1);
    if (is_region(label)) return std::string(label);
    rest = dot == rest.npos ? std::string_view() : rest.substr(0, dot);
  }
  return {};
}

Result<std::string> fetch_msk_iam_token(const MskIamSettings& settings, const std::string& host,
                                        const Wait& wait) {
  KFERRY_TRY(const std::string region, region_for(settings, host));
  KFERRY_TRY(const AwsCredentials credentials, find_aws_credentials(settings, region, wait));
  return msk_iam_token(credentials, region, wall_clock_ms());
}

}  // namespace kferry::auth
