// Exit codes, the same for all verbs (docs/exit-codes.md). The numbers that come out of a report
// are decided by verify::exit_code_of.
#pragma once

namespace kferry::cli {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kPending = 3,
  kRefused = 4,
  kUnreachable = 5,
  kPartlyDone = 6,
  kNotAuthorised = 7,
  kInterrupted = 130,
};

}  // namespace kferry::cli
