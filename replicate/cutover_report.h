// What a cut-over has come to, for the change ticket: JSON
// (docs/schemas/cutover-report.schema.json), a self-contained HTML document, and words.
#pragma once

#include <string>

#include "replicate/cutover.h"

namespace kferry::replicate {

std::string to_json_text(const CutoverReport& report, const FlowSettings& flow, int exit_code);
std::string to_html(const CutoverReport& report, const FlowSettings& flow, int exit_code);
std::string to_text(const CutoverReport& report);

}  // namespace kferry::replicate
