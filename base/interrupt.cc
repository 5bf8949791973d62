#include "base/interrupt.h"

#include <csignal>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

namespace kferry {

bool StopToken::sleep_for(Duration duration) const {
  const Deadline deadline = Deadline::after(duration);
  while (!stop_requested()) {
    const Duration left = deadline.remaining();
    if (left.count() == 0) return true;
    std::this_thread::sleep_for(std::min(left, Duration(100)));
  }
  return false;
}

Result<> StopToken::check(std::string_view doing) const {
  if (!stop_requested()) return {};
  return fail(ErrorKind::kInterrupted, fmt::format("interrupted while {}", doing));
}

Wait Wait::uninterruptible(Duration duration) {
  static const StopToken never;
  return Wait(Deadline::after(duration), never);
}

namespace {

// A signal handler can only reach a global.
std::atomic<StopToken*> signal_token{nullptr};

void on_signal(int) {
  StopToken* const token = signal_token.load();
  if (token == nullptr || token->stop_requested()) _exit(130);
  token->request_stop();
}

}  // namespace

void stop_on_signals(StopToken& token) {
  signal_token.store(&token);
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace kferry
