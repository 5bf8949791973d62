#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify/report_json.h"

namespace kferry::verify {
namespace {

std::unexpected<Error> cannot(std::string_view doing, const std::string& path, int error_number) {
  return fail(ErrorKind::kFailed,
              fmt::format("{} {}: {}", doing, path, std::strerror(error_number)),
              "give a path that can be written to, or make room");
}

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return fd_ >= 0; }
  // These return 0 or errno.
  int write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return errno;
      text.remove_prefix(static_cast<size_t>(written));
    }
    return 0;
  }
  int sync() { return ::fsync(fd_) == 0 ? 0 : errno; }
  // Network file systems tell of a full disk only here.
  int close() { return ::close(std::exchange(fd_, -1)) == 0 ? 0 : errno; }

 private:
  int fd_;
};

// Removes the temporary file unless it has become the real one.
class TemporaryName {
 public:
  explicit TemporaryName(std::string name) : name_(std::move(name)) {}
  ~TemporaryName() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;

  int become(const std::string& path) {
    if (::rename(name_.c_str(), path.c_str()) != 0) return errno;
    name_.clear();
    return 0;
  }

 private:
  std::string name_;
};

// A name of its own per process and attempt: what a killed process left behind is not in the way.
std::string temporary_name(const std::string& path, int attempt) {
  return fmt::format("{}.{}.{}.tmp", path, ::getpid(), attempt);
}

Result<> write_in_place(const std::string& path, const std::string& text) {
  File file(path, O_WRONLY);
  if (!file.is_open()) return cannot("opening", path, errno);
  if (const int error = file.write(text)) return cannot("writing", path, error);
  if (const int error = file.close()) return cannot("writing", path, error);
  return {};
}

Result<> sync_folder_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent;
  File file(folder, O_RDONLY | O_DIRECTORY);
  if (!file.is_open()) return cannot("opening", folder, errno);
  if (const int error = file.sync()) return cannot("writing the folder", folder, error);
  return {};
}

Result<> replace(const std::string& path, const std::string& text) {
  int attempt = 0;
  constexpr int kAttempts = 100;
  for (; attempt < kAttempts; ++attempt) {
    const std::string name = temporary_name(path, attempt);
    File file(name, O_WRONLY | O_CREAT | O_EXCL);
    if (!file.is_open() && errno == EEXIST) continue;
    if (!file.is_open()) return cannot("creating", name, errno);
    TemporaryName temporary(name);
    if (const int error = file.write(text)) return cannot("writing", path, error);
    if (const int error = file.sync()) return cannot("writing", path, error);
    if (const int error = file.close()) return cannot("writing", path, error);
    if (const int error = temporary.become(path)) return cannot("creating", path, error);
    return sync_folder_of(path);
  }
  return cannot("creating a temporary file next to", path, EEXIST);
}

}  // namespace

Result<> write_file_atomically(const std::string& path, const std::string& text) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return replace(path, text);
  if (S_ISDIR(status.st_mode)) return cannot("writing", path, EISDIR);
  if (!S_ISREG(status.st_mode)) return write_in_place(path, text);
  // Behind a symbolic link it is the file that is replaced, not the link.
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return replace(error ? path : real.string(), text);
}

}  // namespace kferry::verify
