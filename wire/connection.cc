#include "wire/connection.h"

#include <array>
#include <optional>

#include <fmt/format.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace kferry::wire {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

std::unexpected<Error> unreachable(const Address& address, std::string_view what) {
  return fail(ErrorKind::kUnreachable, fmt::format("broker {}: {}", to_string(address), what),
              "check that the broker is up and that this machine may reach it");
}

// How often a wait looks at the stop token.
constexpr Duration kSlice{100};

// What is read at once while a frame comes in: memory grows with what has arrived, not with what a
// length field promises.
constexpr size_t kReadChunkBytes = 1024 * 1024;

}  // namespace

struct Connection::Impl {
  asio::io_context context{1};
  asio::ip::tcp::socket socket{context};
  Address address;

  void close() {
    error_code ignored;
    socket.close(ignored);
  }

  // Runs the one asynchronous operation that was started, until it is done or `wait` is over.
  // `result` is set by the operation's handler.
  Result<> finish(std::optional<error_code>& result, const Wait& wait, std::string_view doing) {
    context.restart();
    while (!result && !wait.deadline().expired() && !wait.stop().stop_requested())
      context.run_for(std::min(kSlice, wait.deadline().remaining() + Duration(1)));
    if (result && !*result) return {};
    close();
    if (!result) {
      context.restart();
      context.run();  // lets the cancelled handler run: it refers to `result`
      if (wait.stop().stop_requested())
        return fail(ErrorKind::kInterrupted,
                    fmt::format("broker {}: interrupted while {}", to_string(address), doing));
      return unreachable(address, fmt::format("timed out while {}", doing));
    }
    return unreachable(address, fmt::format("{}: {}", doing, result->message()));
  }
};

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

const Address& Connection::address() const {
  return impl_->address;
}
bool Connection::is_open() const {
  return impl_->socket.is_open();
}

Result<Connection> Connection::open(const Address& address, const Wait& wait) {
  auto impl = std::make_unique<Impl>();
  impl->address = address;
  std::optional<error_code> result;
  asio::ip::tcp::resolver resolver(impl->context);
  asio::ip::tcp::resolver::results_type endpoints;
  resolver.async_resolve(address.host, std::to_string(address.port),
                         [&](error_code error, asio::ip::tcp::resolver::results_type found) {
                           endpoints = std::move(found);
                           result = error;
                         });
  KFERRY_CHECK(impl->finish(result, wait, "looking up its name"));
  result.reset();
  asio::async_connect(impl->socket, endpoints,
                      [&](error_code error, const asio::ip::tcp::endpoint&) { result = error; });
  KFERRY_CHECK(impl->finish(result, wait, "connecting"));
  impl->socket.set_option(asio::ip::tcp::no_delay(true));
  return Connection(std::move(impl));
}

Result<> Connection::send(std::string_view payload, const Wait& wait) {
  if (!is_open()) return unreachable(impl_->address, "the connection is closed");
  const auto size = static_cast<uint32_t>(payload.size());
  const std::array<char, 4> prefix{static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                                   static_cast<char>(size >> 8), static_cast<char>(size)};
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(prefix), asio::buffer(payload)};
  std::optional<error_code> result;
  asio::async_write(impl_->socket, buffers, [&](error_code error, size_t) { result = error; });
  return impl_->finish(result, wait, "sending a request");
}

Result<std::string> Connection::receive(const Wait& wait) {
  if (!is_open()) return unreachable(impl_->address, "the connection is closed");
  std::array<unsigned char, 4> prefix{};
  std::optional<error_code> result;
  asio::async_read(impl_->socket, asio::buffer(prefix),
                   [&](error_code error, size_t) { result = error; });
  KFERRY_CHECK(impl_->finish(result, wait, "waiting for an answer"));
  const auto size = static_cast<int32_t>(static_cast<uint32_t>(prefix[0]) << 24 |
                                         static_cast<uint32_t>(prefix[1]) << 16 |
                                         static_cast<uint32_t>(prefix[2]) << 8 | prefix[3]);
  if (size < 4 || size > kMaxFrameBytes) {
    impl_->close();
    return unreachable(impl_->address,
                       fmt::format("an answer of {} bytes: this is not a Kafka listener, or it "
                                   "wants TLS (security.protocol in --command-config)",
                                   size));
  }
  std::string payload;
  while (payload.size() < static_cast<size_t>(size)) {
    const size_t have = payload.size();
    payload.resize(std::min(static_cast<size_t>(size), have + kReadChunkBytes));
    result.reset();
    asio::async_read(impl_->socket, asio::buffer(payload.data() + have, payload.size() - have),
                     [&](error_code error, size_t) { result = error; });
    KFERRY_CHECK(impl_->finish(result, wait, "reading an answer"));
  }
  return payload;
}

}  // namespace kferry::wire
