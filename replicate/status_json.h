// The flow's state as JSON: docs/schemas/status.schema.json.
#pragma once

#include <string>

#include "replicate/status.h"

namespace kferry::replicate {

// A partition and a group are a line each. What is not known is null.
std::string status_json(const FlowStatus& status);

}  // namespace kferry::replicate
