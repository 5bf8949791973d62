// Many znodes per request: ZooKeeper's multiRead (ZOOKEEPER-3402, servers from 3.6 on), which the C
// client does not have. Private to zkoffsets/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/result.h"
#include "wire/connection.h"
#include "zkoffsets/zk_client.h"

namespace kferry::zkoffsets {

// A connection with a session of its own. It does nothing but read in bulk: no watches, no SASL, no
// second server, no second try. After any error but kInterrupted the caller
// reads the same nodes with the C client, which has all that. Not thread-safe.
class MultiReader {
 public:
  struct Config {
    std::string chroot;          // "" or "/a/b": put before every path
    Duration request_timeout{};  // for each answer
    std::string digest_login;    // "user:password", or empty
  };

  // Opens a session with `server` and does a sync(). kUnreachable; kFailed: no ZooKeeper server
  // that talks to us, or one without a quorum.
  static Result<std::unique_ptr<MultiReader>> open(const wire::Address& server,
                                                   const Config& config, const StopToken& stop);
  ~MultiReader();  // ends the session, where it is still open
  MultiReader(const MultiReader&) = delete;
  MultiReader& operator=(const MultiReader&) = delete;

  // As ZkClient's. kFailed: the server does not know multiRead, or talks nonsense. After an error
  // the connection is closed for good.
  Result<> sync(const StopToken& stop);
  Result<std::vector<NodeData>> get(const std::vector<std::string>& paths, const StopToken& stop);
  Result<std::vector<NodeChildren>> children(const std::vector<std::string>& paths,
                                             const StopToken& stop);

 private:
  MultiReader(wire::Connection connection, Config config)
      : connection_(std::move(connection)), config_(std::move(config)) {}

  Result<> greet(const StopToken& stop);
  Result<> log_in(const StopToken& stop);
  Result<> send(const std::string& frame, const StopToken& stop);
  Result<std::string> receive(const StopToken& stop);
  Result<std::string> receive_answer(const StopToken& stop);
  std::unexpected<Error> nonsense(std::string_view what);
  template <class Node>
  Result<std::vector<Node>> read(const std::vector<std::string>& paths, const StopToken& stop);

  wire::Connection connection_;
  const Config config_;
  int32_t last_sent_ = 0;  // numbers of requests
  int32_t last_answered_ = 0;
};

}  // namespace kferry::zkoffsets
