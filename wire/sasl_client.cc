#include "wire/sasl_client.h"

#include <fmt/format.h>

#include "base/access_token.h"
#include "base/text.h"

namespace kferry::wire {
namespace {

// RFC 7628. A broker that refuses the token says why, wants one more byte, and only then fails.
class TokenClient : public SaslClient {
 public:
  explicit TokenClient(std::string token) : token_(std::move(token)) {}

  Result<std::string> start() override {
    return "n,,\x01"
           "auth=Bearer " +
           token_ + "\x01\x01";
  }

  Result<std::string> answer(std::string_view challenge) override {
    done_ = challenge.empty();
    return done_ ? std::string() : std::string("\x01");
  }

  bool is_done() const override { return done_; }

 private:
  std::string token_;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<SaslClient>> SaslClient::make(const SaslSettings& settings,
                                                     const std::string& host, const Wait& wait) {
  if (settings.mechanism != SaslMechanism::kOauthBearer) return make_cyrus_client(settings, host);
  KFERRY_TRY(std::string token, fetch_access_token(settings.token, wait));
  return std::make_unique<TokenClient>(std::move(token));
}

}  // namespace kferry::wire
