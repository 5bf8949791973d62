#include "zkoffsets/zk_client.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <zookeeper/zookeeper.h>

#include "base/log.h"
#include "zkoffsets/connect_string.h"
#include "zkoffsets/multi_reader.h"
#include "zkoffsets/zk_handle.h"

namespace kferry::zkoffsets {
namespace {

// How long a stop request may go unseen.
constexpr Duration kSlice{50};
// A server answers one connection at a time; batches of this size and more are spread over several.
constexpr size_t kWorthSpreading = 5'000;
constexpr size_t kMoreSessions = 3;
// Smaller batches are not worth a session for multiRead.
constexpr size_t kWorthMultiRead = 500;
constexpr int kLargestWindow =
    10'000;  // the C client drops the connection when 65,536 wake-ups pile up

enum class Operation { kGet, kExists, kChildren, kSync };

struct Batch;

// What a completion gets; lives in the batch.
struct Pending {
  Batch* batch;
  size_t index;
};

// One batch of requests. Its completions run on the C client's thread and may come after the caller
// has given up: then the handle keeps it.
struct Batch : AbandonedRequests {
  Batch(Operation what, size_t size, int window)
      : operation(what),
        refill_at(static_cast<size_t>(window) / 2),
        nodes(what == Operation::kGet || what == Operation::kExists ? size : 0),
        children(what == Operation::kChildren ? size : 0) {
    for (size_t i = 0; i < size; ++i) {
      unsent.push_back(i);
      pending.push_back({this, i});
    }
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void wait_until_idle(Duration duration) override {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, duration, [this] { return in_flight == 0; });
  }

  const Operation operation;
  const size_t refill_at;        // the window is filled again when no more than this is in flight
  std::vector<Pending> pending;  // by index; never changed
  std::mutex mutex;              // guards everything below
  std::condition_variable changed;
  std::vector<NodeData> nodes;
  std::vector<NodeChildren> children;
  std::deque<size_t> unsent;
  size_t in_flight = 0;
  size_t answers = 0;
  int fatal = ZOK;    // what ended the batch
  int trouble = ZOK;  // why the last request had to be sent again
  bool abandoned = false;

  bool done() const { return unsent.empty() && in_flight == 0; }
  bool needs_caller() const {
    return in_flight == 0 || fatal != ZOK || (!unsent.empty() && in_flight <= refill_at);
  }
  void set_state(size_t index, NodeState state) {
    if (operation == Operation::kChildren)
      children[index].state = state;
    else if (operation != Operation::kSync)
      nodes[index].state = state;
  }
  void finish(size_t index, int rc);
};

// Reads are idempotent, so these are sent again. ZRUNTIMEINCONSISTENCY: answers out of order, after
// which the C client has dropped the connection.
bool is_retriable(int rc) {
  return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZTHROTTLEDOP ||
         rc == ZSESSIONMOVED || rc == ZRUNTIMEINCONSISTENCY;
}

// Takes one answer; `mutex` is held.
void Batch::finish(size_t index, int rc) {
  --in_flight;
  if (is_retriable(rc)) {
    unsent.push_back(index);
    trouble = rc;
  } else if (rc == ZOK || rc == ZNONODE || rc == ZNOAUTH) {
    ++answers;
    if (rc == ZOK) set_state(index, NodeState::kFound);
    if (rc == ZNOAUTH) set_state(index, NodeState::kDenied);
  } else {
    fatal = rc;
  }
  if (needs_caller()) changed.notify_one();
}

// Runs `fill(batch, index)` for a successful answer, unless nobody wants it any more.
template <class Fill>
void on_answer(int rc, const void* data, Fill&& fill) {
  const auto [batch, index] = *static_cast<const Pending*>(data);
  const std::lock_guard lock(batch->mutex);
  if (rc == ZOK && !batch->abandoned) fill(*batch, index);
  batch->finish(index, rc);
}

void fill_version(NodeData& node, const Stat* stat) {
  if (stat == nullptr) return;
  node.version = {stat->mzxid, stat->version, stat->mtime};
  node.ephemeral = stat->ephemeralOwner != 0;
}

void on_data(int rc, const char* value, int length, const Stat* stat, const void* data) {
  on_answer(rc, data, [&](Batch& batch, size_t index) {
    NodeData& node = batch.nodes[index];
    // A node without data has the length -1.
    if (value != nullptr && length > 0) node.data.assign(value, static_cast<size_t>(length));
    fill_version(node, stat);
  });
}

void on_stat(int rc, const Stat* stat, const void* data) {
  on_answer(rc, data, [&](Batch& batch, size_t index) { fill_version(batch.nodes[index], stat); });
}

// The C client does not look whether a list of names is as long as the server says: then the others
// are null.
bool is_whole(const String_vector& names) {
  return names.count == 0 || (names.count > 0 && names.data != nullptr &&
                              std::all_of(names.data, names.data + names.count,
                                          [](const char* name) { return name != nullptr; }));
}

void on_children(int rc, const String_vector* names, const void* data) {
  if (rc == ZOK && names != nullptr && !is_whole(*names)) rc = ZMARSHALLINGERROR;
  on_answer(rc, data, [&](Batch& batch, size_t index) {
    if (names == nullptr) return;
    std::vector<std::string>& sorted = batch.children[index].names;
    sorted.assign(names->data, names->data + names->count);
    std::ranges::sort(sorted);
  });
}

void on_synced(int rc, const char*, const void* data) {
  on_answer(rc, data, [](Batch&, size_t) {});
}

int send(zhandle_t* handle, Operation operation, const char* path, const Pending* pending) {
  switch (operation) {
    case Operation::kGet:
      return zoo_aget(handle, path, 0, on_data, pending);
    case Operation::kExists:
      return zoo_aexists(handle, path, 0, on_stat, pending);
    case Operation::kChildren:
      return zoo_aget_children(handle, path, 0, on_children, pending);
    case Operation::kSync:
      return zoo_async(handle, path, on_synced, pending);
  }
  std::unreachable();
}

}  // namespace

struct ZkClient::Session {
  static ZkHandle::Config handle_config(const ZkConfig& config) {
    return {config.connect_timeout, config.login ? config.login->credential() : std::string()};
  }
  Session(ZkConfig given, const ConnectString& parsed)
      : config(std::move(given)), chroot(parsed.chroot), handle(parsed, handle_config(config)) {
    config.max_in_flight = std::clamp(config.max_in_flight, 1, kLargestWindow);
  }

  std::shared_ptr<Batch> new_batch(Operation operation, size_t size) const {
    return std::make_shared<Batch>(operation, size, config.max_in_flight);
  }
  Result<> wait_until_ready(const Deadline& deadline, const StopToken& stop);
  Result<> run(const std::shared_ptr<Batch>& batch, const std::vector<std::string>& paths,
               const StopToken& stop);
  Result<> drive(const std::shared_ptr<Batch>& batch, const std::vector<std::string>& paths,
                 const StopToken& stop);
  void send_some(const std::shared_ptr<Batch>& batch, const std::vector<std::string>& paths);

  Error unreachable(std::string_view what) const;
  Error read_only() const;
  Error expired() const;
  Error refused() const;
  Error error_of(int rc) const;

  ZkConfig config;
  const std::string chroot;
  ZkHandle handle;
};

Error ZkClient::Session::unreachable(std::string_view what) const {
  std::string message = fmt::format("ZooKeeper {}: {}", config.connect, what);
  if (const std::string trouble = handle.last_trouble(); !trouble.empty())
    message += fmt::format(" ({})", trouble);
  return {
      ErrorKind::kUnreachable, std::move(message),
      "check host names, ports and firewalls, and that a server answers: echo srvr | nc HOST PORT",
      0};
}

Error ZkClient::Session::read_only() const {
  return {ErrorKind::kUnreachable,
          fmt::format("ZooKeeper {}: the only server that answers, {}, has lost its quorum and is "
                      "read-only: the offsets it shows may be old ones",
                      config.connect, handle.current_server()),
          "bring the other servers of the ensemble back, or name them too", 0};
}

Error ZkClient::Session::expired() const {
  return {ErrorKind::kUnreachable,
          fmt::format("ZooKeeper {}: the session has expired", config.connect),
          "run the command again: kferry only reads from ZooKeeper", 0};
}

Error ZkClient::Session::refused() const {
  return {ErrorKind::kNotAuthorised,
          fmt::format("ZooKeeper {}: authentication is required or failed ({})", config.connect,
                      zerror(ZAUTHFAILED)),
          "check the login in --zookeeper-auth-file; kferry has no SASL for ZooKeeper: where the "
          "servers demand it, they must let this machine read without",
          0};
}

Error ZkClient::Session::error_of(int rc) const {
  if (rc == ZSESSIONEXPIRED || rc == ZINVALIDSTATE || rc == ZCLOSING) return expired();
  if (rc == ZAUTHFAILED || rc == ZSESSIONCLOSEDREQUIRESASLAUTH) return refused();
  return unreachable(fmt::format("reading failed: {} ({})", zerror(rc), rc));
}

// A session with a read-only server makes the C client look for a read-write one, so waiting helps.
// When it finds one while requests are in flight, it completes them as successful and without data
// (cleanup(zh, ZOK) in 3.8.0): nothing is sent to a read-only server, and drive() looks whether
// that happened all the same.
Result<> ZkClient::Session::wait_until_ready(const Deadline& deadline, const StopToken& stop) {
  SessionState state = SessionState::kConnecting;
  while (true) {
    KFERRY_CHECK(stop.check("connecting to ZooKeeper"));
    state = handle.wait_for_change(state, kSlice);
    switch (state) {
      case SessionState::kConnecting:
      case SessionState::kReadOnly:
        break;
      case SessionState::kConnected:
        return {};
      case SessionState::kExpired:
        return std::unexpected(expired());
      case SessionState::kRefused:
        return std::unexpected(refused());
      case SessionState::kUnresolved:
        return std::unexpected(unreachable("no server's host name can be resolved"));
    }
    if (!deadline.expired()) continue;
    return std::unexpected(state == SessionState::kReadOnly ? read_only()
                                                            : unreachable("no server answers"));
  }
}

// Fills the window.
void ZkClient::Session::send_some(const std::shared_ptr<Batch>& batch,
                                  const std::vector<std::string>& paths) {
  const auto window = static_cast<size_t>(config.max_in_flight);
  std::unique_lock lock(batch->mutex);
  while (batch->fatal == ZOK && !batch->unsent.empty() && batch->in_flight < window) {
    const size_t index = batch->unsent.front();
    batch->unsent.pop_front();
    ++batch->in_flight;
    const std::string& path = paths[index];
    lock.unlock();
    int rc = ZBADARGUMENTS;
    // The C client would cut the path at a NUL and read another node.
    if (path.find('\0') == std::string::npos)
      rc = send(handle.handle(), batch->operation, path.c_str(), &batch->pending[index]);
    lock.lock();
    // A path that the C client takes for impossible is that of no node.
    if (rc != ZOK) batch->finish(index, rc == ZBADARGUMENTS ? ZNONODE : rc);
  }
}

Result<> ZkClient::Session::drive(const std::shared_ptr<Batch>& batch,
                                  const std::vector<std::string>& paths, const StopToken& stop) {
  Deadline deadline = Deadline::after(config.request_timeout);
  size_t answers_before = 0;
  const int read_only_before = handle.times_read_only();
  while (true) {
    KFERRY_CHECK(stop.check("reading from ZooKeeper"));
    KFERRY_CHECK(wait_until_ready(deadline, stop));
    send_some(batch, paths);

    std::unique_lock lock(batch->mutex);
    batch->changed.wait_for(lock, kSlice, [&] { return batch->needs_caller(); });
    if (batch->fatal != ZOK) return std::unexpected(error_of(batch->fatal));
    if (batch->done() && handle.times_read_only() != read_only_before)
      return std::unexpected(read_only());
    if (batch->done()) return {};
    if (std::exchange(answers_before, batch->answers) != batch->answers) {
      deadline = Deadline::after(config.request_timeout);
    } else if (deadline.expired()) {
      const std::string why =
          batch->trouble == ZOK ? "" : fmt::format(": {}", zerror(batch->trouble));
      return std::unexpected(unreachable(
          fmt::format("no answer within {} ms{}", config.request_timeout.count(), why)));
    }
  }
}

Result<> ZkClient::Session::run(const std::shared_ptr<Batch>& batch,
                                const std::vector<std::string>& paths, const StopToken& stop) {
  Result<> result = drive(batch, paths, stop);
  if (!result) {
    handle.keep_until_closed(batch);
    const std::lock_guard lock(batch->mutex);
    batch->abandoned = true;
  }
  return result;
}

ZkClient::ZkClient(std::unique_ptr<Session> session) {
  sessions_.push_back(std::move(session));
}
ZkClient::~ZkClient() = default;
ZkClient::ZkClient(ZkClient&&) noexcept = default;
ZkClient& ZkClient::operator=(ZkClient&&) noexcept = default;

Result<std::unique_ptr<ZkClient::Session>> ZkClient::open(const ZkConfig& config,
                                                          const StopToken& stop) {
  KFERRY_TRY(const ConnectString parsed, parse_connect_string(config.connect));
  KFERRY_CHECK(stop.check("connecting to ZooKeeper"));
  auto session = std::make_unique<Session>(config, parsed);
  KFERRY_CHECK(session->wait_until_ready(Deadline::after(config.connect_timeout), stop));
  return session;
}

Result<ZkClient> ZkClient::connect(const ZkConfig& config, const StopToken& stop) {
  KFERRY_TRY(auto session, open(config, stop));
  return ZkClient(std::move(session));
}

const std::string& ZkClient::connect_string() const {
  return sessions_.front()->config.connect;
}

std::string ZkClient::login_text() const {
  const auto& login = sessions_.front()->config.login;
  return login ? fmt::format("logged in as digest user '{}'", login->user) : "not logged in";
}

std::string ZkClient::server() const {
  return sessions_.front()->handle.current_server();
}

Result<> ZkClient::sync(const StopToken& stop) {
  for (const auto& session : sessions_) {  // each may be with another server
    const auto batch = session->new_batch(Operation::kSync, 1);
    KFERRY_CHECK(session->run(batch, {"/"}, stop));
  }
  if (multi_ && !multi_->sync(stop)) multi_.reset();  // a new one begins with a sync
  return {};
}

namespace {

// Reads a slice of paths with one session.
auto read_nodes(Operation operation, const StopToken& stop) {
  return
      [operation, &stop](auto& session,
                         const std::vector<std::string>& slice) -> Result<std::vector<NodeData>> {
        const auto batch = session.new_batch(operation, slice.size());
        KFERRY_CHECK(session.run(batch, slice, stop));
        return std::move(batch->nodes);
      };
}

}  // namespace

Result<> ZkClient::open_multi(const StopToken& stop) {
  const Session& first = *sessions_.front();
  KFERRY_TRY(const auto server, wire::parse_bootstrap_servers(first.handle.current_server()));
  KFERRY_TRY(multi_, MultiReader::open(
                         server.front(),
                         {first.chroot, first.config.request_timeout,
                          first.config.login ? first.config.login->credential() : std::string()},
                         stop));
  return {};
}

template <class Read>
auto ZkClient::read_many(size_t count, const StopToken& stop, Read&& read)
    -> std::optional<decltype(read(*multi_))> {
  const bool possible = sessions_.front()->handle.state() == SessionState::kConnected;
  if (count < kWorthMultiRead || !possible) return std::nullopt;
  while (!gave_up_multi_) {
    const bool is_new = multi_ == nullptr;
    const Result<> opened = is_new ? open_multi(stop) : Result<>();
    auto nodes = opened ? read(*multi_) : std::unexpected(opened.error());
    if (nodes || nodes.error().kind == ErrorKind::kInterrupted) return nodes;
    log::debug("ZooKeeper's multiRead cannot be used", {{"error", nodes.error().message}});
    multi_.reset();
    gave_up_multi_ = is_new;  // another one may have been closed while it was idle
  }
  return std::nullopt;
}

// More sessions for a large batch. The first one reads alone where no more can be had: a server's
// maxClientCnxns is no reason to fail.
Result<> ZkClient::open_more(const StopToken& stop) {
  while (!gave_up_spreading_ && sessions_.size() <= kMoreSessions) {
    auto session = open(sessions_.front()->config, stop);
    KFERRY_CHECK(stop.check("reading from ZooKeeper"));
    const auto synced =
        session ? (*session)->run((*session)->new_batch(Operation::kSync, 1), {"/"}, stop)
                : Result<>(std::unexpected(session.error()));
    gave_up_spreading_ = !synced;
    if (synced) sessions_.push_back(std::move(*session));
  }
  return {};
}

template <class Read>
auto ZkClient::spread(const std::vector<std::string>& paths, const StopToken& stop, Read&& read)
    -> decltype(read(*sessions_.front(), paths)) {
  if (paths.size() < kWorthSpreading) return read(*sessions_.front(), paths);
  KFERRY_CHECK(open_more(stop));
  const size_t count = sessions_.size();
  std::vector<decltype(read(*sessions_.front(), paths))> parts(count);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < count; ++i) {
      const auto begin = paths.begin() + static_cast<std::ptrdiff_t>(paths.size() * i / count);
      const auto end = paths.begin() + static_cast<std::ptrdiff_t>(paths.size() * (i + 1) / count);
      threads.emplace_back([&, i, slice = std::vector<std::string>(begin, end)] {
        parts[i] = read(*sessions_[i], slice);
      });
    }
  }
  auto all = std::move(parts.front());
  for (size_t i = 1; i < count && all; ++i) {
    if (!parts[i]) return parts[i];
    std::ranges::move(*parts[i], std::back_inserter(*all));
  }
  return all;
}

Result<std::vector<NodeData>> ZkClient::get(const std::vector<std::string>& paths,
                                            const StopToken& stop) {
  const auto read = [&](MultiReader& multi) { return multi.get(paths, stop); };
  if (auto nodes = read_many(paths.size(), stop, read)) return std::move(*nodes);
  return spread(paths, stop, read_nodes(Operation::kGet, stop));
}

// multiRead knows no exists: it gets the nodes. That takes a right that exists() does without, so
// denied ones are asked for once more.
Result<std::vector<NodeData>> ZkClient::exists(const std::vector<std::string>& paths,
                                               const StopToken& stop) {
  const auto read = [&](MultiReader& multi) { return multi.get(paths, stop); };
  auto many = read_many(paths.size(), stop, read);
  if (!many) return spread(paths, stop, read_nodes(Operation::kExists, stop));
  KFERRY_TRY(std::vector<NodeData> nodes, std::move(*many));
  std::vector<std::string> denied_paths;
  std::vector<size_t> denied;
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].data.clear();
    if (nodes[i].state != NodeState::kDenied) continue;
    denied.push_back(i);
    denied_paths.push_back(paths[i]);
  }
  KFERRY_TRY(auto again, spread(denied_paths, stop, read_nodes(Operation::kExists, stop)));
  for (size_t i = 0; i < denied.size(); ++i) nodes[denied[i]] = std::move(again[i]);
  return nodes;
}

Result<std::vector<NodeChildren>> ZkClient::children(const std::vector<std::string>& paths,
                                                     const StopToken& stop) {
  const auto read = [&](MultiReader& multi) { return multi.children(paths, stop); };
  if (auto nodes = read_many(paths.size(), stop, read)) return std::move(*nodes);
  const auto batch = sessions_.front()->new_batch(Operation::kChildren, paths.size());
  KFERRY_CHECK(sessions_.front()->run(batch, paths, stop));
  return std::move(batch->children);
}

}  // namespace kferry::zkoffsets
