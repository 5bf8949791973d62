// One ZooKeeper session over the C client (zookeeper_mt): reads only; kferry never writes to
// ZooKeeper.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/result.h"
#include "zkoffsets/snapshot.h"

namespace kferry::zkoffsets {

// A login of ZooKeeper's scheme `digest`: "user:password". Servers take any; whether it opens a
// node is for the node's ACL to say.
struct ZkLogin {
  std::string user;
  std::string password;

  std::string credential() const { return user + ":" + password; }
};
// kUsage, without a word of the text: it is not "user:password".
Result<ZkLogin> parse_zk_login(const std::string& text);

struct ZkConfig {
  std::string connect;  // "host:port,host:port/chroot", as Kafka's zookeeper.connect
  Duration connect_timeout{10'000};
  Duration request_timeout{30'000};  // without any answer: a large batch takes as long as it does
  int max_in_flight = 1000;          // requests on the wire at once, 1 to 10,000
  std::optional<ZkLogin> login = {};
};

enum class NodeState { kFound, kMissing, kDenied };

struct NodeData {
  NodeState state = NodeState::kMissing;
  std::string data;
  NodeVersion version;
  bool ephemeral = false;
};

struct NodeChildren {
  NodeState state = NodeState::kMissing;
  std::vector<std::string> names;  // sorted
};

// "host:port,host:port/chroot" is checked before any I/O: hosts, ports 1 to 65535, chroot once and
// at the end, no trailing slash. kUsage otherwise. As with ZooKeeper's Java client the port may be
// left out (2181), there may be spaces around a server, and an IPv6 address stands in brackets.
Result<> check_connect_string(const std::string& connect);

class MultiReader;

// Not thread-safe: one caller. Batches are pipelined, and large ones read many nodes with one
// request where the server can (multiRead, ZooKeeper 3.6); results are in the order of the paths. A
// stop request is seen within 100 ms. Host names are resolved once, when connecting.
class ZkClient {
 public:
  // kUsage, kUnreachable (with the servers tried), kNotAuthorised (authentication failed). A server
  // that has lost its quorum and serves reads only is none to read from: what it says may be old.
  static Result<ZkClient> connect(const ZkConfig& config, const StopToken& stop);
  ~ZkClient();
  ZkClient(ZkClient&&) noexcept;
  ZkClient& operator=(ZkClient&&) noexcept;

  const std::string& connect_string() const;
  // Who reads, for messages: "not logged in", or "logged in as digest user 'app'".
  std::string login_text() const;
  // "address:port" of the server that the session is with, or was last.
  std::string server() const;

  // Makes later reads see everything that was committed before this call (ZooKeeper sync("/")).
  Result<> sync(const StopToken& stop);
  // A missing or forbidden node is a state in its element; the whole batch fails only with
  // kUnreachable, kNotAuthorised (the servers demand SASL) or kInterrupted. A lost connection is
  // waited out within request_timeout; an expired session is an error.
  Result<std::vector<NodeData>> get(const std::vector<std::string>& paths, const StopToken& stop);
  Result<std::vector<NodeChildren>> children(const std::vector<std::string>& paths,
                                             const StopToken& stop);
  // Version only: `data` stays empty.
  Result<std::vector<NodeData>> exists(const std::vector<std::string>& paths,
                                       const StopToken& stop);

 private:
  struct Session;
  std::vector<std::unique_ptr<Session>> sessions_;  // the first one always; more for large batches
  bool gave_up_spreading_ = false;
  std::unique_ptr<MultiReader> multi_;  // opened when it is first worth it
  bool gave_up_multi_ = false;

  explicit ZkClient(std::unique_ptr<Session> session);

  static Result<std::unique_ptr<Session>> open(const ZkConfig& config, const StopToken& stop);
  Result<> open_multi(const StopToken& stop);
  // What `read(multi reader)` gives. nullopt: multiRead is not worth it, not to be had, or has just
  // failed; then the C client reads, and says what is wrong.
  template <class Read>
  auto read_many(size_t count, const StopToken& stop, Read&& read)
      -> std::optional<decltype(read(*multi_))>;
  Result<> open_more(const StopToken& stop);
  // Calls `read(session, slice of paths)` for each session at once; the parts in the order of the
  // paths.
  template <class Read>
  auto spread(const std::vector<std::string>& paths, const StopToken& stop, Read&& read)
      -> decltype(read(*sessions_.front(), paths));
};

}  // namespace kferry::zkoffsets
