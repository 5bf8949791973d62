// One connection to a broker, TCP or TLS on it, carrying length-prefixed frames.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/interrupt.h"
#include "base/result.h"
#include "wire/address.h"

namespace kferry::wire {

class TlsContext;

// Looks at what Connection::carry() carries. One thread calls.
class Inspector {
 public:
  virtual ~Inspector() = default;
  // What of the bytes that came from this machine, or from the peer, may go on now; the rest may
  // follow later. nullopt ends the connection.
  virtual std::optional<std::string> from_here(std::string_view bytes) = 0;
  virtual std::optional<std::string> from_peer(std::string_view bytes) = 0;
};

// Not thread-safe. After an error the connection is closed for good.

class Connection {
 public:
  // A frame that says it is longer than this is a broken or hostile peer.
  static constexpr int32_t kMaxFrameBytes = 128 * 1024 * 1024;

  // With `tls` the connection is ready once both sides have shaken hands.
  // kUnreachable (name not found, refused, timed out, a certificate that is not accepted),
  // kNotAuthorised (the broker refuses ours), kInterrupted. A look-up of the name that hangs is
  // left behind in a thread of its own.
  static Result<Connection> open(const Address& address, const Wait& wait,
                                 const TlsContext* tls = nullptr);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  const Address& address() const;
  // False once an operation failed: open a new one.
  bool is_open() const;
  // Whether that was because the peer closed or reset it.
  bool closed_by_peer() const;
  // When what was received makes no sense: later answers could not be told from earlier ones.
  void close();

  // Whether an answer, or the end of the connection, comes before `wait` is over. If not, the
  // connection can still be used.
  Result<bool> has_answer(const Wait& wait);
  // Sends the pieces as one payload, with its int32 length in front of it.
  Result<> send(const std::vector<std::string_view>& pieces, const Wait& wait);
  // The next frame without its length. kFailed when the length is impossible, or below `lowest`: no
  // Kafka listener.
  Result<std::string> receive(const Wait& wait, int32_t lowest = 4);
  // Carries bytes both ways between the peer and `descriptor`, a connected stream socket of this
  // machine, until one of them ends it, `inspector` does, or a stop is requested. Then the
  // connection and `descriptor` are closed.
  void carry(int descriptor, const StopToken& stop, Inspector* inspector = nullptr);

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kferry::wire
