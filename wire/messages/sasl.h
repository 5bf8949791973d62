// Logging in by SASL (KIP-43, KIP-152, KIP-368).
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct SaslHandshakeResponse {
  static constexpr const char* kName = "SaslHandshakeResponse";
  static constexpr int16_t kFlexibleSince = std::numeric_limits<int16_t>::max();

  int16_t error_code = 0;
  std::vector<std::string> mechanisms;  // that the broker offers

  template <class Io>
  void fields(Io& io) {
    io("ErrorCode", error_code);
    io("Mechanisms", mechanisms);
  }
};

// After version 0, what the mechanism says goes over the connection without a request around it.
struct SaslHandshakeRequest {
  static constexpr const char* kName = "SaslHandshakeRequest";
  static constexpr ApiKey kApiKey = ApiKey::kSaslHandshake;
  static constexpr ApiVersionRange kVersions{0, 1};
  static constexpr int16_t kFlexibleSince = std::numeric_limits<int16_t>::max();
  using Response = SaslHandshakeResponse;

  std::string mechanism;

  template <class Io>
  void fields(Io& io) {
    io("Mechanism", mechanism);
  }
};

struct SaslAuthenticateResponse {
  static constexpr const char* kName = "SaslAuthenticateResponse";
  static constexpr int16_t kFlexibleSince = 2;

  int16_t error_code = 0;
  std::optional<std::string> error_message;
  Bytes auth_bytes;
  int64_t session_lifetime_ms = 0;  // 0: for ever

  template <class Io>
  void fields(Io& io) {
    io("ErrorCode", error_code);
    io("ErrorMessage", error_message, {.nullable = since(0)});
    io("AuthBytes", auth_bytes);
    io("SessionLifetimeMs", session_lifetime_ms, {.versions = since(1), .ignorable = true});
  }
};

struct SaslAuthenticateRequest {
  static constexpr const char* kName = "SaslAuthenticateRequest";
  static constexpr ApiKey kApiKey = ApiKey::kSaslAuthenticate;
  static constexpr ApiVersionRange kVersions{0, 2};
  static constexpr int16_t kFlexibleSince = 2;
  using Response = SaslAuthenticateResponse;

  Bytes auth_bytes;

  template <class Io>
  void fields(Io& io) {
    io("AuthBytes", auth_bytes);
  }
};

}  // namespace kferry::wire
