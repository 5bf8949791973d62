// Owner of the ZooKeeper C handle: opens it, follows its session state, closes it. Private to
// zkoffsets/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "zkoffsets/connect_string.h"

struct _zhandle;  // the C client's zhandle_t: its header stays out of ours

namespace kferry::zkoffsets {

enum class SessionState {
  kConnecting,  // names are being resolved, or no server has a session for us: at first, or again
  kConnected,   // with a server that is part of a quorum
  kReadOnly,    // with a server that has lost its quorum
  kExpired,     // for good: the servers have forgotten the session
  kRefused,     // for good: authentication failed
  kUnresolved,  // for good: no host name could be resolved
};

// What the completions of given-up requests still touch.
class AbandonedRequests {
 public:
  virtual ~AbandonedRequests() = default;
  // Waits until every request has had its completion, at most for `duration`.
  virtual void wait_until_idle(Duration duration) = 0;
};

// Whoever calls is never blocked for long: names are resolved, and the handle is closed, on a
// thread of its own, because getaddrinfo() cannot be interrupted and zookeeper_close() waits
// seconds for a server that hangs. The thread is left behind when it takes too long; all it touches
// is owned by it.
//
// Every request that was handed to handle() gets exactly one completion, at the latest while the
// handle is closed, which may be after this object is gone: a completion must own what it touches.
class ZkHandle {
 public:
  struct Config {
    Duration connect_timeout;
    std::string digest_login;  // "user:password", or empty
  };
  ZkHandle(const ConnectString& connect, const Config& config);
  ~ZkHandle();
  ZkHandle(const ZkHandle&) = delete;
  ZkHandle& operator=(const ZkHandle&) = delete;

  SessionState state() const;
  // Returns as soon as the state is another than `old`, at the latest after `duration`.
  SessionState wait_for_change(SessionState old, Duration duration) const;
  // nullptr until the names are resolved. Valid as long as this object.
  _zhandle* handle() const;
  // "address:port" or "[v6 address]:port" of the server that the session is with, or was last; as
  // it was given.
  std::string current_server() const;
  // How often the session has come to a read-only server so far.
  int times_read_only() const;
  void keep_until_closed(std::shared_ptr<AbandonedRequests> requests);
  // What went wrong last on the way to a server, as name resolution or the C client put it; may be
  // empty.
  std::string last_trouble() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace kferry::zkoffsets
