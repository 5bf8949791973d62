#include "auth/aws_services.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "auth/aws_profiles.h"
#include "auth/http_client.h"
#include "base/command_output.h"
#include "base/small_file.h"
#include "base/timestamp.h"

namespace kferry::auth {
namespace {

constexpr std::string_view kWhat = "getting credentials of AWS from";
constexpr Duration kCommandTimeout{30'000};
constexpr Duration kInstanceTimeout{2'000};

std::string text_of(const nlohmann::json& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The form that both services and commands use, but for the name of the session token.
Result<AwsCredentials> parse(const std::string& text, std::string_view token_name,
                             const std::string& from) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  AwsCredentials found;
  if (object.is_object())
    found = {text_of(object, "AccessKeyId"), text_of(object, "SecretAccessKey"),
             text_of(object, token_name),
             parse_rfc3339(text_of(object, "Expiration")).value_or(-1)};
  if (found.access_key_id.empty() || found.secret_access_key.empty())
    return fail(ErrorKind::kNotAuthorised, from + ": there are no credentials in what it says",
                "it must be JSON with AccessKeyId and SecretAccessKey");
  return found;
}

std::unexpected<Error> refusal(const HttpResponse& response, const std::string& from) {
  const std::string message = fmt::format("{}: HTTP {}", from, response.status);
  if (response.status >= 500 || response.status == 429)
    return fail(ErrorKind::kUnreachable, message, "the service is in trouble: try again later");
  return fail(ErrorKind::kNotAuthorised, message, "does this machine, or this task, have a role?");
}

// Hosts that may be asked without TLS ("Container credential provider"): this machine, and the
// addresses at which ECS and EKS have their services.
bool may_be_plain(const std::string& host) {
  constexpr std::array<std::string_view, 5> kHosts{"localhost", "::1", "169.254.170.2",
                                                   "169.254.170.23", "fd00:ec2::23"};
  return std::ranges::find(kHosts, host) != kHosts.end() || host.starts_with("127.");
}

Result<std::string> container_token() {
  std::string token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const std::string file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) {
    auto text = read_small_file(file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!text) return fail(ErrorKind::kNotAuthorised, text.error().message);
    token = std::move(*text);
  }
  while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
  if (std::ranges::any_of(token, [](unsigned char c) { return c < ' ' || c > '~'; }))
    return fail(ErrorKind::kNotAuthorised,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN has characters that no token has");
  return token;
}

Result<HttpResponse> ask_instance(HttpMethod method, const std::string& path,
                                  const std::string& header, const Wait& wait) {
  std::string base = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  while (base.ends_with('/')) base.pop_back();
  if (base.empty()) base = "http://169.254.169.254";
  return send({.method = method, .url = base + path, .header = {header}, .past_proxies = true},
              kWhat, wait.at_most(kInstanceTimeout));
}

}  // namespace

Result<std::optional<AwsCredentials>> container_credentials(const Wait& wait) {
  const std::string relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return std::nullopt;
  const std::string url = relative.empty() ? full : "http://169.254.170.2" + relative;
  const std::string from = fmt::format("{} {}", kWhat, place_of(url));
  if (!url.starts_with("https://") && !may_be_plain(host_of(url)))
    return fail(ErrorKind::kNotAuthorised,
                from + ": neither https nor an address of this machine or container",
                "check AWS_CONTAINER_CREDENTIALS_FULL_URI");
  KFERRY_TRY(const std::string token, container_token());
  HttpRequest request{
      .url = url, .ca_location = environment("AWS_CA_BUNDLE"), .past_proxies = true};
  if (!token.empty()) request.header.push_back("Authorization: " + token);
  KFERRY_TRY(const HttpResponse response, send(request, kWhat, wait));
  if (response.status != 200) return refusal(response, from);
  return parse(response.body, "Token", from);
}

Result<std::optional<AwsCredentials>> instance_credentials(const Wait& wait) {
  if (environment("AWS_EC2_METADATA_DISABLED") == "true") return std::nullopt;
  const std::string from = fmt::format("{} the instance's metadata service", kWhat);
  const auto token = ask_instance(HttpMethod::kPut, "/latest/api/token",
                                  "X-aws-ec2-metadata-token-ttl-seconds: 60", wait);
  if (!token && token.error().kind != ErrorKind::kUnreachable)
    return std::unexpected(token.error());
  if (!token || token->status != 200) return std::nullopt;
  const std::string header = "X-aws-ec2-metadata-token: " + token->body;
  const std::string path = "/latest/meta-data/iam/security-credentials/";
  KFERRY_TRY(const HttpResponse names, ask_instance(HttpMethod::kGet, path, header, wait));
  if (names.status == 404) return std::nullopt;
  if (names.status != 200) return refusal(names, from);
  const std::string name = names.body.substr(0, names.body.find('\n'));
  KFERRY_TRY(const HttpResponse response,
             ask_instance(HttpMethod::kGet, path + percent_encode(name), header, wait));
  if (response.status != 200) return refusal(response, from);
  return parse(response.body, "Token", from);
}

Result<AwsCredentials> process_credentials(const std::string& command, const Wait& wait) {
  const auto said = command_output(command, "credential_process", wait.at_most(kCommandTimeout));
  if (said) return parse(*said, "SessionToken", "credential_process");
  if (said.error().kind == ErrorKind::kInterrupted) return std::unexpected(said.error());
  return fail(ErrorKind::kNotAuthorised, said.error().message, said.error().hint);
}

}  // namespace kferry::auth
