// The teams' diff reports, found in files and folders.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "verify/handoff.h"

namespace kferry::cli {

// A folder stands for the *.json files in it, not below it; those in it that are no diff reports
// are passed over with a warning. kUsage: a path that cannot be read, a file that is named and is
// no diff report, a report that was edited by hand, no report at all, more than 10,000 files.
Result<std::vector<verify::CollectedReport>> collect_reports(const std::vector<std::string>& paths);

}  // namespace kferry::cli
