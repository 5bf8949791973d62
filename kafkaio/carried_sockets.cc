#include "kafkaio/carried_sockets.h"

#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

namespace kferry::kafkaio {

CarriedSockets::~CarriedSockets() {
  stop_.request_stop();
  for (Carried& one : carried_) one.thread.join();
  for (const auto& [socket, far_end] : far_ends_) ::close(far_end);
}

int CarriedSockets::open() {
  std::array<int, 2> ends{-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return -1;
  const std::lock_guard lock(mutex_);
  far_ends_[ends[0]] = ends[1];
  return ends[0];
}

int CarriedSockets::connect(int socket, const std::string& broker) {
  const std::lock_guard lock(mutex_);
  const auto found = far_ends_.extract(socket);
  if (found.empty()) return EBADF;
  join_those_that_are_over();
  Carried& one = carried_.emplace_back();
  one.thread = std::thread(&CarriedSockets::carry, this, found.mapped(), broker, std::ref(one));
  return 0;
}

int CarriedSockets::close(int socket) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = far_ends_.extract(socket); !found.empty()) ::close(found.mapped());
  }
  return ::close(socket);
}

std::optional<Error> CarriedSockets::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void CarriedSockets::carry(int far_end, const std::string& broker, Carried& self) {
  const auto carried = carrier_(broker, far_end, stop_);
  {
    const std::lock_guard lock(mutex_);
    trouble_ = carried ? std::nullopt : std::optional(carried.error());
  }
  if (!carried && !stop_.stop_requested())
    log::debug(carried.error().message, {{"librdkafka", "connect"}, {"broker", broker}});
  self.over = true;
}

void CarriedSockets::join_those_that_are_over() {
  for (auto one = carried_.begin(); one != carried_.end();) {
    if (!one->over) {
      ++one;
      continue;
    }
    one->thread.join();
    one = carried_.erase(one);
  }
}

}  // namespace kferry::kafkaio
