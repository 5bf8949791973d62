#include "kafkaio/jaas.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace kferry::kafkaio {
namespace {

struct Token {
  std::string text;
  bool quoted = false;

  bool is(std::string_view punctuation) const { return !quoted && text == punctuation; }
};

std::unexpected<Error> malformed(std::string_view how) {
  return fail(ErrorKind::kUsage, fmt::format("not a JAAS configuration: {}", how),
              R"(write: org.apache.kafka.common.security.plain.PlainLoginModule required )"
              R"(username="…" password="…";)");
}

// A quoted string that starts at `at` (its quote), with the escapes of java.io.StreamTokenizer.
std::optional<std::string> read_quoted(std::string_view text, size_t& at) {
  const char quote = text[at++];
  std::string plain;
  while (at < text.size()) {
    char c = text[at++];
    if (c == quote) return plain;
    if (c == '\n' || c == '\r') return std::nullopt;
    if (c == '\\' && at < text.size()) {
      c = text[at++];
      if (c == 'n') c = '\n';
      if (c == 't') c = '\t';
      if (c == 'r') c = '\r';
    }
    plain += c;
  }
  return std::nullopt;
}

Result<std::vector<Token>> tokenize(std::string_view text) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at;
    } else if (c == '"' || c == '\'') {
      auto quoted = read_quoted(text, at);
      if (!quoted) return malformed("a quoted value does not end");
      tokens.push_back({std::move(*quoted), true});
    } else if (c == '=' || c == ';') {
      tokens.push_back({std::string(1, c), false});
      ++at;
    } else {
      const size_t end = std::min(text.find_first_of(" \t\r\n\f=;\"'", at), text.size());
      tokens.push_back({std::string(text.substr(at, end - at)), false});
      at = end;
    }
  }
  return tokens;
}

bool has_password(const Token& module) {
  return module.text.ends_with(".PlainLoginModule") || module.text.ends_with(".ScramLoginModule");
}

Result<> check_module(const Token& module, const Token& flag) {
  if (!has_password(module) && !module.text.ends_with(".Krb5LoginModule") &&
      !module.text.ends_with(".OAuthBearerLoginModule") &&
      !module.text.ends_with(".IAMLoginModule"))
    return fail(ErrorKind::kUsage,
                "its login module is none that kferry knows: PlainLoginModule, ScramLoginModule, "
                "Krb5LoginModule, OAuthBearerLoginModule, IAMLoginModule",
                "see docs/security.md");
  constexpr std::array<std::string_view, 4> kFlags{"required", "requisite", "sufficient",
                                                   "optional"};
  std::string lower = flag.text;
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (std::ranges::find(kFlags, lower) == kFlags.end())
    return malformed("no control flag (`required`) after the login module");
  return {};
}

}  // namespace

Result<Login> parse_jaas(std::string_view text) {
  KFERRY_TRY(const std::vector<Token> tokens, tokenize(text));
  if (tokens.size() < 3) return malformed("it is too short");
  KFERRY_CHECK(check_module(tokens[0], tokens[1]));
  if (!tokens.back().is(";")) return malformed("no semicolon at its end");

  std::map<std::string, std::string> options;
  const size_t end = tokens.size() - 1;
  for (size_t at = 2; at < end; at += 3) {
    const bool whole = at + 2 < end && tokens[at + 1].is("=") && !tokens[at].is("=") &&
                       !tokens[at + 2].is("=") && !tokens[at + 2].is(";");
    if (!whole) return malformed("an option is not of the form key=\"value\"");
    options[tokens[at].text] = tokens[at + 2].text;
  }
  for (const char* const needed : {"username", "password"})
    if (has_password(tokens[0]) && !options.contains(needed))
      return malformed(fmt::format("it has no option {}", needed));
  const auto option = [&](const char* name) {
    const auto found = options.find(name);
    return found == options.end() ? std::string() : found->second;
  };
  Login login{option("username"),  option("password"), option("serviceName"),
              option("principal"), option("keyTab"),   {}};
  login.options = std::move(options);
  return login;
}

}  // namespace kferry::kafkaio
