#include "zkoffsets/zk_carrier.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/connection.h"
#include "zkoffsets/dialogue.h"
#include "zkoffsets/jute.h"

namespace kferry::zkoffsets {
namespace {

// The C client has one at a time, and closes it before it opens another.
constexpr size_t kMostConnections = 8;
constexpr int kBacklog = 8;
constexpr size_t kLengthBytes = 4;
constexpr std::string_view kIsReadOnly = "isro";

// Cuts what comes into frames, with their lengths.
class Frames {
 public:
  // Those that are whole now; nullopt: a length that is none.
  std::optional<std::vector<std::string>> take(std::string_view bytes) {
    rest_ += bytes;
    std::vector<std::string> whole;
    size_t begin = 0;
    while (rest_.size() - begin >= kLengthBytes) {
      const auto length = JuteReader(std::string_view(rest_).substr(begin)).number<int32_t>();
      if (length < 0 || length > wire::Connection::kMaxFrameBytes) return std::nullopt;
      const size_t size = kLengthBytes + static_cast<size_t>(length);
      if (rest_.size() - begin < size) break;
      whole.push_back(rest_.substr(begin, size));
      begin += size;
    }
    rest_.erase(0, begin);
    return whole;
  }

 private:
  std::string rest_;
};

// Lets whole frames pass, those of the server if they are answers. And the word by which a client
// of a read-only server looks for another one, on a connection of its own; it reads 10 bytes at
// most.
class Censor : public wire::Inspector {
 public:
  std::optional<std::string> from_here(std::string_view bytes) override {
    if (std::exchange(begun_, true) ? asks_whether_read_only_ : bytes == kIsReadOnly) {
      asks_whether_read_only_ = true;
      return std::string(bytes);
    }
    return pass(requests_, bytes, [this](std::string_view frame) {
      dialogue_.ask(frame);
      return std::string_view();
    });
  }
  std::optional<std::string> from_peer(std::string_view bytes) override {
    if (asks_whether_read_only_) return std::string(bytes);
    return pass(answers_, bytes,
                [this](std::string_view frame) { return dialogue_.check_answer(frame); });
  }
  // What was wrong; empty: nothing.
  std::string_view wrong() const { return wrong_; }

 private:
  template <class Look>
  std::optional<std::string> pass(Frames& frames, std::string_view bytes, Look look) {
    const auto whole = frames.take(bytes);
    if (!whole) wrong_ = "a length that is none";
    std::string passed;
    for (size_t i = 0; whole && i < whole->size() && wrong_.empty(); ++i) {
      wrong_ = look(std::string_view((*whole)[i]).substr(kLengthBytes));
      passed += (*whole)[i];
    }
    if (!wrong_.empty()) return std::nullopt;
    return passed;
  }

  bool begun_ = false;
  bool asks_whether_read_only_ = false;
  Frames requests_;
  Frames answers_;
  Dialogue dialogue_;
  std::string_view wrong_;
};

std::unexpected<Error> no_port() {
  return fail(ErrorKind::kFailed,
              fmt::format("no port on 127.0.0.1 can be listened on: {}", std::strerror(errno)),
              "check the limit of open files: ulimit -n");
}

}  // namespace

Result<std::unique_ptr<ZkCarrier>> ZkCarrier::open(const std::vector<wire::Address>& servers,
                                                   Duration connect_timeout) {
  std::unique_ptr<ZkCarrier> carrier(new ZkCarrier(connect_timeout));
  for (const wire::Address& server : servers) KFERRY_CHECK(carrier->add_port(server));
  carrier->acceptor_ = std::thread(&ZkCarrier::accept_all, carrier.get());
  return carrier;
}

Result<> ZkCarrier::add_port(const wire::Address& server) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return no_port();
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  const bool listens = bind(listener, any, size) == 0 && listen(listener, kBacklog) == 0 &&
                       getsockname(listener, any, &size) == 0;
  ports_.push_back({listener, {"127.0.0.1", ntohs(address.sin_port)}, server});
  return listens ? Result<>() : no_port();
}

// A listening socket that is shut down wakes whoever waits for it.
ZkCarrier::~ZkCarrier() {
  stop_.request_stop();
  for (const Port& port : ports_) shutdown(port.listener, SHUT_RDWR);
  if (acceptor_.joinable()) acceptor_.join();
  for (Carried& one : carried_) one.thread.join();
  for (const Port& port : ports_) close(port.listener);
}

void ZkCarrier::accept_all() {
  std::vector<pollfd> waiting;
  for (const Port& port : ports_) waiting.push_back({port.listener, POLLIN, 0});
  while (!stop_.stop_requested()) {
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    for (size_t i = 0; i < ports_.size() && !stop_.stop_requested(); ++i)
      if (waiting[i].revents != 0) accept_one(ports_[i]);
  }
}

void ZkCarrier::accept_one(const Port& port) {
  const int socket = accept4(port.listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (socket < 0) return;
  for (auto one = carried_.begin(); one != carried_.end();) {
    const auto next = std::next(one);
    if (one->over) {
      one->thread.join();
      carried_.erase(one);
    }
    one = next;
  }
  if (carried_.size() >= kMostConnections) {
    close(socket);
    return;
  }
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Carried& one = carried_.emplace_back();
  one.thread = std::thread(&ZkCarrier::carry, this, socket, std::cref(port.server), std::ref(one));
}

void ZkCarrier::carry(int socket, const wire::Address& server, Carried& self) {
  auto connection = wire::Connection::open(server, Wait(Deadline::after(connect_timeout_), stop_));
  if (connection) {
    // The C client comes again at once, before anybody can be told what was wrong.
    if (!wrong_answer_) say("");
    Censor censor;
    connection->carry(socket, stop_, &censor);
    wrong_answer_ = !censor.wrong().empty();
    if (wrong_answer_)
      say(fmt::format("{} is no ZooKeeper server, or a broken one: {}", to_string(server),
                      censor.wrong()));
  } else {
    close(socket);
    std::string_view message = connection.error().message;
    if (message.starts_with("broker ")) message.remove_prefix(std::strlen("broker "));
    say(std::string(message));
  }
  self.over = true;
}

void ZkCarrier::say(std::string trouble) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

std::string ZkCarrier::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

std::string ZkCarrier::connect_string() const {
  std::string all;
  for (const Port& port : ports_) all += (all.empty() ? "" : ",") + to_string(port.local);
  return all;
}

std::string ZkCarrier::server_of(const std::string& local) const {
  const auto found = std::ranges::find_if(
      ports_, [&](const Port& port) { return to_string(port.local) == local; });
  return found == ports_.end() ? "" : to_string(found->server);
}

}  // namespace kferry::zkoffsets
