#include "wire/connection.h"

#ifdef __SANITIZE_THREAD__
// ThreadSanitizer does not see Asio's fences. Each io_context here belongs to one thread.
#pragma GCC diagnostic ignored "-Wtsan"
#endif

#include <array>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "wire/pump.h"
#include "wire/tls_context.h"
#include "wire/tls_errors.h"

namespace kferry::wire {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

using Endpoints = std::vector<asio::ip::tcp::endpoint>;

std::unexpected<Error> unreachable(const Address& address, std::string_view what) {
  return fail(ErrorKind::kUnreachable, fmt::format("broker {}: {}", to_string(address), what),
              "check that the broker is up and that this machine may reach it");
}

// Why a wait ended before what it waited for.
std::unexpected<Error> gave_up(const Address& address, const Wait& wait, std::string_view doing) {
  if (!wait.stop().stop_requested())
    return unreachable(address, fmt::format("timed out while {}", doing));
  return fail(ErrorKind::kInterrupted,
              fmt::format("broker {}: interrupted while {}", to_string(address), doing));
}

bool is_end_of_connection(const error_code& error) {
  return error == asio::error::eof || error == asio::error::connection_reset ||
         error == asio::error::broken_pipe || error == asio::error::connection_aborted ||
         error == asio::ssl::error::stream_truncated;
}

// How often a wait looks at the stop token.
constexpr Duration kSlice{100};

// What is read at once while a frame comes in: memory grows with what has arrived, not with what a
// length field promises.
constexpr size_t kReadChunkBytes = 1024 * 1024;

// The C library's look-up cannot be interrupted and may take half a minute: it has a thread of its
// own, which is left behind when `wait` is over first.
Result<Endpoints> look_up(const Address& address, const Wait& wait) {
  error_code not_numeric;
  const auto numeric = asio::ip::make_address(address.host, not_numeric);
  if (!not_numeric) return Endpoints{{numeric, address.port}};
  struct Found {
    error_code error;
    Endpoints endpoints;
  };
  std::promise<Found> promise;
  auto future = promise.get_future();
  std::thread([address, promise = std::move(promise)]() mutable {
    asio::io_context context;
    asio::ip::tcp::resolver resolver(context);
    Found found;
    for (const auto& entry :
         resolver.resolve(address.host, std::to_string(address.port), found.error))
      found.endpoints.push_back(entry.endpoint());
    promise.set_value(std::move(found));
  }).detach();
  constexpr std::string_view kDoing = "looking up its name";
  while (future.wait_for(std::min(kSlice, wait.deadline().remaining())) !=
         std::future_status::ready)
    if (wait.deadline().expired() || wait.stop().stop_requested())
      return gave_up(address, wait, kDoing);
  Found found = future.get();
  if (found.error)
    return unreachable(address, fmt::format("{}: {}", kDoing, found.error.message()));
  return std::move(found.endpoints);
}

}  // namespace

struct Connection::Impl {
  asio::io_context context{1};
  asio::ip::tcp::socket socket{context};
  std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> tls;
  Address address;
  bool closed_by_peer = false;
  // The length of the next frame, and how much of it has come. has_answer() may have read of it.
  std::array<unsigned char, 4> prefix{};
  size_t prefix_bytes = 0;
  error_code failed_read;  // what has_answer() met, for receive() to tell

  // Starts `operation` on the stream that carries the frames.
  template <class Operation>
  void start(Operation operation) {
    if (tls)
      operation(*tls);
    else
      operation(socket);
  }

  void close() {
    error_code ignored;
    socket.close(ignored);
  }

  void run(const std::optional<error_code>& result, const Wait& wait) {
    context.restart();
    while (!result && !wait.deadline().expired() && !wait.stop().stop_requested())
      context.run_for(std::min(kSlice, wait.deadline().remaining() + Duration(1)));
  }

  // Runs the one asynchronous operation that was started, until it is done or `wait` is over.
  // `result` is set by the operation's handler.
  Result<> finish(std::optional<error_code>& result, const Wait& wait, std::string_view doing) {
    run(result, wait);
    if (result && !*result) return {};
    close();
    if (!result) {
      context.restart();
      context.run();  // lets the cancelled handler run: it refers to `result`
      return gave_up(address, wait, doing);
    }
    closed_by_peer = is_end_of_connection(*result);
    if (is_tls_error(*result))
      return std::unexpected(tls_error(*result, tls->native_handle(),
                                       fmt::format("broker {}", to_string(address)), doing));
    return unreachable(address, fmt::format("{}: {}", doing, result->message()));
  }

  Result<> shake_hands(const TlsContext& settings, const Wait& wait) {
    tls.emplace(socket, settings.new_connection(address.host));
    std::optional<error_code> result;
    tls->async_handshake(asio::ssl::stream_base::client, [&](error_code error) { result = error; });
    auto done = finish(result, wait, "shaking hands for TLS");
    if (!done && closed_by_peer)
      done.error().hint = "is this a PLAINTEXT listener? Check the port, and security.protocol";
    return done;
  }

  // Reads into `to`; `result` is set when it is full.
  void read(asio::mutable_buffer to, std::optional<error_code>& result) {
    start([&](auto& stream) {
      asio::async_read(stream, to, [&](error_code error, size_t) { result = error; });
    });
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
bool Connection::closed_by_peer() const {
  return impl_->closed_by_peer;
}
void Connection::close() {
  impl_->close();
}

Result<Connection> Connection::open(const Address& address, const Wait& wait,
                                    const TlsContext* tls) {
  auto impl = std::make_unique<Impl>();
  impl->address = address;
  KFERRY_TRY(const Endpoints endpoints, look_up(address, wait));
  std::optional<error_code> result;
  asio::async_connect(impl->socket, endpoints,
                      [&](error_code error, const asio::ip::tcp::endpoint&) { result = error; });
  KFERRY_CHECK(impl->finish(result, wait, "connecting"));
  error_code ignored;  // of a connection that is gone again: the first request will say so
  impl->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (tls != nullptr) KFERRY_CHECK(impl->shake_hands(*tls, wait));
  return Connection(std::move(impl));
}

// It reads one byte: of TLS, something to read on the socket need not be for us, and what is for us
// may have been read already.
Result<bool> Connection::has_answer(const Wait& wait) {
  if (!is_open()) return unreachable(impl_->address, "the connection is closed");
  if (impl_->prefix_bytes > 0) return true;
  std::optional<error_code> result;
  impl_->read(asio::buffer(impl_->prefix, 1), result);
  impl_->run(result, wait);
  if (!result && wait.stop().stop_requested()) {
    KFERRY_CHECK(impl_->finish(result, wait, "waiting for an answer"));
  }
  if (!result) {
    error_code ignored;
    impl_->socket.cancel(ignored);
    impl_->context.restart();
    impl_->context.run();
    if (result == asio::error::operation_aborted) return false;
  }
  if (!*result) impl_->prefix_bytes = 1;
  impl_->failed_read = *result;
  return true;  // also at the end: receive() will say so
}

Result<> Connection::send(const std::vector<std::string_view>& pieces, const Wait& wait) {
  if (!is_open()) return unreachable(impl_->address, "the connection is closed");
  size_t total = 0;
  for (const std::string_view piece : pieces) total += piece.size();
  const auto size = static_cast<uint32_t>(total);
  const std::array<char, 4> prefix{static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                                   static_cast<char>(size >> 8), static_cast<char>(size)};
  std::vector<asio::const_buffer> buffers{asio::buffer(prefix)};
  for (const std::string_view piece : pieces) buffers.push_back(asio::buffer(piece));
  std::optional<error_code> result;
  impl_->start([&](auto& stream) {
    asio::async_write(stream, buffers, [&](error_code error, size_t) { result = error; });
  });
  return impl_->finish(result, wait, "sending a request");
}

Result<std::string> Connection::receive(const Wait& wait, int32_t lowest) {
  if (!is_open()) return unreachable(impl_->address, "the connection is closed");
  const auto& prefix = impl_->prefix;
  std::optional<error_code> result;
  if (impl_->failed_read)
    result = impl_->failed_read;
  else
    impl_->read(asio::buffer(impl_->prefix) + impl_->prefix_bytes, result);
  KFERRY_CHECK(impl_->finish(result, wait, "waiting for an answer"));
  impl_->prefix_bytes = 0;
  const auto size = static_cast<int32_t>(static_cast<uint32_t>(prefix[0]) << 24 |
                                         static_cast<uint32_t>(prefix[1]) << 16 |
                                         static_cast<uint32_t>(prefix[2]) << 8 | prefix[3]);
  if (size < lowest || size > kMaxFrameBytes) {
    impl_->close();
    return fail(ErrorKind::kFailed,
                fmt::format("broker {}: an answer of {} bytes: this is not a Kafka listener, or it "
                            "wants TLS (security.protocol in --command-config)",
                            to_string(impl_->address), size),
                "check the port in --bootstrap-server");
  }
  std::string payload;
  payload.reserve(static_cast<size_t>(size));  // address space: memory only once it is written
  while (payload.size() < static_cast<size_t>(size)) {
    const size_t have = payload.size();
    payload.resize(std::min(static_cast<size_t>(size), have + kReadChunkBytes));
    result.reset();
    impl_->read(asio::buffer(payload.data() + have, payload.size() - have), result);
    KFERRY_CHECK(impl_->finish(result, wait, "reading an answer"));
  }
  return payload;
}

void Connection::carry(int descriptor, const StopToken& stop, Inspector* inspector) {
  Inspection see_out;
  Inspection see_in;
  if (inspector != nullptr) {
    see_out = [inspector](std::string_view bytes) { return inspector->from_here(bytes); };
    see_in = [inspector](std::string_view bytes) { return inspector->from_peer(bytes); };
  }
  using Local = asio::local::stream_protocol;
  Local::socket local(impl_->context, Local(), descriptor);
  impl_->start([&](auto& stream) {
    bool over = false;
    const auto out =
        std::make_unique<Pump<Local::socket, std::remove_reference_t<decltype(stream)>>>(
            local, stream, over, std::move(see_out));
    const auto in =
        std::make_unique<Pump<std::remove_reference_t<decltype(stream)>, Local::socket>>(
            stream, local, over, std::move(see_in));
    out->start();
    in->start();
    impl_->context.restart();
    while (!over && !stop.stop_requested()) impl_->context.run_for(kSlice);
    impl_->close();
    error_code ignored;
    local.close(ignored);
    impl_->context.restart();
    impl_->context.run();  // lets the cancelled handlers run: they refer to the pumps
  });
}

}  // namespace kferry::wire
