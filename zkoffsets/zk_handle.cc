#include "zkoffsets/zk_handle.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <zookeeper/zookeeper.h>

#include "base/log.h"
#include "zkoffsets/zk_carrier.h"

namespace kferry::zkoffsets {
namespace {

constexpr Duration kLongestClose{250};
constexpr Duration kLongestDrain{2000};

// The C client's log callback gets a text and no context, so these two are per process. `log_muted`
// is set when a handle is left behind: it may still talk while the process, and the logger with it,
// ends.
std::atomic<bool> log_muted{false};
std::mutex last_line_mutex;
std::string last_line;

// "2026-11-23 20:07:13,123:77(0x7f):ZOO_ERROR@func@line: what" -> "what" is the part worth showing.
std::string_view without_prefix(std::string_view line) {
  const size_t level = line.find(":ZOO_");
  const size_t colon = level == std::string_view::npos ? level : line.find(": ", level);
  return colon == std::string_view::npos ? line : line.substr(colon + 2);
}

void on_log(const char* line) {
  if (log_muted.load()) return;
  std::string_view text = without_prefix(line);
  if (text.ends_with('\n')) text.remove_suffix(1);
  log::debug("ZooKeeper client", {{"says", std::string(text)}});
  if (std::string_view(line).find(":ZOO_ERROR") == std::string_view::npos) return;
  const std::lock_guard lock(last_line_mutex);
  last_line = text;
}

struct Resolved {
  std::vector<wire::Address> servers;  // addresses; empty when nothing could be resolved
  std::string trouble;
};

// The C client gets addresses only: it resolves names again at every reconnection, and where that
// fails its loop goes on with uninitialised variables (zookeeper_interest() in 3.8.0).
Resolved resolve(const std::vector<ZkServer>& servers) {
  Resolved resolved;
  for (const ZkServer& server : servers) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int code = getaddrinfo(server.host.c_str(), nullptr, &hints, &found); code != 0) {
      if (!resolved.trouble.empty()) resolved.trouble += "; ";
      resolved.trouble += fmt::format("{}: {}", server.host, gai_strerror(code));
      continue;
    }
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
      char address[NI_MAXHOST];
      if (getnameinfo(one->ai_addr, one->ai_addrlen, address, sizeof address, nullptr, 0,
                      NI_NUMERICHOST) != 0)
        continue;
      resolved.servers.push_back({address, server.port});
    }
    freeaddrinfo(found);
  }
  return resolved;
}

// The C client gives one server two thirds of this before it tries the next, so all get their turn
// within 80 % of the connect time-out and the last failure can be told. It is also the session
// time-out that is asked for; the server raises it to its own minimum (4 s by default).
int session_timeout_ms(Duration connect_timeout, size_t servers) {
  const int64_t per_server = connect_timeout.count() * 6 / 5 / static_cast<int64_t>(servers);
  return static_cast<int>(std::clamp<int64_t>(per_server, 1500, 30'000));
}

}  // namespace

struct ZkHandle::Shared {
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  SessionState state = SessionState::kConnecting;
  zhandle_t* handle = nullptr;
  std::unique_ptr<ZkCarrier> carrier;  // set before `handle` is
  std::string trouble;
  std::vector<std::shared_ptr<AbandonedRequests>> abandoned;
  bool close_requested = false;
  bool closed = false;
  int times_read_only = 0;

  // The first event may come before zookeeper_init2() has returned the handle: nothing can be sent
  // yet.
  SessionState usable_state() const {
    const bool opening = handle == nullptr && state != SessionState::kUnresolved;
    return opening ? SessionState::kConnecting : state;
  }
  void set_state(SessionState new_state) {
    const std::lock_guard lock(mutex);
    state = new_state;
    if (state == SessionState::kReadOnly) ++times_read_only;
    changed.notify_all();
  }

  static void on_event(zhandle_t*, int type, int state, const char*, void* context);
  void open_and_close(const ConnectString& connect, const Config& config);
};

// Session events arrive in order with the completions: by the time a state is seen here, every
// request of the connection before it has had its completion.
void ZkHandle::Shared::on_event(zhandle_t*, int type, int state, const char*, void* context) {
  if (type != ZOO_SESSION_EVENT) return;
  auto* const shared = static_cast<Shared*>(context);
  if (state == ZOO_CONNECTED_STATE)
    shared->set_state(SessionState::kConnected);
  else if (state == ZOO_READONLY_STATE)
    shared->set_state(SessionState::kReadOnly);
  else if (state == ZOO_EXPIRED_SESSION_STATE)
    shared->set_state(SessionState::kExpired);
  else if (state == ZOO_AUTH_FAILED_STATE)
    shared->set_state(SessionState::kRefused);
  else
    shared->set_state(SessionState::kConnecting);
}

void ZkHandle::Shared::open_and_close(const ConnectString& connect, const Config& config) {
  Resolved resolved = resolve(connect.servers);
  zhandle_t* opened = nullptr;
  if (!resolved.servers.empty()) {
    auto made = ZkCarrier::open(resolved.servers, config.connect_timeout);
    if (made) {
      {
        const std::lock_guard lock(mutex);
        carrier = std::move(*made);
      }
      opened =
          zookeeper_init2((carrier->connect_string() + connect.chroot).c_str(), &Shared::on_event,
                          session_timeout_ms(config.connect_timeout, resolved.servers.size()),
                          nullptr, this, ZOO_READONLY | ZOO_NO_LOG_CLIENTENV, &on_log);
    } else {
      resolved.trouble = made.error().message;
    }
    // Otherwise the C client would parse and resolve its list before every single poll().
    if (opened != nullptr) zoo_set_servers_resolution_delay(opened, -1);
    // Sent before anything else, on every connection. A server that refuses it says so as a state.
    const std::string& login = config.digest_login;
    if (opened != nullptr && !login.empty())
      zoo_add_auth(opened, "digest", login.data(), static_cast<int>(login.size()), nullptr,
                   nullptr);
  }
  {
    std::unique_lock lock(mutex);
    handle = opened;
    trouble = resolved.trouble;
    if (opened == nullptr) state = SessionState::kUnresolved;
    changed.notify_all();
    changed.wait(lock, [this] { return close_requested; });
  }
  // Nobody adds to it any more.
  const Deadline drained = Deadline::after(kLongestDrain);
  for (const auto& requests : abandoned) requests->wait_until_idle(drained.remaining());
  if (opened != nullptr) zookeeper_close(opened);
  const std::lock_guard lock(mutex);
  abandoned.clear();
  closed = true;
  changed.notify_all();
}

ZkHandle::ZkHandle(const ConnectString& connect, const Config& config)
    : shared_(std::make_shared<Shared>()) {
  zoo_set_debug_level(ZOO_LOG_LEVEL_INFO);
  {
    const std::lock_guard lock(last_line_mutex);
    last_line.clear();
  }
  // Signals are for the caller's threads: the C client's loop takes an interrupted poll() for an
  // answer.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([shared = shared_, connect, config] {
    shared->open_and_close(connect, config);
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ZkHandle::~ZkHandle() {
  std::unique_lock lock(shared_->mutex);
  shared_->close_requested = true;
  shared_->changed.notify_all();
  if (!shared_->changed.wait_for(lock, kLongestClose, [this] { return shared_->closed; }))
    log_muted.store(true);
}

SessionState ZkHandle::state() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->usable_state();
}

SessionState ZkHandle::wait_for_change(SessionState old, Duration duration) const {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_for(lock, duration, [&] { return shared_->usable_state() != old; });
  return shared_->usable_state();
}

_zhandle* ZkHandle::handle() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->handle;
}

std::string ZkHandle::current_server() const {
  return shared_->carrier->server_of(zoo_get_current_server(handle()));
}

int ZkHandle::times_read_only() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->times_read_only;
}

void ZkHandle::keep_until_closed(std::shared_ptr<AbandonedRequests> requests) {
  const std::lock_guard lock(shared_->mutex);
  shared_->abandoned.push_back(std::move(requests));
}

std::string ZkHandle::last_trouble() const {
  std::string trouble;
  std::string said;
  {
    const std::lock_guard lock(shared_->mutex);
    trouble = shared_->trouble;
    if (shared_->carrier != nullptr) said = shared_->carrier->trouble();
  }
  const std::lock_guard lock(last_line_mutex);
  if (said.empty()) said = last_line;
  if (!trouble.empty() && !said.empty()) trouble += "; ";
  return trouble + said;
}

}  // namespace kferry::zkoffsets
