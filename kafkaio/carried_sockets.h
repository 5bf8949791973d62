// Sockets of librdkafka's that end in this process, and are carried on to a broker by somebody who
// can log in to it. Internal to kafkaio/.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "kafkaio/config.h"

namespace kferry::kafkaio {

// open(), connect() and close() are what librdkafka's socket_cb, connect_cb and closesocket_cb ask
// for. Thread-safe. Must outlive the rd_kafka_t.
class CarriedSockets {
 public:
  explicit CarriedSockets(Carrier carrier) : carrier_(std::move(carrier)) {}
  // Ends all connections.
  ~CarriedSockets();
  CarriedSockets(const CarriedSockets&) = delete;
  CarriedSockets& operator=(const CarriedSockets&) = delete;

  // A socket; -1 with errno when there are no more.
  int open();
  // Has it carried to `broker` (HOST:PORT), on a thread of its own. 0, or an errno.
  int connect(int socket, const std::string& broker);
  int close(int socket);

  // Why the last connection came to nothing; absent after one that did not.
  std::optional<Error> trouble() const;

 private:
  struct Carried {
    std::thread thread;
    std::atomic<bool> over = false;
  };
  void carry(int far_end, const std::string& broker, Carried& self);
  void join_those_that_are_over();

  const Carrier carrier_;
  StopToken stop_;
  mutable std::mutex mutex_;     // guards the rest
  std::map<int, int> far_ends_;  // of sockets that are not connected yet
  std::list<Carried> carried_;
  std::optional<Error> trouble_;
};

}  // namespace kferry::kafkaio
