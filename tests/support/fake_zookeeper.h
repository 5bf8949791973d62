// A ZooKeeper server made of a few nodes in memory, for what a real one cannot be made to do.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/sockets.h"
#include "wire/address.h"

namespace kferry::test {

struct FakeNode {
  std::string data = {};
  int64_t mzxid = 1;
  int32_t version = 0;
  bool denied = false;  // its ACL lets nobody read it
};

// What becomes of a multiRead.
enum class MultiRead {
  kAnswered,
  kUnknown,   // as servers before 3.6: UNIMPLEMENTED, and the connection is closed
  kHangUp,    // the connection is closed without an answer
  kNonsense,  // another answer than was asked for
  kCutOff,    // an answer that ends too early
  kSilence,   // no answer, ever
};

// What goes out in place of an answer, its length included.
struct Spoiled {
  std::string bytes = {};  // empty: nothing, ever
  Duration drip{0};        // one byte at a time, with such a pause after each
  bool close = false;      // afterwards
};

// Thread-safe. Sessions are not checked, and do not expire.
class FakeZookeeper {
 public:
  explicit FakeZookeeper(std::map<std::string, FakeNode> nodes);
  ~FakeZookeeper();
  FakeZookeeper(const FakeZookeeper&) = delete;
  FakeZookeeper& operator=(const FakeZookeeper&) = delete;

  wire::Address address() const { return {"127.0.0.1", port_}; }
  std::string connect_string() const { return to_string(address()); }

  // From now on.
  void multi_read(MultiRead what);
  // The answers to an operation (ZooDefs.OpCode), or to kGreeting, which is the first request of a
  // connection. `how` gets the request's number.
  static constexpr int32_t kGreeting = 0;
  using Spoiler = std::function<Spoiled(int32_t number)>;
  void spoil(int32_t operation, Spoiler how);
  // Closes the connections that had a multiRead; new ones are accepted.
  void drop_multi_read_connections() { ++epoch_; }

  // How many requests of an operation (ZooDefs.OpCode) came on any connection.
  int count(int32_t operation) const;
  // The largest number of nodes that one multiRead asked for.
  int largest_multi_read() const;
  // The operations of the connections that had a multiRead, in order, without pings.
  std::vector<std::vector<int32_t>> multi_read_connections() const;

 private:
  struct Reply {
    int32_t error = 0;
    std::string body = {};
    bool silent = false;
    bool close = false;  // afterwards
  };

  void accept_loop();
  void serve(const Socket& socket, size_t number, int epoch);
  Reply handle(std::string_view frame, size_t connection);
  // nullopt: nobody spoils it. False: the connection is over.
  std::optional<bool> write_spoiled(const Socket& socket, int32_t operation, int32_t number);
  Reply answer(int32_t operation, std::string_view body);
  Reply answer_multi(std::string_view body);
  Reply read_node(int32_t operation, const std::string& path) const;

  const std::map<std::string, FakeNode> nodes_;
  Socket listener_;
  const uint16_t port_;

  mutable std::mutex mutex_;  // guards the next six
  std::map<int32_t, Spoiler> spoilers_;
  MultiRead multi_read_ = MultiRead::kAnswered;
  std::map<int32_t, int> counts_;
  int largest_multi_read_ = 0;
  std::vector<std::vector<int32_t>> operations_;  // by connection
  std::vector<std::thread> connections_;

  StopFlag stop_ = false;
  std::atomic<int> epoch_ = 0;  // connections of an earlier one end, if they had a multiRead
  std::thread acceptor_;
};

}  // namespace kferry::test
