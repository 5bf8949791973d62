// Requests and answers as raw bytes on a connection, decodable with our structs.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "wire/decoder.h"
#include "wire/encoder.h"
#include "wire/frame.h"

namespace kferry::test {

// Whether the headers and the body are flexible; false for what kferry does not speak.
bool is_flexible(wire::ApiKey api_key, int16_t version);

struct WireRequest {
  wire::RequestHeader header;
  std::string body;
  int connection = 0;  // counted from 0 as they came

  wire::ApiKey api_key() const { return header.api_key; }
  int16_t version() const { return header.api_version; }

  // Throws std::runtime_error.
  template <class Request>
  Request as() const {
    auto decoded = wire::decode_message<Request>(body, header.api_version);
    if (!decoded) throw std::runtime_error(decoded.error().message);
    return std::move(*decoded);
  }
};

// Of a frame without its length. The body of an API that kferry does not speak may begin with the
// header's tagged fields.
WireRequest parse_request(std::string_view frame);

// The header in front of an answer: version 1 where the request is flexible, but not to
// ApiVersions.
std::string response_header(const WireRequest& request, int32_t correlation_id);
// The body of an answer without its length; the header is dropped.
std::string response_body(const WireRequest& request, std::string_view frame);

template <class Response>
std::string encode_body(const Response& response, int16_t version) {
  std::string bytes;
  const auto encoded = wire::encode_message(response, version, bytes);
  if (!encoded) throw std::runtime_error(encoded.error().message);
  return bytes;
}

template <class Response>
Response decode_body(std::string_view body, int16_t version) {
  auto decoded = wire::decode_message<Response>(body, version);
  if (!decoded) throw std::runtime_error(decoded.error().message);
  return std::move(*decoded);
}

}  // namespace kferry::test
