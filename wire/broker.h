// A broker as we talk to it: a connection, the versions it speaks, and typed requests.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/client_security.h"
#include "base/interrupt.h"
#include "base/result.h"
#include "wire/api_key.h"
#include "wire/connection.h"
#include "wire/decoder.h"
#include "wire/encoder.h"
#include "wire/frame.h"

namespace kferry::wire {

class SaslClient;
class TlsContext;

// The versions of each API that a broker speaks; an API that is absent is not spoken.
using SpokenVersions = std::map<ApiKey, ApiVersionRange>;

struct ClientConfig {
  std::string client_id = "kferry";
  Duration connect_timeout{10'000};  // until it is known what the broker speaks, and we are in
  Duration request_timeout{30'000};
  std::shared_ptr<const TlsContext> tls;  // null: the connections are not encrypted
  std::optional<SaslSettings> sasl;       // absent: there is no login
};

// An answer with record data, and the frame that its Records point into. Moving it keeps them
// valid.
template <class Response>
struct Held {
  std::unique_ptr<std::string> frame;
  Response response;
};

// Not thread-safe. Responses come in the order of the requests (Kafka protocol guide), so that
// requests can be pipelined without bookkeeping. After an answer that did not come, or makes no
// sense, the connection is closed: a later answer could be taken for that of another request.
class Broker {
 public:
  // Connects, finds out what the broker speaks and logs in. What it speaks: by ApiVersions, and of
  // brokers before 0.10,
  // which close the connection on it or keep silent, by whether they know ListGroups (0.9) or not
  // (0.8). What answers nothing at all is kUnreachable, what answers something else kFailed.
  // `ask_versions` false: ApiVersions is left out, and any later broker taken for 0.9, whose
  // requests it still understands.
  static Result<Broker> connect(const Address& address, const ClientConfig& config,
                                const Wait& wait, bool ask_versions = true);

  const Address& address() const { return connection_.address(); }
  bool is_open() const { return connection_.is_open(); }
  const SpokenVersions& spoken() const { return spoken_; }

  // "0.8.2" or "0.9.0" for brokers that cannot say what they speak; nullopt for all later ones.
  std::optional<std::string> version_if_ancient() const;

  template <class Request>
  bool speaks() const {
    return spoken_.contains(Request::kApiKey);
  }

  // The highest version that both sides speak and that is in [lowest, highest]. kFailed with
  // kUnsupportedVersion when there is none.
  template <class Request>
  Result<int16_t> version_of(ApiVersionRange wanted = Request::kVersions) const {
    return choose_version(Request::kApiKey, Request::kName,
                          {std::max(wanted.lowest, Request::kVersions.lowest),
                           std::min(wanted.highest, Request::kVersions.highest)});
  }

  // One request and its answer, in `version` or in the highest that both sides speak.
  template <class Request>
  Result<typename Request::Response> call(const Request& request, const Wait& wait) {
    KFERRY_TRY(const int16_t version, version_of<Request>());
    return call(request, version, wait);
  }
  template <class Request>
  Result<typename Request::Response> call(const Request& request, int16_t version,
                                          const Wait& wait) {
    return call_held(request, version, wait.at_most(config_.request_timeout));
  }
  // The same for what a broker may hold back on purpose (JoinGroup): bounded by `wait` alone.
  template <class Request>
  Result<typename Request::Response> call_held(const Request& request, int16_t version,
                                               const Wait& wait) {
    KFERRY_CHECK(post(request, version, wait));
    return receive<Request>(version, wait);
  }

  // Sends a request whose answer is to be taken later, in its turn. Records are sent from where
  // they lie.
  template <class Request>
  Result<> post(const Request& request, int16_t version, const Wait& wait) {
    KFERRY_CHECK(keep_login(wait));
    Splices splices;
    KFERRY_TRY(const std::string frame, encode(request, version, &splices));
    return send(frame, splices, wait);
  }
  // The answer to the oldest request that has none yet, which must be a `Request` of `version`.
  template <class Request>
  Result<Held<typename Request::Response>> take(int16_t version, const Wait& wait) {
    using Response = typename Request::Response;
    KFERRY_TRY(Frame frame, receive_frame<Request>(version, wait));
    Held<Response> held{std::make_unique<std::string>(std::move(frame.bytes)), {}};
    const auto body = std::string_view(*held.frame).substr(frame.body_at);
    KFERRY_TRY(held.response, checked(decode_message<Response>(body, version)));
    return held;
  }
  // Whether take() would not have to wait, once `wait` is over.
  Result<bool> has_answer(const Wait& wait) {
    if (!early_frames_.empty()) return true;
    return connection_.has_answer(wait);
  }
  // When what was answered makes no sense.
  void close() { connection_.close(); }
  // From now on somebody else talks to the broker: Connection::carry().
  void carry(int descriptor, const StopToken& stop) { connection_.carry(descriptor, stop); }

  // Sends all of `requests`, some before the answers to earlier ones have come; answers in their
  // order. The first error ends it, and the connection.
  template <class Request>
  Result<std::vector<typename Request::Response>> pipeline(const std::vector<Request>& requests,
                                                           int16_t version, const Wait& wait) {
    auto responses = pipeline_open(requests, version, wait);
    if (!responses) connection_.close();
    return responses;
  }

 private:
  // Enough to hide the latency. A broker reads no request before it has written the answer to the
  // one before: unanswered requests must fit the socket buffers, or both sides write and neither
  // reads.
  static constexpr size_t kPipelineDepth = 50;
  static constexpr size_t kPipelineBytes = 32 * 1024;

  struct Frame {
    std::string bytes;
    size_t body_at = 0;
  };

  Broker(Connection connection, const ClientConfig& config)
      : connection_(std::move(connection)), config_(config) {}

  static Result<Broker> open(const Address& address, const ClientConfig& config, const Wait& wait);
  static Result<Broker> connect_ancient(const Address& address, const ClientConfig& config,
                                        const Wait& wait);
  Result<> send_versions_request(const Wait& wait);
  Result<> read_versions(const Wait& wait);
  // broker_login.cc
  Result<> log_in(const Wait& wait);
  Result<> log_in_by(SaslClient& client, int16_t handshake_version, const Wait& wait);
  Result<std::string> exchange(const std::string& token, int16_t handshake_version,
                               const Wait& wait);
  Result<> keep_login(const Wait& wait);
  Result<int16_t> choose_version(ApiKey key, const char* name, ApiVersionRange ours) const;
  Result<> send(const std::string& frame, const Splices& splices, const Wait& wait);
  Result<Frame> receive_frame(const char* name, bool flexible, const Wait& wait);
  Result<std::string> receive_in_turn(const char* name, const Wait& wait);

  template <class Request>
  Result<std::vector<typename Request::Response>> pipeline_open(
      const std::vector<Request>& requests, int16_t version, const Wait& wait) {
    std::vector<typename Request::Response> responses;
    responses.reserve(requests.size());
    std::deque<size_t> unanswered;  // their sizes
    size_t unanswered_bytes = 0;
    const auto receive_one = [&]() -> Result<> {
      KFERRY_TRY(auto response, receive<Request>(version, wait.at_most(config_.request_timeout)));
      responses.push_back(std::move(response));
      unanswered_bytes -= unanswered.front();
      unanswered.pop_front();
      return {};
    };
    for (const Request& request : requests) {
      KFERRY_CHECK(keep_login(wait.at_most(config_.request_timeout)));
      KFERRY_TRY(const std::string frame, encode(request, version, nullptr));
      while (!unanswered.empty() && (unanswered.size() >= kPipelineDepth ||
                                     unanswered_bytes + frame.size() > kPipelineBytes))
        KFERRY_CHECK(receive_one());
      KFERRY_CHECK(send(frame, {}, wait.at_most(config_.request_timeout)));
      unanswered.push_back(frame.size());
      unanswered_bytes += frame.size();
    }
    while (!unanswered.empty()) KFERRY_CHECK(receive_one());
    return responses;
  }

  template <class Request>
  Result<std::string> encode(const Request& request, int16_t version, Splices* splices) const {
    std::string frame;
    const RequestHeader header{Request::kApiKey, version, next_correlation_id_, config_.client_id};
    KFERRY_CHECK(encode_request_header(header, version >= Request::kFlexibleSince, frame));
    KFERRY_CHECK(encode_message(request, version, frame, splices));
    return frame;
  }

  template <class Request>
  Result<Frame> receive_frame(int16_t version, const Wait& wait) {
    // The answer to ApiVersions always has the old header, so that any client can read it
    // (KIP-511).
    const bool flexible_header =
        version >= Request::kFlexibleSince && Request::kApiKey != ApiKey::kApiVersions;
    return receive_frame(Request::kName, flexible_header, wait);
  }

  template <class Request>
  Result<typename Request::Response> receive(int16_t version, const Wait& wait) {
    KFERRY_TRY(const Frame frame, receive_frame<Request>(version, wait));
    const auto body = std::string_view(frame.bytes).substr(frame.body_at);
    return checked(decode_message<typename Request::Response>(body, version));
  }

  // A malformed answer ends the connection.
  template <class Response>
  Result<Response> checked(Result<Response> response) {
    if (response) return response;
    connection_.close();
    return std::unexpected(
        in_context(std::move(response).error(), fmt::format("broker {}", to_string(address()))));
  }

  Connection connection_;
  ClientConfig config_;
  SpokenVersions spoken_;
  int32_t next_correlation_id_ = 0;
  int32_t next_expected_id_ = 0;          // of the oldest request whose answer has not come yet
  std::optional<Deadline> login_ends_;    // when we must have logged in again (KIP-368)
  std::deque<std::string> early_frames_;  // answers that came before we did, to be taken first
};

}  // namespace kferry::wire
