// The headers in front of every request and response.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/api_key.h"

namespace kferry::wire {

struct RequestHeader {
  ApiKey api_key;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::string client_id;
};

// Appends header version 1, or 2 when `flexible`. kFailed when the client id is too long.
Result<> encode_request_header(const RequestHeader& header, bool flexible, std::string& out);

// Takes the response header (version 0, or 1 when `flexible`) off the front of `frame`; returns the
// correlation id. kFailed when it is malformed.
Result<int32_t> take_response_header(std::string_view& frame, bool flexible);

}  // namespace kferry::wire
