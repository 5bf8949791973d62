// Where a report goes: stdout as a table or JSON, --report, --html and --csv as files.
#pragma once

#include "cli/options.h"
#include "cli/verbs.h"
#include "verify/report.h"

namespace kferry::cli {

// --report FILE, --html FILE and --csv FILE.
OptionsDescription describe_report();

// Writes the files first, then `output`. Returns the report's exit code; a file that cannot be
// written is an error even when all else went well, since the report is part of the job.
Result<int> emit_report(const verify::DiffReport& report, const Values& values, OutputFormat format,
                        Output& output);

}  // namespace kferry::cli
