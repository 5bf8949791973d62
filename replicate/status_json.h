// The flow's state as JSON: docs/schemas/status.schema.json.
#pragma once

#include <string>

#include "base/result.h"
#include "replicate/status.h"

namespace kferry::verify {
class JsonWriter;
}

namespace kferry::replicate {

// A partition and a group are a line each. What is not known is null.
std::string status_json(const FlowStatus& status);
// The same backwards, but for what the document does not have: offsets of moved groups, fractions
// of rates. kFailed: it is none; the message names the field.
Result<FlowStatus> parse_status(const std::string& document);

// The pieces that other documents share: the fields before "groups", into an object that was begun.
void write_status_head(const FlowStatus& status, verify::JsonWriter& json);
void write_partition(const PartitionStatus& one, verify::JsonWriter& json);
void write_group(const GroupStatus& one, verify::JsonWriter& json);

}  // namespace kferry::replicate
