#include "tests/support/sockets.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kferry::test {
namespace {

constexpr int kSliceMs = 20;
constexpr int32_t kLongestFrame = 200'000'000;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void make_nonblocking(const Socket& socket) {
  fcntl(socket.descriptor(), F_SETFL, fcntl(socket.descriptor(), F_GETFL) | O_NONBLOCK);
  const int on = 1;
  setsockopt(socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool poll_for(const Socket& socket, short events, int timeout_ms) {
  pollfd entry{socket.descriptor(), events, 0};
  return poll(&entry, 1, timeout_ms) > 0;
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

void Socket::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void Socket::reset() {
  const linger at_once{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

Socket listen_on_loopback(uint16_t port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (bind(socket.descriptor(), generic, sizeof address) != 0 ||
      listen(socket.descriptor(), 64) != 0)
    throw std::runtime_error("cannot listen on 127.0.0.1");
  return socket;
}

uint16_t port_of(const Socket& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

Socket accept_within(const Socket& listener, Duration timeout) {
  if (!poll_for(listener, POLLIN, static_cast<int>(timeout.count()))) return {};
  Socket socket(accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
  if (socket.is_open()) make_nonblocking(socket);
  return socket;
}

Socket connect_to_loopback(uint16_t port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  if (connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0)
    return {};
  make_nonblocking(socket);
  return socket;
}

bool is_readable(const Socket& socket, Duration timeout) {
  return poll_for(socket, POLLIN, static_cast<int>(timeout.count()));
}

bool read_exactly(const Socket& socket, char* to, size_t size, const StopFlag& stop) {
  while (size > 0) {
    if (stop.load()) return false;
    if (!poll_for(socket, POLLIN, kSliceMs)) continue;
    const ssize_t got = recv(socket.descriptor(), to, size, 0);
    if (got == 0 || (got < 0 && !would_block())) return false;
    if (got < 0) continue;
    to += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

bool write_all(const Socket& socket, std::string_view bytes, const StopFlag& stop) {
  while (!bytes.empty()) {
    if (stop.load()) return false;
    if (!poll_for(socket, POLLOUT, kSliceMs)) continue;
    const ssize_t sent = send(socket.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && !would_block()) return false;
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void sleep_unless_stopped(Duration duration, const StopFlag& stop) {
  const Deadline end = Deadline::after(duration);
  while (!end.expired() && !stop)
    std::this_thread::sleep_for(std::min(Duration(kSliceMs), end.remaining()));
}

bool drip_all(const Socket& socket, std::string_view bytes, Duration pause, const StopFlag& stop) {
  for (const char byte : bytes) {
    if (!write_all(socket, {&byte, 1}, stop)) return false;
    sleep_unless_stopped(pause, stop);
  }
  return true;
}

std::optional<std::string> read_frame(const Socket& socket, const StopFlag& stop) {
  std::string length(4, '\0');
  if (!read_exactly(socket, length.data(), length.size(), stop)) return std::nullopt;
  const int32_t size = int32_from(length);
  if (size < 0 || size > kLongestFrame) return std::nullopt;
  std::string payload(static_cast<size_t>(size), '\0');
  if (!read_exactly(socket, payload.data(), payload.size(), stop)) return std::nullopt;
  return payload;
}

std::string int32_bytes(int32_t value) {
  const auto bits = static_cast<uint32_t>(value);
  return {static_cast<char>(bits >> 24), static_cast<char>(bits >> 16),
          static_cast<char>(bits >> 8), static_cast<char>(bits)};
}

int32_t int32_from(std::string_view bytes) {
  uint32_t bits = 0;
  for (const char byte : bytes.substr(0, 4)) bits = bits << 8 | static_cast<unsigned char>(byte);
  return static_cast<int32_t>(bits);
}

std::string framed(std::string_view payload) {
  return int32_bytes(static_cast<int32_t>(payload.size())).append(payload);
}

}  // namespace kferry::test
