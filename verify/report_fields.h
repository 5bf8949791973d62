// The parts of a report that plans have too, in JSON.
#pragma once

#include "verify/json_reader.h"
#include "verify/json_writer.h"
#include "verify/report.h"

namespace kferry::verify {

void write_source(JsonWriter& writer, const Source& source);
void write_evidence(JsonWriter& writer, const Evidence& evidence);
Source read_source(Fields fields);
Evidence read_evidence(Fields fields);

}  // namespace kferry::verify
