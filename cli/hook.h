// A command of the operator's that is run when something happens.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace kferry::cli {

// `command` by /bin/sh, with these variables added to the environment; its output goes to stderr.
// Ended after `at_most`. kFailed: it could not be started, was ended, or failed.
Result<> run_hook(const std::string& command, const std::map<std::string, std::string>& variables,
                  Duration at_most);

}  // namespace kferry::cli
