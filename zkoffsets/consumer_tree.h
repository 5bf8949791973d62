// Reads groups below /consumers. Private to zkoffsets/.
#pragma once

#include <vector>

#include "base/result.h"
#include "zkoffsets/reader.h"
#include "zkoffsets/snapshot.h"

namespace kferry::zkoffsets {

// In the order of `groups`; groups that do not exist are left out.
Result<std::vector<GroupSnapshot>> read_consumer_tree(Reader& reader,
                                                      const std::vector<GroupId>& groups);

}  // namespace kferry::zkoffsets
