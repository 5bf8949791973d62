#include "auth/aws_roles.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "auth/aws_profiles.h"
#include "auth/http_client.h"
#include "base/clock.h"
#include "base/small_file.h"
#include "base/timestamp.h"

namespace kferry::auth {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kWhat = "asking AWS for a role at";

// The text of the first element of this name in the answer, which is XML of plain elements; empty
// when there is none, or it is none of AWS's words.
std::string element(std::string_view xml, std::string_view name) {
  const std::string opening = fmt::format("<{}>", name);
  const size_t start = xml.find(opening);
  if (start == xml.npos) return {};
  xml.remove_prefix(start + opening.size());
  const std::string_view text = xml.substr(0, xml.find("</"));
  const bool plain = std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("+/=-_.:%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  return plain ? std::string(text) : std::string();
}

std::string endpoint_of(const std::string& region) {
  for (const char* const name : {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"}) {
    std::string given = environment(name);
    while (given.ends_with('/')) given.pop_back();
    if (!given.empty()) return given + "/";
  }
  return fmt::format("https://sts.{}.amazonaws.com{}/", region,
                     region.starts_with("cn-") ? ".cn" : "");
}

std::unexpected<Error> refusal(const HttpResponse& response, const AwsRole& role,
                               const std::string& endpoint) {
  const std::string code = element(response.body, "Code");
  const std::string message =
      fmt::format("{} {}: {}: HTTP {}{}{}", kWhat, place_of(endpoint), role.arn, response.status,
                  code.empty() ? "" : ": ", code);
  if (response.status >= 500 || response.status == 429 || code == "Throttling")
    return fail(ErrorKind::kUnreachable, message, "AWS is in trouble: try again later");
  if (response.status / 100 == 2)
    return fail(ErrorKind::kNotAuthorised, message + ", but no credentials in the answer",
                "check AWS_ENDPOINT_URL_STS");
  return fail(ErrorKind::kNotAuthorised, message,
              "check the role's name, and whom its trust policy names");
}

Result<AwsCredentials> ask(const HttpRequest& request, const AwsRole& role, const Wait& wait) {
  KFERRY_TRY(const HttpResponse response, send(request, kWhat, wait));
  AwsCredentials found{element(response.body, "AccessKeyId"),
                       element(response.body, "SecretAccessKey"),
                       element(response.body, "SessionToken"),
                       parse_rfc3339(element(response.body, "Expiration")).value_or(-1)};
  if (response.status / 100 != 2 || found.access_key_id.empty() ||
      found.secret_access_key.empty() || found.session_token.empty())
    return refusal(response, role, request.url);
  return found;
}

HttpRequest request_for(const std::string& endpoint, std::string form) {
  return {.method = HttpMethod::kPost,
          .url = endpoint,
          .form = std::move(form),
          .ca_location = environment("AWS_CA_BUNDLE")};
}

Fields fields_for(const char* action, const AwsRole& role) {
  return {{"Action", action},
          {"Version", "2011-06-15"},
          {"RoleArn", role.arn},
          {"RoleSessionName", role.session_name.empty() ? "kferry" : role.session_name}};
}

}  // namespace

Result<AwsCredentials> take_role(const AwsRole& role, const AwsCredentials& credentials,
                                 const Wait& wait) {
  Fields fields = fields_for("AssumeRole", role);
  if (!role.external_id.empty()) fields.emplace_back("ExternalId", role.external_id);
  const std::string endpoint = endpoint_of(role.region);
  AwsRequest to_sign{.method = "POST",
                     .header = {{"host", authority_of(endpoint)},
                                {"content-type", "application/x-www-form-urlencoded"}},
                     .body = to_form(fields)};
  sign_header(to_sign, credentials, {role.region, "sts", wall_clock_ms()});
  HttpRequest request = request_for(endpoint, to_sign.body);
  for (const auto& [name, value] : to_sign.header)
    if (name != "host") request.header.push_back(name + ": " + value);
  return ask(request, role, wait);
}

Result<AwsCredentials> take_role_by_web_identity(const AwsRole& role, const std::string& token_file,
                                                 const Wait& wait) {
  auto token = read_small_file(token_file, "AWS_WEB_IDENTITY_TOKEN_FILE");
  if (!token) return fail(ErrorKind::kNotAuthorised, token.error().message);
  while (token->ends_with('\n')) token->pop_back();
  Fields fields = fields_for("AssumeRoleWithWebIdentity", role);
  fields.emplace_back("WebIdentityToken", *token);
  return ask(request_for(endpoint_of(role.region), to_form(fields)), role, wait);
}

}  // namespace kferry::auth
