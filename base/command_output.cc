#include "base/command_output.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace kferry {
namespace {

constexpr size_t kMostBytes = 64UL * 1024;
constexpr int kSliceMs = 100;  // how often the stop token is looked at

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

// A child in a process group of its own, which ends with this object.
class Child {
 public:
  Child() = default;
  ~Child() {
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    reap();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool start(const std::string& command, int output) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::array<std::string, 3> words{"sh", "-c", command};
    const std::array<char*, 4> argv{words[0].data(), words[1].data(), words[2].data(), nullptr};
    const int error = posix_spawn(&pid_, "/bin/sh", &files, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) pid_ = -1;
    return error == 0;
  }

  // Its status as waitpid() gives it.
  int reap() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
};

// Until the child closes its output.
Result<std::string> read_all(int from, const std::string& what, const Wait& wait) {
  std::string text;
  for (;;) {
    KFERRY_CHECK(wait.stop().check(fmt::format("running {}", what)));
    if (wait.deadline().expired())
      return fail(ErrorKind::kFailed, fmt::format("{} did not end in time", what));
    pollfd one{from, POLLIN, 0};
    if (poll(&one, 1, kSliceMs) <= 0) continue;
    std::array<char, 4096> buffer{};
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > kMostBytes)
      return fail(ErrorKind::kFailed, fmt::format("{} says more than {} bytes", what, kMostBytes));
  }
}

}  // namespace

Result<std::string> command_output(const std::string& command, const std::string& what,
                                   const Wait& wait) {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(ErrorKind::kFailed, fmt::format("{} cannot be run: no pipe", what));
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  Child child;
  if (!child.start(command, writing.get()))
    return fail(ErrorKind::kFailed, fmt::format("{} cannot be run: no process", what));
  writing.close();
  KFERRY_TRY(std::string text, read_all(reading.get(), what, wait));
  const int status = child.reap();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(ErrorKind::kFailed,
                WIFEXITED(status)
                    ? fmt::format("{} failed with exit code {}", what, WEXITSTATUS(status))
                    : fmt::format("{} was ended by signal {}", what, WTERMSIG(status)),
                "run it by hand as the user that kferry runs as");
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return fail(ErrorKind::kFailed, fmt::format("{} says nothing", what));
  return text;
}

}  // namespace kferry
