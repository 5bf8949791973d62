#include "kafkaio/token_settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"
#include "kafkaio/store_kind.h"

namespace kferry::kafkaio {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr const char* kCommand = "kferry.sasl.oauthbearer.token.command";
constexpr const char* kUrl = "sasl.oauthbearer.token.endpoint.url";
constexpr const char* kMethod = "sasl.oauthbearer.method";
constexpr const char* kExtensions = "sasl.oauthbearer.extensions";

bool is_loopback(std::string_view url) {
  return std::ranges::any_of(
      std::array<std::string_view, 3>{"http://localhost", "http://127.", "http://[::1]"},
      [&](std::string_view start) { return url.starts_with(start); });
}

// KIP-342 and RFC 7628, section 3.1.
bool is_extension(const std::string& key, const std::string& value) {
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  const auto is_text = [](unsigned char c) { return c == '\t' || (c >= ' ' && c < 0x7f); };
  return !key.empty() && key != "auth" && std::ranges::all_of(key, is_letter) &&
         std::ranges::all_of(value, is_text);
}

class Taker {
 public:
  Taker(Properties& properties, const Login& login, const std::string& origin)
      : properties_(properties), login_(login), origin_(origin) {}

  Result<TokenSource> run() {
    TokenSource token;
    token.command = take(kCommand);
    KFERRY_CHECK(take_methods());
    const std::string url = take(kUrl);
    constexpr std::string_view kFile = "file:";
    if (url.starts_with(kFile)) {
      token.file = url.substr(kFile.size());
      if (token.file.starts_with("//")) token.file.erase(0, 2);  // file:///path
    } else if (!url.empty()) {
      KFERRY_TRY(token.oidc, take_oidc(url));
    }
    const int sources = static_cast<int>(!token.file.empty()) +
                        static_cast<int>(!token.command.empty()) +
                        static_cast<int>(token.oidc.has_value());
    if (sources != 1)
      return wrong(kUrl, "there must be one source of tokens",
                   fmt::format("give {0}=https://... with a client's id and secret, or "
                               "{0}=file:///PATH, or {1}",
                               kUrl, kCommand));
    KFERRY_TRY(token.extensions, take_extensions());
    return token;
  }

 private:
  std::unexpected<Error> wrong(std::string_view key, std::string_view how,
                               std::string hint = {}) const {
    return fail(ErrorKind::kUsage, fmt::format("{}: {}: {}", origin_, key, how), std::move(hint));
  }

  std::string take(const std::string& key) {
    const auto found = properties_.extract(key);
    return found.empty() ? std::string() : std::move(found.mapped());
  }
  std::string option(const std::string& name) const {
    const auto found = login_.options.find(name);
    return found == login_.options.end() ? std::string() : found->second;
  }
  // The first of these keys that is given, or else the option in sasl.jaas.config.
  std::string take_first(const std::vector<const char*>& keys, const std::string& name) {
    std::string first;
    for (const char* const key : keys) {
      std::string value = take(key);
      if (first.empty()) first = std::move(value);
    }
    return first.empty() ? option(name) : first;
  }

  Result<> take_methods() {
    const std::string method = take(kMethod);
    if (!method.empty() && method != "default" && method != "oidc")
      return wrong(kMethod, "takes default or oidc");
    const std::string grant = take("sasl.oauthbearer.grant.type");
    if (!grant.empty() && grant != "client_credentials")
      return wrong("sasl.oauthbearer.grant.type", "kferry knows client_credentials only",
                   fmt::format("give {}, which prints a token", kCommand));
    return {};
  }

  Result<OidcSettings> take_oidc(const std::string& url) {
    const std::string_view host = std::string_view(url).substr(0, url.find_first_of("?#"));
    if ((!url.starts_with("https://") && !url.starts_with("http://")) || host.ends_with("://"))
      return wrong(kUrl, "takes https://..., http://... or file:///PATH");
    if (host.find('@') != host.npos)
      return wrong(kUrl, "must have no user in it", "give the client's id and secret");
    if (url.starts_with("http://") && !is_loopback(url))
      log::warn("the client's secret goes to the token endpoint in clear text",
                {{"hint", fmt::format("give an https:// address in {}", kUrl)}});
    OidcSettings oidc{
        .token_endpoint = url,
        .client_id = take_first(
            {"sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"},
            "clientId"),
        .client_secret = take_first(
            {"sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"},
            "clientSecret"),
        .scope = take_first({"sasl.oauthbearer.scope"}, "scope"),
        .encode_login = take("sasl.oauthbearer.header.urlencode") == "true",
        .ca_location = take_first({"https.ca.location"}, "ssl.truststore.location"),
        .ca_pem = take_first({"https.ca.pem"}, "ssl.truststore.certificates")};
    if (oidc.client_id.empty() || oidc.client_secret.empty())
      return wrong(kUrl, "the client's id or its secret is missing",
                   "give clientId and clientSecret in sasl.jaas.config, or "
                   "sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret");
    if (oidc.ca_location == "probe") oidc.ca_location.clear();
    KFERRY_CHECK(check_authorities(oidc.ca_location));
    return oidc;
  }

  Result<> check_authorities(const std::string& path) const {
    std::error_code ignored;
    if (path.empty() || std::filesystem::is_directory(path, ignored)) return {};
    const auto kind = kind_of_store(path);
    if (!kind) return wrong("https.ca.location", kind.error().message, kind.error().hint);
    if (*kind != StoreKind::kPem)
      return wrong("https.ca.location", fmt::format("'{}' is not PEM", path),
                   "only PEM says who may vouch for the token endpoint");
    return {};
  }

  Result<std::map<std::string, std::string>> take_extensions() {
    std::map<std::string, std::string> extensions;
    constexpr std::string_view kOption = "extension_";
    for (const auto& [name, value] : login_.options)
      if (name.starts_with(kOption)) extensions[name.substr(kOption.size())] = value;
    const std::string given = take(kExtensions);
    for (std::string_view rest = given; !rest.empty();) {
      const std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      const size_t at = one.find('=');
      if (at == one.npos) return wrong(kExtensions, "takes NAME=VALUE,NAME=VALUE");
      extensions[std::string(one.substr(0, at))] = one.substr(at + 1);
    }
    for (const auto& [name, value] : extensions)
      if (!is_extension(name, value))
        return wrong(kExtensions, "a name is not of letters, or a value not of visible characters");
    return extensions;
  }

  Properties& properties_;
  const Login& login_;
  const std::string& origin_;
};

}  // namespace

Result<TokenSource> take_token_source(Properties& properties, const Login& login,
                                      const std::string& origin) {
  return Taker(properties, login, origin).run();
}

}  // namespace kferry::kafkaio
