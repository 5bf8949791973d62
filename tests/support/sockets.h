// Loopback sockets for the fakes and the proxy. Every wait ends soon after its stop flag is set.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace kferry::test {

using StopFlag = std::atomic<bool>;

class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  void close();
  // Ends the connection with RST rather than FIN.
  void reset();

 private:
  int descriptor_ = -1;
};

// On 127.0.0.1; port 0: a free one. Throws std::runtime_error.
Socket listen_on_loopback(uint16_t port = 0);
uint16_t port_of(const Socket& socket);
// Not open when there is nobody.
Socket accept_within(const Socket& listener, Duration timeout);
Socket connect_to_loopback(uint16_t port);

// Until `duration` is over, or `stop` is set.
void sleep_unless_stopped(Duration duration, const StopFlag& stop);

// Whether there is something to read, or the end.
bool is_readable(const Socket& socket, Duration timeout);
// False, or nothing, at the end of the stream, on an error and once `stop` is set.
bool read_exactly(const Socket& socket, char* to, size_t size, const StopFlag& stop);
bool write_all(const Socket& socket, std::string_view bytes, const StopFlag& stop);
// One byte at a time, with a pause after each.
bool drip_all(const Socket& socket, std::string_view bytes, Duration pause, const StopFlag& stop);
// A frame without its int32 length.
std::optional<std::string> read_frame(const Socket& socket, const StopFlag& stop);

std::string int32_bytes(int32_t value);
int32_t int32_from(std::string_view bytes);
std::string framed(std::string_view payload);

}  // namespace kferry::test
