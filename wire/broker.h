// A broker as we talk to it: a connection, the versions it speaks, and typed requests.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/result.h"
#include "wire/api_key.h"
#include "wire/connection.h"
#include "wire/decoder.h"
#include "wire/encoder.h"
#include "wire/frame.h"

namespace kferry::wire {

// The versions of each API that a broker speaks; an API that is absent is not spoken.
using SpokenVersions = std::map<ApiKey, ApiVersionRange>;

struct ClientConfig {
  std::string client_id = "kferry";
  Duration connect_timeout{10'000};
  Duration request_timeout{30'000};
};

// Not thread-safe. Responses come in the order of the requests (Kafka protocol guide), so that
// requests can be pipelined without bookkeeping.
class Broker {
 public:
  // Connects and finds out what the broker speaks: by ApiVersions, and of brokers before 0.10,
  // which close the connection on it, by whether they know ListGroups (0.9) or not (0.8).
  static Result<Broker> connect(const Address& address, const ClientConfig& config,
                                const Wait& wait);

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
    const Wait bounded = wait.at_most(config_.request_timeout);
    KFERRY_CHECK(send(request, version, bounded));
    return receive<Request>(version, bounded);
  }

  // Sends all of `requests`, with at most kPipelineDepth unanswered; answers in their order. The
  // first error ends it.
  template <class Request>
  Result<std::vector<typename Request::Response>> pipeline(const std::vector<Request>& requests,
                                                           int16_t version, const Wait& wait) {
    std::vector<typename Request::Response> responses;
    responses.reserve(requests.size());
    for (size_t sent = 0; responses.size() < requests.size();) {
      if (sent < requests.size() && sent - responses.size() < kPipelineDepth) {
        KFERRY_CHECK(send(requests[sent++], version, wait.at_most(config_.request_timeout)));
        continue;
      }
      KFERRY_TRY(auto response, receive<Request>(version, wait.at_most(config_.request_timeout)));
      responses.push_back(std::move(response));
    }
    return responses;
  }

 private:
  // Enough to hide the latency, few enough that neither side's socket buffers fill up with
  // requests.
  static constexpr size_t kPipelineDepth = 50;

  Broker(Connection connection, const ClientConfig& config)
      : connection_(std::move(connection)), config_(config) {}

  static Result<Broker> open(const Address& address, const ClientConfig& config, const Wait& wait);
  Result<> ask_versions(const Wait& wait);
  Result<int16_t> choose_version(ApiKey key, const char* name, ApiVersionRange ours) const;
  Result<std::string> receive_body(const char* name, bool flexible, const Wait& wait);

  template <class Request>
  Result<> send(const Request& request, int16_t version, const Wait& wait) {
    std::string frame;
    const RequestHeader header{Request::kApiKey, version, next_correlation_id_, config_.client_id};
    KFERRY_CHECK(encode_request_header(header, version >= Request::kFlexibleSince, frame));
    KFERRY_CHECK(encode_message(request, version, frame));
    ++next_correlation_id_;
    return connection_.send(frame, wait);
  }

  template <class Request>
  Result<typename Request::Response> receive(int16_t version, const Wait& wait) {
    using Response = typename Request::Response;
    // The answer to ApiVersions always has the old header, so that any client can read it
    // (KIP-511).
    const bool flexible_header =
        version >= Request::kFlexibleSince && Request::kApiKey != ApiKey::kApiVersions;
    KFERRY_TRY(const std::string body, receive_body(Request::kName, flexible_header, wait));
    auto response = decode_message<Response>(body, version);
    if (!response)
      return std::unexpected(
          in_context(std::move(response).error(), fmt::format("broker {}", to_string(address()))));
    return response;
  }

  Connection connection_;
  ClientConfig config_;
  SpokenVersions spoken_;
  int32_t next_correlation_id_ = 0;
  int32_t next_expected_id_ = 0;  // of the oldest request that has no answer yet
};

}  // namespace kferry::wire
