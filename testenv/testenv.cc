#include "testenv/testenv.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#ifndef KFERRY_SOURCE_DIR
#error "KFERRY_SOURCE_DIR must be the path of the repository"
#endif

// The process's own environment; POSIX leaves the declaration to the program.
extern char** environ;

namespace kferry::testenv {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kToolTimeoutMs = 120'000;
constexpr const char* kClientVersion = "3.9.1";  // of the Java tools that read whole topics
constexpr int kKillTimeoutMs = 10'000;
constexpr auto kOutputPoll = std::chrono::milliseconds(20);

std::runtime_error system_error(const std::string& doing) {
  return std::runtime_error(doing + ": " + std::strerror(errno));
}

int memory_file(const char* name, std::string_view content = {}) {
  const int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) throw system_error("memfd_create");
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const auto error = system_error("writing the standard input");
      close(fd);
      throw error;
    }
    content.remove_prefix(static_cast<size_t>(written));
  }
  lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string read_all(int fd) {
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) return {};
  std::string text(static_cast<size_t>(status.st_size), '\0');
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return text;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!additions.contains(std::string(text.substr(0, text.find('='))))) merged.emplace_back(text);
  }
  for (const auto& [name, value] : additions) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (auto& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

struct ChildFiles {
  int in;
  int out;
  int err;
  int failure;  // close-on-exec: the parent reads errno from it, or its end once exec has worked
};

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* argv, char* const* environment, const char* directory,
                         const ChildFiles& files) {
  // The write end is moved out of the way of 0, 1 and 2, and survives until exec.
  const int failure = fcntl(files.failure, F_DUPFD_CLOEXEC, 3);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const bool ready = dup2(files.in, 0) == 0 && dup2(files.out, 1) == 1 && dup2(files.err, 2) == 2 &&
                     (*directory == '\0' || chdir(directory) == 0);
  if (ready) {
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    execvpe(argv[0], argv, environment);
  }
  const int error = errno;
  // If even this fails, the exit code says it.
  [[maybe_unused]] const ssize_t written = write(failure, &error, sizeof error);
  _exit(127);
}

ProcessResult to_result(int status) {
  ProcessResult result;
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

std::string tool(const char* name) {
  return (std::filesystem::path(KFERRY_SOURCE_DIR) / "testenv" / name).string();
}

std::string run_tool(const char* name, std::vector<std::string> arguments,
                     const ProcessOptions& options) {
  arguments.insert(arguments.begin(), tool(name));
  ProcessResult result = run_process(std::move(arguments), options);
  if (result.exit_code == 0) return std::move(result.out);
  std::string why = result.timed_out ? " (no end in time)" : "";
  throw std::runtime_error(std::string("testenv/") + name + " failed" + why + ": " + result.err);
}

const char* to_string(Side side) {
  return side == Side::source ? "source" : "target";
}

std::string cluster_id(const nlohmann::json& environment, Side side) {
  const auto& value = environment.at(to_string(side)).at("cluster_id");
  return value.is_null() ? std::string() : value.get<std::string>();
}

void add_settings(std::vector<std::string>& arguments, const char* option,
                  const std::map<std::string, std::string>& settings) {
  for (const auto& [key, value] : settings) {
    arguments.emplace_back(option);
    arguments.push_back(key + "=" + value);
  }
}

void add_advertised(std::vector<std::string>& arguments, const char* option,
                    const std::map<int, std::string>& addresses) {
  for (const auto& [id, address] : addresses) {
    arguments.emplace_back(option);
    arguments.push_back(std::to_string(id) + "=" + address);
  }
}

std::vector<std::string> up_arguments(const Options& options) {
  std::vector<std::string> arguments = {"--owner-pid",
                                        std::to_string(getpid()),
                                        "--source",
                                        options.source.empty() ? "none" : options.source,
                                        "--source-brokers",
                                        std::to_string(options.source_brokers),
                                        "--zookeeper-servers",
                                        std::to_string(options.zookeeper_servers),
                                        "--chroot",
                                        options.chroot};
  if (options.zookeeper_only) arguments.emplace_back("--no-kafka");
  if (!options.target.empty()) {
    arguments.insert(arguments.end(), {"--target", options.target, "--target-brokers",
                                       std::to_string(options.target_brokers)});
  }
  add_settings(arguments, "--set", options.source_settings);
  add_settings(arguments, "--target-set", options.target_settings);
  add_advertised(arguments, "--advertise", options.advertise);
  add_advertised(arguments, "--target-advertise", options.target_advertise);
  arguments.insert(arguments.end(), options.more_arguments.begin(), options.more_arguments.end());
  return arguments;
}

}  // namespace

// --- ChildProcess ---

ChildProcess::ChildProcess(std::vector<std::string> argv, const ProcessOptions& options) {
  if (argv.empty()) throw std::runtime_error("no program to run");
  auto environment = merged_environment(options.environment);
  const auto argv_pointers = pointers(argv);
  const auto environment_pointers = pointers(environment);
  const std::string directory = options.working_directory.string();
  std::array<int, 2> failure{};
  if (pipe2(failure.data(), O_CLOEXEC) != 0) throw system_error("pipe2");
  const int in_fd = memory_file("stdin", options.standard_input);
  out_fd_ = memory_file("stdout");
  err_fd_ = memory_file("stderr");

  pid_ = fork();
  if (pid_ == 0) {
    become(argv_pointers.data(), environment_pointers.data(), directory.c_str(),
           {in_fd, out_fd_, err_fd_, failure[1]});
  }
  const int fork_error = errno;
  close(in_fd);
  close(failure[1]);
  int error = pid_ < 0 ? fork_error : 0;
  if (pid_ > 0 && read(failure[0], &error, sizeof error) != sizeof error) error = 0;
  close(failure[0]);
  if (error != 0) {
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    close_all();
    errno = error;
    throw system_error("running " + argv.front());
  }
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
}

ChildProcess::~ChildProcess() {
  send_signal(SIGKILL);
  if (pid_ > 0 && !result_) waitpid(pid_, nullptr, 0);
  close_all();
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pid_fd_(std::exchange(other.pid_fd_, -1)),
      out_fd_(std::exchange(other.out_fd_, -1)),
      err_fd_(std::exchange(other.err_fd_, -1)),
      result_(std::move(other.result_)) {}

void ChildProcess::close_all() {
  for (int* fd : {&pid_fd_, &out_fd_, &err_fd_}) {
    if (*fd >= 0) close(std::exchange(*fd, -1));
  }
}

void ChildProcess::send_signal(int signal) {
  if (!result_ && pid_ > 0) ::kill(pid_, signal);
}

std::optional<ProcessResult> ChildProcess::wait(int timeout_ms) {
  if (result_) return result_;
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  pollfd ended{pid_fd_, POLLIN, 0};
  int left_ms = timeout_ms;
  while (poll(&ended, 1, left_ms) < 0 && errno == EINTR) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    left_ms = std::max(0, static_cast<int>(left.count()));
  }
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  result_ = to_result(status);
  result_->out = out();
  result_->err = err();
  return result_;
}

ProcessResult ChildProcess::kill() {
  send_signal(SIGKILL);
  if (auto result = wait(kKillTimeoutMs)) return *result;
  throw std::runtime_error("process " + std::to_string(pid_) + " does not end after SIGKILL");
}

std::string ChildProcess::out() const {
  return read_all(out_fd_);
}

std::string ChildProcess::err() const {
  return read_all(err_fd_);
}

bool ChildProcess::wait_for_output(std::string_view text, int timeout_ms) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    // In this order: what it wrote before it ended must be seen.
    const bool ended = wait(0).has_value();
    if (out().find(text) != std::string::npos || err().find(text) != std::string::npos) return true;
    if (ended || Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kOutputPoll);
  }
}

ProcessResult run_process(std::vector<std::string> argv, const ProcessOptions& options) {
  ChildProcess child(std::move(argv), options);
  if (auto result = child.wait(options.timeout_ms)) return *result;
  ProcessResult result = child.kill();
  result.timed_out = true;
  return result;
}

// --- Programs ---

std::filesystem::path kferry_binary() {
  if (const char* given = std::getenv("KFERRY_BINARY"); given != nullptr && *given != '\0') {
    return given;
  }
#ifdef KFERRY_BINARY
  return KFERRY_BINARY;
#else
  throw std::runtime_error("KFERRY_BINARY is neither compiled in nor in the environment");
#endif
}

ProcessResult run_kferry(std::vector<std::string> arguments, const ProcessOptions& options) {
  arguments.insert(arguments.begin(), kferry_binary().string());
  return run_process(std::move(arguments), options);
}

std::vector<std::string> java_command(const std::string& tool_name,
                                      const std::filesystem::path& jars_dir,
                                      std::vector<std::string> arguments) {
  const std::string source = tool(("java/" + tool_name + ".java").c_str());
  const std::string log4j = tool("java/log4j.properties");
  std::vector<std::string> argv = {"java",
                                   "-XX:TieredStopAtLevel=1",
                                   "-XX:+UseSerialGC",
                                   "-Dlog4j.configuration=file:" + log4j,
                                   "-cp",
                                   (jars_dir / "*").string(),
                                   source};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

ProcessResult run_java(const std::string& tool_name, const std::filesystem::path& jars_dir,
                       std::vector<std::string> arguments, const ProcessOptions& options) {
  return run_process(java_command(tool_name, jars_dir, std::move(arguments)), options);
}

std::filesystem::path jars_dir(const std::string& version) {
  std::string out = run_tool("jars", {version}, {.timeout_ms = 900'000});
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

// --- Environment ---

Environment Environment::start(const Options& options) {
  return Environment(nlohmann::json::parse(
      run_tool("up", up_arguments(options), {.timeout_ms = options.timeout_ms})));
}

Environment::Environment(Environment&& other) noexcept
    : json_(std::exchange(other.json_, nlohmann::json())) {}

Environment::~Environment() {
  try {
    stop();
  } catch (const std::exception&) {
    // The supervisor ends it all when the test binary ends.
  }
}

void Environment::stop() {
  if (json_.is_null()) return;
  const std::string folder = dir().string();
  json_ = nlohmann::json();
  run_tool("down", {"--dir", folder}, {.timeout_ms = kToolTimeoutMs});
}

std::string Environment::zookeeper_connect() const {
  return json_.at("zookeeper").at("connect");
}

std::string Environment::bootstrap_servers(Side side) const {
  return json_.at(to_string(side)).at("bootstrap_servers");
}

std::string Environment::target_bootstrap_servers() const {
  return bootstrap_servers(Side::target);
}

std::string Environment::source_cluster_id() const {
  return cluster_id(json_, Side::source);
}

std::string Environment::target_cluster_id() const {
  return cluster_id(json_, Side::target);
}

std::filesystem::path Environment::jars_dir(Side side) const {
  return json_.at(to_string(side)).at("jars").get<std::string>();
}

std::filesystem::path Environment::dir() const {
  return json_.at("dir").get<std::string>();
}

nlohmann::json Environment::workload(const nlohmann::json& spec, Side side) {
  return nlohmann::json::parse(run_tool("workload",
                                        {"--dir", dir().string(), "--side", to_string(side), "-"},
                                        {.standard_input = spec.dump(), .timeout_ms = 600'000}));
}

nlohmann::json Environment::load(std::vector<std::string> arguments, Side side) {
  arguments.insert(arguments.begin(), {"--dir", dir().string(), "--side", to_string(side)});
  return nlohmann::json::parse(run_tool("load", std::move(arguments), {.timeout_ms = 900'000}));
}

nlohmann::json Environment::compare_topics(const std::string& topics,
                                           std::vector<std::string> more) {
  more.insert(more.begin(), {"--source", bootstrap_servers(), "--target",
                             target_bootstrap_servers(), "--topics", topics});
  const ProcessResult done = run_java("CompareTopics", testenv::jars_dir(kClientVersion),
                                      std::move(more), {.timeout_ms = 600'000});
  if (done.exit_code == 0 || done.exit_code == 3) return nlohmann::json::parse(done.out);
  throw std::runtime_error("CompareTopics of " + topics + " failed: " + done.err);
}

pid_t Environment::start_mm2(const Mm2Options& options) {
  std::vector<std::string> arguments = {"--dir",        dir().string(), "start",
                                        "--name",       options.name,   "--topics",
                                        options.topics, "--groups",     options.groups};
  if (options.identity) arguments.emplace_back("--identity");
  if (options.tuned) arguments.emplace_back("--tuned");
  if (!options.properties.empty())
    arguments.insert(arguments.end(), {"--properties", options.properties.string()});
  add_settings(arguments, "--set", options.settings);
  const auto started =
      nlohmann::json::parse(run_tool("mm2", std::move(arguments), {.timeout_ms = kToolTimeoutMs}));
  return started.at("pid").get<pid_t>();
}

void Environment::mm2(std::string_view action, const std::string& name) {
  run_tool("mm2", {"--dir", dir().string(), std::string(action), "--name", name},
           {.timeout_ms = kToolTimeoutMs});
}

void Environment::broker(std::string_view action, int id, Side side) {
  run_tool("broker",
           {"--dir", dir().string(), std::string(action), "--id", std::to_string(id), "--side",
            to_string(side)},
           {.timeout_ms = kToolTimeoutMs});
}

void Environment::upgrade_broker(int id, const std::string& version, Side side) {
  broker("stop", id, side);
  run_tool("broker",
           {"--dir", dir().string(), "start", "--id", std::to_string(id), "--side", to_string(side),
            "--version", version},
           {.timeout_ms = kToolTimeoutMs});
}

void Environment::zookeeper(std::string_view action, int id) {
  run_tool(
      "broker",
      {"--dir", dir().string(), std::string(action), "--id", std::to_string(id), "--zookeeper"},
      {.timeout_ms = kToolTimeoutMs});
}

}  // namespace kferry::testenv
