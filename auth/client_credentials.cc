#include "auth/client_credentials.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "auth/base64.h"
#include "auth/http_client.h"
#include "auth/reused.h"

namespace kferry::auth {
namespace {

constexpr std::string_view kWhat = "getting a token from";

HttpRequest request_for(const OidcSettings& settings) {
  const auto encoded = [&](const std::string& text) {
    return settings.encode_login ? percent_encode(text) : text;
  };
  std::string form = to_form({{"grant_type", "client_credentials"}});
  if (!settings.scope.empty()) form += "&" + to_form({{"scope", settings.scope}});
  const std::string login = encoded(settings.client_id) + ":" + encoded(settings.client_secret);
  return {.method = HttpMethod::kPost,
          .url = settings.token_endpoint,
          .header = {"Accept: application/json", "Authorization: Basic " + base64(login)},
          .form = std::move(form),
          .ca_location = settings.ca_location,
          .ca_pem = settings.ca_pem};
}

// Section 5.2: a word such as invalid_client. Nothing else of the answer is shown.
std::string error_code_of(const nlohmann::json& answer) {
  if (!answer.is_object() || !answer.contains("error") || !answer["error"].is_string()) return {};
  auto code = answer["error"].get<std::string>();
  const bool is_word = code.size() <= 64 && std::ranges::all_of(code, [](unsigned char c) {
                         return std::islower(c) != 0 || c == '_';
                       });
  return is_word ? code : std::string();
}

std::unexpected<Error> refusal(const HttpResponse& response, const nlohmann::json& answer,
                               const OidcSettings& settings) {
  const std::string code = error_code_of(answer);
  const std::string message =
      fmt::format("{} {}: HTTP {}{}{}", kWhat, place_of(settings.token_endpoint), response.status,
                  code.empty() ? "" : ": ", code);
  const long status = response.status;
  if (status >= 500 || status == 408 || status == 429)
    return fail(ErrorKind::kUnreachable, message,
                "the identity provider is in trouble: try again later");
  if (status < 300)
    return fail(ErrorKind::kNotAuthorised, message + ", but no access_token in the answer",
                "check sasl.oauthbearer.token.endpoint.url");
  if (status < 400)
    return fail(ErrorKind::kNotAuthorised, message + ": it sends us to another address",
                "give the address itself in sasl.oauthbearer.token.endpoint.url");
  return fail(ErrorKind::kNotAuthorised, message,
              code == "invalid_scope" ? "check the scope"
                                      : "check the client's id, its secret and the address");
}

Result<IssuedToken> issue(const OidcSettings& settings, const Wait& wait) {
  KFERRY_TRY(const HttpResponse response, send(request_for(settings), kWhat, wait));
  const auto answer = nlohmann::json::parse(response.body, nullptr, false);
  const bool has_token = answer.is_object() && answer.contains("access_token") &&
                         answer["access_token"].is_string() &&
                         !answer["access_token"].get_ref<const std::string&>().empty();
  if (response.status / 100 != 2 || !has_token) return refusal(response, answer, settings);
  IssuedToken token{answer["access_token"].get<std::string>()};
  constexpr int64_t kYearSeconds = 365LL * 86'400;
  const auto life = answer.find("expires_in");
  if (life != answer.end() && life->is_number_integer()) {
    const int64_t seconds = std::clamp(life->get<int64_t>(), int64_t{0}, kYearSeconds);
    token.expires_ms = wall_clock_ms() + seconds * 1'000;
  }
  return token;
}

}  // namespace

Result<IssuedToken> client_credentials_token(const OidcSettings& settings, const Wait& wait) {
  static Reused<IssuedToken> issued;
  std::string key;
  for (const std::string* const part :
       {&settings.token_endpoint, &settings.client_id, &settings.client_secret, &settings.scope})
    key += *part + '\0';
  return issued.get(key, fmt::format("{} {}", kWhat, place_of(settings.token_endpoint)), wait,
                    [&] { return issue(settings, wait); });
}

}  // namespace kferry::auth
