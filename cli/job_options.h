// --job, for the verbs that speak about other verbs' rights.
#pragma once

#include <vector>

#include "cli/options.h"
#include "doctor/rights.h"

namespace kferry::cli {

void add_jobs(OptionsDescription& options, const char* without);

// Those that --job names, each once; none named: `otherwise`. kUsage.
Result<std::vector<doctor::Job>> read_jobs(const Values& values,
                                           const std::vector<doctor::Job>& otherwise);

}  // namespace kferry::cli
