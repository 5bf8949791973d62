// Logging in to a broker, and staying logged in.
#include <algorithm>

#include "wire/broker.h"
#include "wire/error_code.h"
#include "wire/messages/sasl.h"
#include "wire/sasl_client.h"

namespace kferry::wire {
namespace {

// No mechanism needs more; a broker that goes on asking is broken.
constexpr int kMostRounds = 10;

// How much of a session's life we let pass. Java's clients take 85 to 95 %.
constexpr int64_t kRenewAtPercent = 85;
// What a broker says is not more than a clock can count to.
constexpr int64_t kLongestSessionMs = 30LL * 24 * 3'600'000;

std::string login_text(const Address& address, const SaslSettings& sasl) {
  const std::string user = sasl.user.empty() ? "" : fmt::format(" as '{}'", sasl.user);
  return fmt::format("broker {}: logging in by {}{}", to_string(address), to_string(sasl.mechanism),
                     user);
}

Error handshake_error(const SaslHandshakeResponse& response, const std::string& doing) {
  Error error = kafka_error(response.error_code, doing);
  if (response.error_code == kUnsupportedSaslMechanism) {
    error.kind = ErrorKind::kNotAuthorised;
    error.message += fmt::format("; it offers {}", fmt::join(response.mechanisms, ", "));
    error.hint = "set sasl.mechanism to one that the broker offers";
  } else if (response.error_code == kIllegalSaslState) {
    error.kind = ErrorKind::kUnreachable;
    error.message = doing + ": this listener wants no login";
    error.hint = "check the port, and security.protocol: is this a PLAINTEXT or SSL listener?";
  }
  return error;
}

}  // namespace

// KIP-43: from 1.0 on, what the mechanism says goes in SaslAuthenticate (KIP-152); before, it goes
// over the connection as it is, and a refusal is the end of the connection.
Result<> Broker::log_in(const Wait& wait) {
  const SaslSettings& sasl = *config_.sasl;
  const std::string doing = login_text(address(), sasl);
  const auto version = version_of<SaslHandshakeRequest>();
  if (!version) return std::unexpected(in_context(version.error(), doing));
  const int16_t handshake_version = speaks<SaslAuthenticateRequest>() ? *version : int16_t{0};
  const auto client = SaslClient::make(sasl, address().host, wait);
  if (!client) return std::unexpected(in_context(client.error(), doing));
  KFERRY_TRY(
      const SaslHandshakeResponse handshake,
      call(SaslHandshakeRequest{std::string(to_string(sasl.mechanism))}, handshake_version, wait));
  if (handshake.error_code != kNone) {
    connection_.close();
    return std::unexpected(handshake_error(handshake, doing));
  }
  auto done = log_in_by(**client, handshake_version, wait);
  if (done) return {};
  connection_.close();
  return std::unexpected(in_context(std::move(done).error(), doing));
}

Result<> Broker::log_in_by(SaslClient& client, int16_t handshake_version, const Wait& wait) {
  KFERRY_TRY(std::string token, client.start());
  for (int round = 0; round < kMostRounds; ++round) {
    KFERRY_TRY(const std::string challenge, exchange(token, handshake_version, wait));
    if (client.is_done()) return {};
    KFERRY_TRY(token, client.answer(challenge));
    if (client.is_done() && token.empty()) return {};
  }
  return fail(ErrorKind::kFailed, "the broker asks without an end");
}

Result<std::string> Broker::exchange(const std::string& token, int16_t handshake_version,
                                     const Wait& wait) {
  const Wait bounded = wait.at_most(config_.request_timeout);
  if (handshake_version == 0) {
    KFERRY_CHECK(connection_.send({token}, bounded));
    auto answer = connection_.receive(bounded, 0);
    if (!answer && connection_.closed_by_peer()) {
      answer.error().kind = ErrorKind::kNotAuthorised;
      answer.error().hint =
          "before 1.0 brokers close the connection on a wrong login: check the "
          "user, the password and the mechanism";
    }
    return answer;
  }
  KFERRY_TRY(SaslAuthenticateResponse response,
             call(SaslAuthenticateRequest{Bytes{token}}, bounded));
  if (response.error_code != kNone) {
    Error error = kafka_error(response.error_code, response.error_message.value_or("refused"));
    if (config_.sasl->mechanism == SaslMechanism::kGssapi)
      error.hint =
          "the broker cannot read our ticket, or wants another principal: check "
          "sasl.kerberos.service.name, and whether the broker's keytab has its newest key";
    return std::unexpected(std::move(error));
  }
  login_ends_.reset();
  const int64_t lifetime_ms = std::min(response.session_lifetime_ms, kLongestSessionMs);
  if (lifetime_ms > 0) login_ends_ = Deadline::after(Duration(lifetime_ms * kRenewAtPercent / 100));
  return std::move(response.auth_bytes.data);
}

// Requests whose answers have not come are no hindrance: the broker answers in order, so that what
// comes before the answer to our handshake is theirs, and is kept for them.
Result<> Broker::keep_login(const Wait& wait) {
  if (!login_ends_ || !login_ends_->expired()) return {};
  login_ends_.reset();  // also for the requests of the login itself
  while (next_expected_id_ != next_correlation_id_) {
    KFERRY_TRY(std::string frame, receive_in_turn("an earlier request", wait));
    early_frames_.push_back(std::move(frame));
  }
  std::deque<std::string> early;
  std::swap(early, early_frames_);
  auto done = log_in(wait.at_most(config_.request_timeout));
  std::swap(early, early_frames_);
  if (!done) connection_.close();
  return done;
}

}  // namespace kferry::wire
