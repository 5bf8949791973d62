// Plans on disk.
#pragma once

#include <string>

#include "base/result.h"
#include "migrate/plan.h"

namespace kferry::migrate {

// Fills in plan.id and gives the JSON text: fixed key order, indented, newline at the end.
std::string to_json(Plan& plan);

// kUsage: not JSON, not a plan, a field missing or of the wrong type (with its JSON pointer),
// offsets out of range. kRefused: the id does not fit the content: somebody edited the file; the
// hint says to plan again with policies instead.
Result<Plan> parse_plan(const std::string& json);

}  // namespace kferry::migrate
