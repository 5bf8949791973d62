// One thing that `kferry doctor` has found out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kferry::doctor {

enum class Level {
  kFine,
  kNote,         // worth knowing, nothing to be done
  kUnknown,      // could not be found out
  kAttention,    // would bite on the night of the move
  kUnreachable,  // cannot be reached from here
  kDenied,       // a right that is needed is missing, or the login is refused
};
std::string_view to_string(Level level);  // "ok", "note", "unknown", "attention", ...

struct Finding {
  Level level = Level::kFine;
  std::string check;  // "reach", "login", "version", "clock", "right", "topic", "broker-config",
                      // "producer-id", "identity", "offsets", "quota"
  std::string where;  // "target, topic orders"
  std::string what;
  std::string why;   // why it matters; empty for what is fine
  std::string next;  // what to do; empty: nothing

  friend bool operator==(const Finding&, const Finding&) = default;
};
using Findings = std::vector<Finding>;

}  // namespace kferry::doctor
