// Asks an HTTP server once: the mirror's own, for `kferry status --url`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::replicate {

struct HttpUrl {
  std::string host;  // name or address, without brackets
  std::string port;
  std::string path;  // without a slash at its end; empty: none
};

// "http://127.0.0.1:9400" or with a path behind. No I/O. kUsage.
Result<HttpUrl> parse_http_url(const std::string& text);

// The body of a 200. kUnreachable: nobody answers before `wait` is over; kFailed: another status,
// an answer of more than `most_bytes`, or none of HTTP.
Result<std::string> http_get(const HttpUrl& url, const std::string& path, size_t most_bytes,
                             const Wait& wait);

}  // namespace kferry::replicate
