// What a command of the user's says: a password from a vault, an access token.
#pragma once

#include <string>

#include "base/interrupt.h"
#include "base/result.h"

namespace kferry {

// Runs `command` by /bin/sh, with nothing on its standard input, and returns its standard output
// without the line ends at its end. Its standard error is ours. When `wait` is over it is killed,
// with the children that stay in its process group. kFailed when it cannot be run, fails, or says
// nothing, or more than 64 KiB; kInterrupted. No error holds any of the output, or the command,
// which may have a secret in it: `what` names it.
Result<std::string> command_output(const std::string& command, const std::string& what,
                                   const Wait& wait);

}  // namespace kferry
