#include "base/small_file.h"

#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/log.h"

namespace kferry {
namespace {

constexpr size_t kMostBytes = 1024UL * 1024;

}  // namespace

Result<std::string> read_small_file(const std::string& path, std::string_view what) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad())
    return fail(ErrorKind::kUsage, fmt::format("{} '{}' cannot be read", what, path));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMostBytes)
    return fail(ErrorKind::kUsage,
                fmt::format("{} '{}' has more than {} bytes", what, path, kMostBytes));
  return text;
}

bool others_may_read(const std::string& path) {
  struct stat found = {};
  return stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) &&
         (found.st_mode & S_IROTH) != 0;
}

void warn_if_others_may_read(const std::string& path, const std::string& hint) {
  if (!others_may_read(path)) return;
  log::warn("a file with secrets can be read by every user of this machine",
            {{"file", path}, {"hint", hint}});
}

}  // namespace kferry
