// The HTTP server under real sockets: what clients may do wrong, and that nobody else notices.
#include "replicate/http_server.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/support/expectations.h"
#include "tests/support/http_client.h"

namespace kferry::replicate {
namespace {

using test::ask;
using test::connect_to_loopback;
using test::fails;
using test::gets_closed;
using test::has;
using test::http_request;
using test::HttpAnswer;
using test::ok;
using test::read_answer;
using test::Socket;
using test::StopFlag;
using test::Stopwatch;
using test::write_all;

constexpr Duration kSoon{5'000};  // far less than any time-out of the server
constexpr size_t kLargeBody = 20UL * 1024 * 1024;  // more than the sockets' buffers hold
const StopFlag kNeverStopped{false};

std::vector<HttpRoute> routes() {
  return {
      {"GET", "/livez", [](const HttpRequest&) { return HttpResponse{.body = "alive\n"}; }},
      {"GET", "/echo",
       [](const HttpRequest& request) { return HttpResponse{.body = request.query}; }},
      {"PUT", "/echo",
       [](const HttpRequest& request) { return HttpResponse{.body = request.body}; }},
      {"GET", "/large",
       [](const HttpRequest&) { return HttpResponse{.body = std::string(kLargeBody, 'x')}; }},
      {"GET", "/broken",
       [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("a secret"); }},
  };
}

class HttpServerTest : public testing::Test {
 protected:
  void start(const HttpLimits& limits = {}) {
    auto started = HttpServer::start("127.0.0.1:0", routes(), limits);
    ASSERT_TRUE(ok(started));
    server_ = std::move(*started);
  }
  Socket connect() const { return connect_to_loopback(server_->port()); }
  Socket connect_and_send(const std::string& bytes) const {
    Socket socket = connect();
    EXPECT_TRUE(write_all(socket, bytes, kNeverStopped));
    return socket;
  }
  HttpAnswer get(const std::string& target) const { return ask(server_->port(), "GET", target); }
  bool is_alive() const { return get("/livez").status == 200; }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, RoutesMethodsAndStatuses) {
  start();
  EXPECT_NE(server_->port(), 0);
  const HttpAnswer alive = get("/livez");
  EXPECT_EQ(alive.status, 200);
  EXPECT_EQ(alive.body, "alive\n");
  EXPECT_TRUE(has(alive.header, "Content-Type: text/plain; charset=utf-8"));
  EXPECT_EQ(get("/echo?a=b%20c").body, "a=b%20c");
  EXPECT_EQ(get("/nowhere").status, 404);
  EXPECT_EQ(get("/livez/").status, 404);
  EXPECT_EQ(ask(server_->port(), "PUT", "/echo", "12").body, "12");

  const HttpAnswer head = ask(server_->port(), "HEAD", "/livez");
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(has(head.header, "Content-Length: 6"));
  const HttpAnswer wrong = ask(server_->port(), "DELETE", "/echo");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_TRUE(has(wrong.header, "Allow: GET, HEAD, PUT\r\n"));
  EXPECT_EQ(ask(server_->port(), "OPTIONS", "/livez").status, 405);
  EXPECT_EQ(ask(server_->port(), "BREW", "/livez").status, 405);
}

TEST_F(HttpServerTest, AFailingHandlerIsA500AndTellsNothing) {
  start();
  const HttpAnswer answer = get("/broken");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  EXPECT_TRUE(is_alive());
}

TEST_F(HttpServerTest, AConnectionIsKeptAndRequestsMayBePipelined) {
  start();
  const Socket socket = connect_and_send(http_request("GET", "/echo?1") +
                                         http_request("HEAD", "/echo?22") +
                                         http_request("PUT", "/echo", "333"));
  EXPECT_EQ(read_answer(socket)->body, "1");
  EXPECT_EQ(read_answer(socket, false)->status, 200);
  EXPECT_EQ(read_answer(socket)->body, "333");
  ASSERT_TRUE(write_all(socket, "GET /livez HTTP/1.0\r\n\r\n", kNeverStopped));
  EXPECT_EQ(read_answer(socket)->status, 200);
  EXPECT_TRUE(gets_closed(socket)) << "HTTP/1.0 closes";
}

TEST_F(HttpServerTest, OversizeRequestsAreRefusedAndTheAnswerArrives) {
  start();
  EXPECT_EQ(ask(server_->port(), "PUT", "/echo", std::string(4 * 1024, 'x')).status, 200);
  const Socket large = connect_and_send(http_request("PUT", "/echo", std::string(512 * 1024, 'x')));
  EXPECT_EQ(read_answer(large)->status, 413);
  ASSERT_TRUE(test::is_readable(large, kSoon));
  char byte = 0;
  EXPECT_EQ(recv(large.descriptor(), &byte, 1, 0), 0) << "an end, not a reset: see linger()";
  const Socket chunked = connect_and_send(
      "PUT /echo HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3000\r\n" +
      std::string(0x3000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(read_answer(chunked)->status, 413);
  const Socket long_header = connect_and_send("GET /livez HTTP/1.1\r\nHost: k\r\nX: " +
                                              std::string(64 * 1024, 'x') + "\r\n\r\n");
  EXPECT_EQ(read_answer(long_header)->status, 431);
  EXPECT_TRUE(gets_closed(long_header));
  const Socket long_target =
      connect_and_send("GET /" + std::string(64 * 1024, 'x') + " HTTP/1.1\r\n\r\n");
  EXPECT_EQ(read_answer(long_target)->status, 431);
  EXPECT_TRUE(is_alive());
}

TEST_F(HttpServerTest, WhatIsNoHttpIsRefused) {
  start();
  const Socket socket = connect_and_send(std::string("\0\0\0\x0d garbage \xff\r\n\r\n", 18));
  EXPECT_EQ(read_answer(socket)->status, 400);
  EXPECT_TRUE(gets_closed(socket));
  const Socket tls = connect_and_send("\x16\x03\x01\x02\x05\x01\x05\x05\x05\x05\r\n");
  EXPECT_EQ(read_answer(tls)->status, 400);
  connect_and_send("GET /liv").reset();
  EXPECT_TRUE(is_alive());
}

TEST_F(HttpServerTest, SlowClientsHoldUpNobody) {
  start();
  const Socket silent = connect();
  const Socket half = connect_and_send("PUT /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\n12");
  const Socket does_not_read = connect_and_send(http_request("GET", "/large"));
  const Stopwatch watch;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(is_alive());
  EXPECT_LT(watch.elapsed(), kSoon);
  ASSERT_TRUE(write_all(half, "345", kNeverStopped));
  EXPECT_EQ(read_answer(half)->body, "12345");
  EXPECT_EQ(read_answer(does_not_read)->body.size(), kLargeBody);
}

TEST_F(HttpServerTest, WhoTakesTooLongIsCutOff) {
  start({.request_timeout = Duration(200), .response_timeout = Duration(200)});
  EXPECT_TRUE(gets_closed(connect()));
  EXPECT_TRUE(gets_closed(connect_and_send("GET /li")));
  const Socket does_not_read = connect_and_send(http_request("GET", "/large"));
  ASSERT_TRUE(test::is_readable(does_not_read, kSoon)) << "the answer has begun";
  std::this_thread::sleep_for(Duration(2'000));
  EXPECT_EQ(read_answer(does_not_read), std::nullopt) << "cut off in the middle";
  EXPECT_TRUE(is_alive());
}

TEST_F(HttpServerTest, ManyClientsAtOnce) {
  start();
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&, i] {
      for (int n = 0; n < 20; ++n)
        answered += get(fmt::format("/echo?{}-{}", i, n)).body == fmt::format("{}-{}", i, n);
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered.load(), 16 * 20);
}

TEST_F(HttpServerTest, OneConnectionTooManyCostsTheOneThatWaitsLongest) {
  start({.connections = 8});
  const Socket first = connect();
  std::vector<Socket> others;
  for (int i = 0; i < 30; ++i) {
    others.push_back(connect());
    EXPECT_TRUE(is_alive()) << i;
  }
  EXPECT_TRUE(gets_closed(first));
}

TEST_F(HttpServerTest, AnswersThatNobodyTakesAreBounded) {
  start({.unsent_bytes = 3 * kLargeBody});
  std::vector<Socket> greedy;
  for (int i = 0; i < 8; ++i) greedy.push_back(connect_and_send(http_request("GET", "/large")));
  EXPECT_EQ(get("/large").body.size(), kLargeBody);
  EXPECT_EQ(read_answer(greedy.front()), std::nullopt) << "closed to make room";
}

TEST_F(HttpServerTest, StopWaitsForNoClient) {
  start();
  const Socket silent = connect();
  const Socket half = connect_and_send("GET /li");
  const Socket does_not_read = connect_and_send(http_request("GET", "/large"));
  EXPECT_TRUE(is_alive());
  const uint16_t port = server_->port();
  const Stopwatch watch;
  server_->stop();
  server_->stop();
  EXPECT_LT(watch.elapsed(), kSoon);
  EXPECT_TRUE(gets_closed(silent));
  EXPECT_TRUE(gets_closed(half));
  EXPECT_FALSE(connect_to_loopback(port).is_open());
}

TEST_F(HttpServerTest, AnAddressInUseIsNamed) {
  start();
  const std::string address = fmt::format("127.0.0.1:{}", server_->port());
  EXPECT_TRUE(fails(HttpServer::start(address, routes()), ErrorKind::kFailed,
                    fmt::format("cannot listen on {}: Address already in use", address)));
  server_.reset();
  EXPECT_TRUE(ok(HttpServer::start(address, routes()))) << "free again at once";
}

TEST_F(HttpServerTest, AnAddressThatIsNotOursIsNamed) {
  EXPECT_TRUE(fails(HttpServer::start("192.0.2.1:0", routes()), ErrorKind::kFailed,
                    "cannot listen on 192.0.2.1:0"));
  EXPECT_TRUE(fails(HttpServer::start("no-such-host.invalid:0", routes()), ErrorKind::kUsage,
                    "no such host"));
  EXPECT_TRUE(fails(HttpServer::start("9400", routes()), ErrorKind::kUsage, "no port"));
}

}  // namespace
}  // namespace kferry::replicate
