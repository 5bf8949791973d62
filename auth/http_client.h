// One HTTP request to a service that hands out tokens or credentials, by libcurl.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::auth {

enum class HttpMethod { kGet, kPut, kPost };

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string url;
  std::vector<std::string> header = {};  // lines "Name: value"; values may be secrets
  std::string form = {};                 // kPost: application/x-www-form-urlencoded
  // Who may vouch for the server; both empty: the certificate authorities of this machine.
  std::string ca_location = {};  // PEM: a file or a directory
  std::string ca_pem = {};
  bool past_proxies = false;  // for services of this machine; else https_proxy and such count
};

struct HttpResponse {
  long status = 0;
  std::string body;  // at most 256 KiB
};

// Sends the request over a connection of its own, follows no redirects, and checks the server's
// certificate. kUnreachable: there is no answer within `wait` or 10 s, or one that is too long; the
// server is not who it should be. kInterrupted. Errors name `what` and place_of(url), and hold
// neither the header nor a body.
Result<HttpResponse> send(const HttpRequest& request, std::string_view what, const Wait& wait);

// Scheme, host and path of an URL: what may be shown of it.
std::string place_of(const std::string& url);

// The host of an http:// or https:// URL, without brackets and port; empty when it is neither, or
// has a user's name in it.
std::string host_of(const std::string& url);

// "HOST" or "HOST:PORT" of such an URL, as the Host header has it.
std::string authority_of(const std::string& url);

// As application/x-www-form-urlencoded has it, but with %20 for a space: RFC 3986's unreserved
// characters stay.
std::string percent_encode(std::string_view text);

// name=value&name=value, both encoded.
std::string to_form(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace kferry::auth
