// The flow's state for people: what `kferry status` prints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "replicate/status.h"

namespace kferry::replicate {

struct StatusTableOptions {
  bool all_partitions = false;  // not only those that are out of the ordinary
  size_t most_lines = 200;      // of topics, of partitions and of groups, each
};

// What needs attention comes first, in every part. Foreign names and words are escaped.
std::string status_table(const FlowStatus& status, int64_t now_ms,
                         const StatusTableOptions& options = {});

// "21:04:05Z well, 2 s ago: onprem->cloud: 100%, ...": one line for a log.
std::string status_line(const FlowStatus& status, int64_t now_ms);

}  // namespace kferry::replicate
