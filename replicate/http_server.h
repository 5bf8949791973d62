// A small HTTP/1.1 server for operators: /metrics, /status and the like. One thread; what a client
// does or leaves undone can hold up neither the other clients nor stop().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace kferry::replicate {

// HOST:PORT as in --listen. Port 0: any free one.
struct ListenAddress {
  std::string host;  // name or address, without brackets
  uint16_t port = 0;
};

// No I/O. kUsage: no port, no host, not a number.
Result<ListenAddress> parse_listen_address(const std::string& text);

struct HttpRequest {
  std::string method;  // "GET", ...; never "HEAD": a GET handler answers it, the body is left out
  std::string path;    // without the query
  std::string query;   // behind the '?', as it came; may be empty
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // more of them
};

// Runs on the server's thread: all other clients wait for it. An exception becomes a 500.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpRoute {
  std::string method;  // "GET" or "PUT"
  std::string path;    // the whole of it, e.g. "/metrics"
  HttpHandler handler;
};

struct HttpLimits {
  // One more, and the connection that has waited longest for its client is closed.
  size_t connections = 64;
  size_t header_bytes = 8 * 1024;
  size_t body_bytes = 4 * 1024;
  // Answers that clients have not taken yet; above it, those that wait longest are closed. One
  // answer may be larger.
  size_t unsent_bytes = 128UL * 1024 * 1024;
  Duration request_timeout{30'000};   // from the last answer to the end of the next request
  Duration response_timeout{60'000};  // for taking the answer
};

class HttpServer {
 public:
  // Listens from its return on. kUsage: the address is malformed or its host unknown; kFailed: it
  // is in use, or not ours.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& listen,
                                                   std::vector<HttpRoute> routes,
                                                   const HttpLimits& limits = {});
  ~HttpServer();  // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  // Closes everything; returns when the thread has ended, which waits for no client: at most for
  // the handler that runs. Idempotent; not thread-safe.
  void stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kferry::replicate
