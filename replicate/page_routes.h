// The status page over HTTP, and what it polls (docs/status.md).
#pragma once

#include <vector>

#include "replicate/http_server.h"
#include "replicate/ports.h"

namespace kferry::replicate {

// GET /, /page.css, /page.js, /status/summary, /status/topics, /status/partitions and
// /status/groups. One status serves all that is asked for within half a second. `source` outlives
// the server. Called by one thread.
std::vector<HttpRoute> page_routes(const StatusSource& source);

}  // namespace kferry::replicate
