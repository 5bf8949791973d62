#include "wire/sasl_client.h"

#include <fmt/format.h>

#include "auth/access_token.h"
#include "base/text.h"

namespace kferry::wire {
namespace {

// RFC 7628. A broker that refuses the token says why, wants one more byte, and only then fails.
class TokenClient : public SaslClient {
 public:
  TokenClient(std::string token, const std::map<std::string, std::string>& extensions)
      : words_(
            "n,,\x01"
            "auth=Bearer " +
            std::move(token) + "\x01") {
    for (const auto& [name, value] : extensions) words_ += fmt::format("{}={}\x01", name, value);
    words_ += '\x01';
  }

  Result<std::string> start() override { return words_; }

  Result<std::string> answer(std::string_view challenge) override {
    done_ = challenge.empty();
    return done_ ? std::string() : std::string("\x01");
  }

  bool is_done() const override { return done_; }

 private:
  std::string words_;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<SaslClient>> SaslClient::make(const SaslSettings& settings,
                                                     const std::string& host, const Wait& wait) {
  if (settings.mechanism != SaslMechanism::kOauthBearer) return make_cyrus_client(settings, host);
  KFERRY_TRY(std::string token, auth::fetch_access_token(settings.token, host, wait));
  return std::make_unique<TokenClient>(std::move(token), settings.token.extensions);
}

}  // namespace kferry::wire
