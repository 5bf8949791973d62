#include "cli/handoff_reports.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "base/log.h"
#include "cli/session.h"
#include "verify/report_json.h"

namespace kferry::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 10'000;
constexpr uintmax_t kMostBytes = 512UL * 1024 * 1024;  // some 2 million partitions

// Reports name their schema in the first line; plans and the reports of other verbs have another.
bool looks_like_a_report(const fs::path& path) {
  std::string head(4096, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  return head.find(verify::DiffReport::kSchema) != std::string::npos;
}

// The reports of a folder, by name.
Result<std::vector<fs::path>> reports_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  size_t files = 0;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    if (entry->path().extension() != ".json" || !entry->is_regular_file()) continue;
    if (++files > kMostFiles)
      return fail(ErrorKind::kUsage,
                  fmt::format("--reports '{}': more than {} files", folder.string(), kMostFiles),
                  "name a folder with the reports alone");
    if (looks_like_a_report(entry->path()))
      found.push_back(entry->path());
    else
      log::warn("passed over: no diff report", {{"file", entry->path().string()}});
  }
  if (error)
    return fail(ErrorKind::kUsage,
                fmt::format("--reports '{}' cannot be read: {}", folder.string(), error.message()));
  std::ranges::sort(found);
  return found;
}

Result<verify::CollectedReport> read_report(const fs::path& path) {
  std::error_code error;
  const uintmax_t bytes = fs::file_size(path, error);
  if (!error && bytes > kMostBytes)
    return fail(ErrorKind::kUsage, fmt::format("--reports '{}': {} bytes are too many for a report",
                                               path.string(), bytes));
  KFERRY_TRY(const std::string text, read_file(path.string(), "--reports"));
  auto report = verify::parse_report(text);
  if (!report) return std::unexpected(in_context(std::move(report).error(), path.string()));
  return verify::CollectedReport{path.string(), std::move(*report)};
}

}  // namespace

Result<std::vector<verify::CollectedReport>> collect_reports(
    const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    KFERRY_TRY(const auto found, reports_in(path));
    files.insert(files.end(), found.begin(), found.end());
  }
  std::vector<verify::CollectedReport> reports;
  for (const fs::path& file : files) {
    KFERRY_TRY(auto report, read_report(file));
    reports.push_back(std::move(report));
  }
  if (reports.empty())
    return fail(ErrorKind::kUsage, "--reports: there is no diff report",
                "pass files that `kferry migrate --report` or `kferry verify --report` has "
                "written, or a folder with them; without --reports the groups are verified now");
  return reports;
}

}  // namespace kferry::cli
