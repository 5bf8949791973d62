// Reads what base's to_rfc3339() writes, and others write.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kferry {

// Milliseconds since the epoch of a time in UTC (RFC 3339), with or without a fraction of the
// second: "2026-11-23T20:04:05.678Z". Nothing for another text, or a time before 1970.
std::optional<int64_t> parse_rfc3339(std::string_view text);

}  // namespace kferry
