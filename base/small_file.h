// Files that people write: settings, passwords, certificates.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kferry {

// A whole file of at most 1 MiB. kUsage, with `what` and the path, when it cannot be read or is
// larger. No error holds any of its content.
Result<std::string> read_small_file(const std::string& path, std::string_view what);

// Whether every user of this machine may read the file. Of what is no file: false.
bool others_may_read(const std::string& path);
// Logs a warning then: it is a file with secrets.
void warn_if_others_may_read(const std::string& path, const std::string& hint = "chmod o-r");

}  // namespace kferry
