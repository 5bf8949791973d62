// How `kferry scan` shows what it found.
#pragma once

#include <string>

#include "migrate/facts.h"

namespace kferry::cli {

// One line a group, then one a partition (at most `max_lines`), then what to do next.
std::string scan_table(const migrate::Facts& facts, size_t max_lines);
// docs/schemas/scan.schema.json
std::string scan_json(const migrate::Facts& facts);
// A kferry.yaml to begin with: groups by the part of their name before the first separator.
std::string suggest_config(const migrate::Facts& facts);

}  // namespace kferry::cli
