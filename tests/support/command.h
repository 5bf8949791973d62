// Runs a child process to its end.
#pragma once

#include <string>

namespace kferry::test {

struct CommandResult {
  int exit_code = -1;  // -1: it could not be started, or a signal ended it
  std::string output;  // stdout; stderr goes to ours
};

// `command` is for sh.
CommandResult run_command(const std::string& command);

// `text` as one word of an sh command.
std::string shell_quote(const std::string& text);

// A file of its own under the temporary directory, gone with this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content = {});
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace kferry::test
