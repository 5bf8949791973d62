#include "replicate/http_server.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_generator.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "base/log.h"

namespace kferry::replicate {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Response = http::response<http::string_body>;

constexpr std::chrono::milliseconds kAcceptPause{100};  // when there is no descriptor left
// What a client still sends while we refuse its request: read, or it would not see the answer.
constexpr std::chrono::seconds kLingerTime{2};
constexpr size_t kLingerBytes = 1024 * 1024;

Response make_response(HttpResponse&& from, unsigned version, bool keep_alive) {
  Response response{static_cast<http::status>(from.status), version, std::move(from.body)};
  response.set(http::field::content_type, from.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : from.headers) response.set(name, value);
  response.keep_alive(keep_alive);
  response.prepare_payload();
  return response;
}

HttpResponse text_response(http::status status, std::string_view text) {
  return {static_cast<int>(status), HttpResponse().content_type, fmt::format("{}\n", text)};
}

// What is answered to a request that cannot be read; nullopt: nothing, the client is gone.
std::optional<HttpResponse> refusal(const error_code& error) {
  const bool of_http =
      error.category() == http::make_error_code(http::error::bad_method).category();
  if (!of_http || error == http::error::end_of_stream || error == http::error::partial_message)
    return std::nullopt;
  if (error == http::error::body_limit)
    return text_response(http::status::payload_too_large, "the body is too large");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return text_response(http::status::request_header_fields_too_large, "the header is too large");
  return text_response(http::status::bad_request, "not an HTTP/1 request");
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
  const auto malformed = [&](std::string_view what) {
    return fail(ErrorKind::kUsage, fmt::format("listen address '{}': {}", text, what),
                "write it as HOST:PORT, e.g. 127.0.0.1:9400; port 0 takes any free one");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return malformed("no port");
  ListenAddress address{text.substr(0, colon), 0};
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  else if (address.host.find(':') != std::string::npos)
    return malformed("an IPv6 address goes into brackets");
  if (address.host.empty()) return malformed("no host");
  if (address.host.find_first_of(" \t[]/") != std::string::npos)
    return malformed("a character in the host that cannot be there");
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc() || rest != end) return malformed("the port is a number from 0 to 65535");
  return address;
}

// Everything but start() and stop() runs on the server's thread.
class HttpServer::Impl {
 public:
  Impl(std::vector<HttpRoute> routes, const HttpLimits& limits)
      : routes_(std::move(routes)), limits_(limits), acceptor_(context_) {}

  Result<> listen(const std::string& text);
  uint16_t port() const { return port_; }
  void start() {
    asio::co_spawn(context_, accept_all(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    asio::post(context_, [this] {
      stopping_ = true;
      error_code ignored;
      acceptor_.close(ignored);
      for (Connection* const connection : connections_) connection->stream.close();
    });
    thread_.join();  // every coroutine sees its socket closed and ends
  }

 private:
  struct Connection {
    explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
    beast::tcp_stream stream;
    uint64_t waiting_since = 0;  // a running number: the lowest has waited longest
    size_t unsent_bytes = 0;
  };
  // A connection's coroutine owns its Connection; this takes it out of the list when it ends.
  class Registration {
   public:
    Registration(Impl& impl, Connection& connection) : impl_(impl), connection_(connection) {
      impl_.connections_.insert(&connection_);
    }
    ~Registration() { impl_.connections_.erase(&connection_); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    Impl& impl_;
    Connection& connection_;
  };
  using Parser = http::request_parser<http::string_body>;

  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(tcp::socket socket);
  asio::awaitable<bool> answer_one(Connection& connection, beast::flat_buffer& buffer);
  asio::awaitable<bool> write(Connection& connection, Response response, bool with_body);
  asio::awaitable<void> linger(Connection& connection);
  Response respond(const Parser::value_type& request) const;
  HttpResponse call(const HttpRoute& route, HttpRequest request) const;
  void wait_for_client(Connection& connection, Duration timeout) {
    connection.waiting_since = ++waits_;
    connection.stream.expires_after(timeout);
  }
  // Closes those that have waited longest for their client until there is room for one more, or
  // for `bytes` more. `keep` stays open.
  void make_room(size_t bytes, const Connection* keep);

  const std::vector<HttpRoute> routes_;
  const HttpLimits limits_;
  std::set<Connection*> connections_;
  uint64_t waits_ = 0;
  bool stopping_ = false;
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  uint16_t port_ = 0;
  std::thread thread_;
};

Result<> HttpServer::Impl::listen(const std::string& text) {
  KFERRY_TRY(const ListenAddress address, parse_listen_address(text));
  error_code error;
  tcp::resolver resolver(context_);
  const auto found =
      resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
  if (error || found.empty())
    return fail(ErrorKind::kUsage,
                fmt::format("listen address '{}': no such host: {}", text, error.message()),
                "give an address of this machine");
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (!error) return {};
  return fail(ErrorKind::kFailed, fmt::format("cannot listen on {}: {}", text, error.message()),
              error == asio::error::address_in_use
                  ? "another process has the port: choose another with --listen, or port 0"
                  : "give an address of this machine and a port that this user may open");
}

asio::awaitable<void> HttpServer::Impl::accept_all() {
  bool complained = false;
  while (true) {
    error_code error;
    tcp::socket socket =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (stopping_) co_return;
    if (error) {  // the client gave up, or no descriptor is left
      if (!std::exchange(complained, true))
        log::warn("a connection to the HTTP server could not be accepted",
                  {{"error", error.message()}});
      asio::steady_timer pause(context_, kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      if (stopping_) co_return;
      continue;
    }
    make_room(0, nullptr);
    asio::co_spawn(context_, serve(std::move(socket)), asio::detached);
  }
}

void HttpServer::Impl::make_room(size_t bytes, const Connection* keep) {
  const size_t most = keep == nullptr ? limits_.connections - 1 : limits_.connections;
  size_t open = 0;
  size_t unsent = bytes;
  std::vector<Connection*> oldest_first;
  for (Connection* const connection : connections_) {
    if (!connection->stream.socket().is_open()) continue;  // its coroutine is about to end
    ++open;
    unsent += connection->unsent_bytes;
    if (connection != keep) oldest_first.push_back(connection);
  }
  std::ranges::sort(oldest_first, {}, &Connection::waiting_since);
  for (Connection* const connection : oldest_first) {
    const bool helps = open > most || connection->unsent_bytes > 0;
    if (open <= most && unsent <= limits_.unsent_bytes) return;
    if (!helps) continue;
    connection->stream.close();
    --open;
    unsent -= connection->unsent_bytes;
  }
}

asio::awaitable<void> HttpServer::Impl::serve(tcp::socket socket) {
  Connection connection(std::move(socket));
  const Registration registration(*this, connection);
  if (stopping_) co_return;
  beast::flat_buffer buffer(limits_.header_bytes + limits_.body_bytes);
  error_code ignored;
  connection.stream.socket().set_option(tcp::no_delay(true), ignored);
  while (co_await answer_one(connection, buffer)) {
  }
  connection.stream.close();
}

// False when the connection is at its end.
asio::awaitable<bool> HttpServer::Impl::answer_one(Connection& connection,
                                                   beast::flat_buffer& buffer) {
  Parser parser;
  parser.header_limit(static_cast<uint32_t>(limits_.header_bytes));
  parser.body_limit(limits_.body_bytes);
  wait_for_client(connection, limits_.request_timeout);
  error_code error;
  co_await http::async_read(connection.stream, buffer, parser,
                            asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    std::optional<HttpResponse> refused = refusal(error);
    if (!refused) co_return false;
    if (co_await write(connection, make_response(std::move(*refused), 11, false), true))
      co_await linger(connection);
    co_return false;
  }
  const auto request = parser.release();
  const bool with_body = request.method() != http::verb::head;
  const bool written = co_await write(connection, respond(request), with_body);
  co_return written&& request.keep_alive();
}

asio::awaitable<bool> HttpServer::Impl::write(Connection& connection, Response response,
                                              bool with_body) {
  const size_t bytes = with_body ? response.body().size() : 0;
  make_room(bytes, &connection);
  connection.unsent_bytes = bytes;
  wait_for_client(connection, limits_.response_timeout);
  error_code error;
  http::response_serializer<http::string_body> serializer(response);
  if (with_body)
    co_await http::async_write(connection.stream, serializer,
                               asio::redirect_error(asio::use_awaitable, error));
  else
    co_await http::async_write_header(connection.stream, serializer,
                                      asio::redirect_error(asio::use_awaitable, error));
  connection.unsent_bytes = 0;
  co_return !error;
}

// Lets the client read a refusal while it still sends: a close with unread bytes would be a reset.
asio::awaitable<void> HttpServer::Impl::linger(Connection& connection) {
  error_code error;
  connection.stream.socket().shutdown(tcp::socket::shutdown_send, error);
  wait_for_client(connection, std::chrono::duration_cast<Duration>(kLingerTime));
  std::vector<char> scratch(16 * 1024);
  for (size_t read = 0; !error && read < kLingerBytes;)
    read += co_await connection.stream.async_read_some(
        asio::buffer(scratch), asio::redirect_error(asio::use_awaitable, error));
}

Response HttpServer::Impl::respond(const Parser::value_type& request) const {
  const std::string_view target(request.target().data(), request.target().size());
  const size_t question = std::min(target.find('?'), target.size());
  HttpRequest asked{std::string(request.method_string()), std::string(target.substr(0, question)),
                    std::string(target.substr(std::min(question + 1, target.size()))),
                    request.body()};
  if (asked.method == "HEAD") asked.method = "GET";
  std::string allowed;
  for (const HttpRoute& route : routes_) {
    if (route.path != asked.path) continue;
    if (route.method == asked.method)
      return make_response(call(route, std::move(asked)), request.version(), request.keep_alive());
    allowed += fmt::format("{}{}{}", allowed.empty() ? "" : ", ", route.method,
                           route.method == "GET" ? ", HEAD" : "");
  }
  if (allowed.empty())
    return make_response(text_response(http::status::not_found, "nothing here"), request.version(),
                         request.keep_alive());
  Response response =
      make_response(text_response(http::status::method_not_allowed, "allowed: " + allowed),
                    request.version(), request.keep_alive());
  response.set(http::field::allow, allowed);
  return response;
}

HttpResponse HttpServer::Impl::call(const HttpRoute& route, HttpRequest request) const {
  try {
    return route.handler(request);
  } catch (const std::exception& error) {
    log::error("an HTTP request failed", {{"path", route.path}, {"error", error.what()}});
    return text_response(http::status::internal_server_error, "kferry failed to answer");
  }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  stop();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& listen,
                                                      std::vector<HttpRoute> routes,
                                                      const HttpLimits& limits) {
  auto impl = std::make_unique<Impl>(std::move(routes), limits);
  KFERRY_CHECK(impl->listen(listen));
  impl->start();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

uint16_t HttpServer::port() const {
  return impl_->port();
}

void HttpServer::stop() {
  impl_->stop();
}

}  // namespace kferry::replicate
