// What the mirror answers over HTTP (docs/mirror-operation.md).
#pragma once

#include <vector>

#include "replicate/http_server.h"
#include "replicate/ports.h"

namespace kferry::replicate {

// GET /metrics, /status, /livez, /readyz, /max-bytes-per-second and PUT of the last. Append what
// else there is to show. `source` and `controls` outlive the server. Called by one thread.
std::vector<HttpRoute> operation_routes(const StatusSource& source, Controls& controls,
                                        bool mm2_metrics);

// The body of PUT /max-bytes-per-second: a whole number, 0 for no limit. kUsage.
Result<int64_t> parse_byte_rate(std::string_view text);

}  // namespace kferry::replicate
