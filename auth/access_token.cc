#include "auth/access_token.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "auth/base64.h"
#include "auth/client_credentials.h"
#include "auth/msk_iam.h"
#include "base/clock.h"
#include "base/command_output.h"
#include "base/small_file.h"

namespace kferry::auth {
namespace {

constexpr Duration kCommandTimeout{30'000};

nlohmann::json claims_of(const std::string& token) {
  const size_t first = token.find('.');
  const size_t second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos) return nullptr;
  return nlohmann::json::parse(decode_base64url(token.substr(first + 1, second - first - 1)),
                               nullptr, false);
}

// RFC 6750, section 2.1.
bool is_bearer_token(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-._~+/=").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

std::unexpected<Error> no_token(std::string_view how, std::string hint = {}) {
  return fail(ErrorKind::kNotAuthorised, fmt::format("access token of OAUTHBEARER: {}", how),
              std::move(hint));
}

Result<std::string> read_token(const std::string& path) {
  auto text = read_small_file(path, "the file");
  if (!text) return no_token(text.error().message);
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return text;
}

Result<std::string> run_command(const std::string& command, const Wait& wait) {
  auto said = command_output(command, "the token command", wait.at_most(kCommandTimeout));
  if (said || said.error().kind == ErrorKind::kInterrupted) return said;
  return no_token(said.error().message, said.error().hint);
}

Result<std::string> token_text(const TokenSource& source, const std::string& host,
                               const Wait& wait) {
  if (!source.file.empty()) return read_token(source.file);
  if (source.msk_iam) return fetch_msk_iam_token(*source.msk_iam, host, wait);
  if (!source.oidc) return run_command(source.command, wait);
  KFERRY_TRY(IssuedToken issued, client_credentials_token(*source.oidc, wait));
  return std::move(issued.text);
}

}  // namespace

int64_t expiry_of_jwt(const std::string& token) {
  const nlohmann::json claims = claims_of(token);
  if (!claims.is_object() || !claims.contains("exp") || !claims["exp"].is_number()) return -1;
  const double seconds = claims["exp"].get<double>();
  constexpr double kYear10000 = 253'402'300'800;
  return seconds < 0 || seconds > kYear10000 ? -1 : static_cast<int64_t>(seconds * 1000);
}

Result<std::string> fetch_access_token(const TokenSource& source, const std::string& host,
                                       const Wait& wait) {
  KFERRY_TRY(std::string text, token_text(source, host, wait));
  if (!is_bearer_token(text))
    return no_token("it is empty, or has characters that no token has",
                    "the file, or what the command says, must be the token and nothing else");
  const int64_t expires = expiry_of_jwt(text);
  if (expires >= 0 && expires <= wall_clock_ms())
    return no_token(fmt::format("it expired at {}", to_rfc3339(expires)), "get a new one");
  return text;
}

}  // namespace kferry::auth
