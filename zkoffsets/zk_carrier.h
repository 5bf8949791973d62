// Stands between the ZooKeeper C client and the servers: 3.8.0 ends the process, or reads memory
// that is not its own, when a server answers what ZooKeeper does not. Private to zkoffsets/.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/interrupt.h"
#include "base/result.h"
#include "wire/address.h"

namespace kferry::zkoffsets {

// A port on the loopback for each server; a connection to it is carried to that server, and every
// answer is looked at (Dialogue) before it goes on. Thread-safe.
class ZkCarrier {
 public:
  // `connect_timeout`: for a connection to one server. kFailed: no port can be had.
  static Result<std::unique_ptr<ZkCarrier>> open(const std::vector<wire::Address>& servers,
                                                 Duration connect_timeout);
  // Ends all connections.
  ~ZkCarrier();
  ZkCarrier(const ZkCarrier&) = delete;
  ZkCarrier& operator=(const ZkCarrier&) = delete;

  // "127.0.0.1:P1,127.0.0.1:P2", in the order of the servers.
  std::string connect_string() const;
  // Of one of these: its server. Empty: none of them.
  std::string server_of(const std::string& local) const;
  // Why the last connection came to nothing or was cut; empty after one that did not.
  std::string trouble() const;

 private:
  struct Port {
    int listener;
    wire::Address local;
    wire::Address server;
  };
  struct Carried {
    std::thread thread;
    std::atomic<bool> over = false;
  };

  explicit ZkCarrier(Duration connect_timeout) : connect_timeout_(connect_timeout) {}
  Result<> add_port(const wire::Address& server);
  void accept_all();
  void accept_one(const Port& port);
  void carry(int socket, const wire::Address& server, Carried& self);
  void say(std::string trouble);

  const Duration connect_timeout_;
  std::vector<Port> ports_;
  StopToken stop_;
  std::list<Carried> carried_;  // the acceptor's, until it has ended
  mutable std::mutex mutex_;    // guards the next
  std::string trouble_;
  std::atomic<bool> wrong_answer_{false};  // trouble_ is about one, of the connection before
  std::thread acceptor_;
};

}  // namespace kferry::zkoffsets
