// The least that a test needs to talk to an HTTP server on loopback.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/support/sockets.h"

namespace kferry::test {

struct HttpAnswer {
  int status = 0;
  std::string header;  // as it came, status line included
  std::string body;
};

// "GET /x HTTP/1.1" and so on, with Host and Content-Length.
std::string http_request(const std::string& method, const std::string& target,
                         const std::string& body = {});

// Reads one answer; nullopt: the connection ended before. `has_body` false: after HEAD.
std::optional<HttpAnswer> read_answer(const Socket& socket, bool has_body = true);

// One request on a connection of its own. status 0: no answer.
HttpAnswer ask(uint16_t port, const std::string& method, const std::string& target,
               const std::string& body = {});

// Whether the other side closes within 10 s, after whatever it still sends.
bool gets_closed(const Socket& socket);

}  // namespace kferry::test
