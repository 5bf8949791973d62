// Real servers and real child processes for the tests.
//
// `Environment` runs `testenv/up` (see testenv/README.md for every option and for the workload
// spec); `ChildProcess` and `run_process` run the kferry binary and the Java tools. Nothing
// outlives the test binary: the environment's supervisor watches its pid, and children are killed
// by the kernel when the thread that started them ends.
//
// Errors are std::runtime_error with what the tool said. An object is used by one thread at a time.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kferry::testenv {

struct ProcessOptions {
  std::map<std::string, std::string> environment = {};  // added to, or replacing, the test's own
  std::string standard_input = {};
  int timeout_ms = 60'000;                       // run_process() only: then SIGKILL
  std::filesystem::path working_directory = {};  // empty: the test's own
};

struct ProcessResult {
  int exit_code = -1;  // -1 when a signal ended the process
  int signal = 0;      // 0 when it exited
  bool timed_out = false;
  std::string out = {};
  std::string err = {};
};

// A running child. Its output goes to memory files, so it never blocks on a full pipe. The
// destructor kills and reaps it.
class ChildProcess {
 public:
  // Throws when the program cannot be executed. argv[0] is looked up in PATH.
  explicit ChildProcess(std::vector<std::string> argv, const ProcessOptions& options = {});
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Sends a signal; does nothing when the process has been waited for.
  void send_signal(int signal);
  // The result, or nothing when it still runs after `timeout_ms` (0: just a look).
  [[nodiscard]] std::optional<ProcessResult> wait(int timeout_ms);
  // SIGKILL, then the result.
  ProcessResult kill();
  // Everything written so far.
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  // Until stdout or stderr contains `text`; false when the time is over or the process ended
  // without it.
  [[nodiscard]] bool wait_for_output(std::string_view text, int timeout_ms);

 private:
  void close_all();

  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  std::optional<ProcessResult> result_;
};

ProcessResult run_process(std::vector<std::string> argv, const ProcessOptions& options = {});

// The kferry binary of this build (the variable KFERRY_BINARY in the environment takes precedence),
// and a run of it with `arguments` (without argv[0]).
std::filesystem::path kferry_binary();
ProcessResult run_kferry(std::vector<std::string> arguments, const ProcessOptions& options = {});

// Runs testenv/java/<tool>.java with the jars in `jars_dir` and returns its result.
ProcessResult run_java(const std::string& tool, const std::filesystem::path& jars_dir,
                       std::vector<std::string> arguments, const ProcessOptions& options = {});
// The same as an argv, for a ChildProcess.
std::vector<std::string> java_command(const std::string& tool,
                                      const std::filesystem::path& jars_dir,
                                      std::vector<std::string> arguments);

// The folder with the jars of a Kafka version; fetches them when they are not cached yet.
std::filesystem::path jars_dir(const std::string& version);

enum class Side { source, target };

// What `testenv/up` takes. An empty version means: no such cluster.
struct Options {
  std::string source = "3.9.1";
  int source_brokers = 1;
  std::map<std::string, std::string> source_settings = {};  // broker properties
  std::map<int, std::string> advertise = {};                // source broker id -> "host:port"
  std::string target = {};
  int target_brokers = 1;
  std::map<std::string, std::string> target_settings = {};
  std::map<int, std::string> target_advertise = {};
  bool zookeeper_only = false;  // starts no source brokers, whatever `source` says
  int zookeeper_servers = 1;
  std::string chroot = {};                       // such as "/kafka"
  std::vector<std::string> more_arguments = {};  // to testenv/up, as they are
  int timeout_ms = 240'000;
};

// What `testenv/mm2` takes.
struct Mm2Options {
  std::string topics = ".*";
  std::string groups = ".*";
  bool identity = false;  // the same topic names on both sides; else "source.<topic>"
  bool tuned = false;
  std::map<std::string, std::string> settings = {};  // of mm2.properties
  std::string name = "mm2";                          // several may run side by side
  std::filesystem::path properties = {};             // this file as it is, without all of these
};

class Environment {
 public:
  static Environment start(const Options& options = {});
  ~Environment();
  Environment(Environment&& other) noexcept;
  Environment& operator=(Environment&&) = delete;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // "127.0.0.1:P1,127.0.0.1:P2/chroot".
  [[nodiscard]] std::string zookeeper_connect() const;
  [[nodiscard]] std::string bootstrap_servers(Side side = Side::source) const;
  [[nodiscard]] std::string target_bootstrap_servers() const;
  // Empty where the version has none (before 0.10.1).
  [[nodiscard]] std::string source_cluster_id() const;
  [[nodiscard]] std::string target_cluster_id() const;
  [[nodiscard]] std::filesystem::path jars_dir(Side side = Side::source) const;
  [[nodiscard]] std::filesystem::path dir() const;
  // All of it, as README.md describes it.
  [[nodiscard]] const nlohmann::json& json() const { return json_; }

  // Loads a workload; returns the tool's counts.
  nlohmann::json workload(const nlohmann::json& spec, Side side = Side::source);
  // Many records in batches of a given shape (testenv/load's options); returns its summary.
  nlohmann::json load(std::vector<std::string> arguments, Side side = Side::source);
  // Does a Java consumer see the same on both sides? CompareTopics' summary; `topics` is a regular
  // expression, `more` its other options ("--identity", ...).
  nlohmann::json compare_topics(const std::string& topics, std::vector<std::string> more = {});
  // Starts a real MirrorMaker 2 from source to target; returns its pid once it runs, which is long
  // before it copies.
  pid_t start_mm2(const Mm2Options& options = {});
  // `action`: stop, kill, pause, resume. Returns when it has taken effect.
  void mm2(std::string_view action, const std::string& name = "mm2");
  // `action`: stop, kill, start, pause, resume. Returns when it has taken effect.
  void broker(std::string_view action, int id, Side side = Side::source);
  // The same for a ZooKeeper server; ids start at 1.
  void zookeeper(std::string_view action, int id = 1);
  // Stops a broker and starts it again in another version of Kafka, on the same log folder.
  void upgrade_broker(int id, const std::string& version, Side side = Side::source);
  // Ends all servers and removes the folder. Once; the destructor does it too, without throwing.
  void stop();

 private:
  explicit Environment(nlohmann::json json) : json_(std::move(json)) {}

  nlohmann::json json_;  // null once stopped or moved from
};

}  // namespace kferry::testenv
