#include "cli/hook.h"

#include <csignal>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/interrupt.h"

extern char** environ;

namespace kferry::cli {
namespace {

constexpr Duration kLook{20};

std::vector<std::string> environment(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> all;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string text = *one;
    if (!variables.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : variables) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// In a process group of its own, so that it ends as a whole; stdout belongs to kferry's result.
Result<pid_t> start(const std::string& command,
                    const std::map<std::string, std::string>& variables) {
  std::vector<std::string> arguments{"/bin/sh", "-c", command};
  std::vector<std::string> texts = environment(variables);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, "/bin/sh", &actions, &attributes, pointers(arguments).data(),
                                pointers(texts).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return fail(ErrorKind::kFailed,
                fmt::format("--hook: cannot start it: {}", std::strerror(error)));
  return pid;
}

}  // namespace

Result<> run_hook(const std::string& command, const std::map<std::string, std::string>& variables,
                  Duration at_most) {
  KFERRY_TRY(const pid_t pid, start(command, variables));
  const StopToken never;
  int status = 0;
  for (const Deadline deadline = Deadline::after(at_most); waitpid(pid, &status, WNOHANG) == 0;) {
    if (deadline.expired()) {
      kill(-pid, SIGKILL);
      waitpid(pid, &status, 0);
      return fail(ErrorKind::kFailed,
                  fmt::format("--hook: ended after {} s without an end", at_most.count() / 1000));
    }
    never.sleep_for(kLook);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorKind::kFailed,
              WIFEXITED(status) ? fmt::format("--hook: exit code {}", WEXITSTATUS(status))
                                : fmt::format("--hook: ended by signal {}", WTERMSIG(status)));
}

}  // namespace kferry::cli
