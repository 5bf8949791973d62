// Reads groups that are kept outside /consumers: Storm, Trident, home-made Spark. Private to
// zkoffsets/.
#pragma once

#include <vector>

#include "base/result.h"
#include "zkoffsets/reader.h"
#include "zkoffsets/snapshot.h"

namespace kferry::zkoffsets {

// kUsage for an entry that cannot be read at all. Pure.
Result<> check_external(const std::vector<ExternalLayout>& external);

// Ordered by group. Entries of one group become one GroupSnapshot, with the layout of the first. A
// path that does not exist is a problem of its group.
Result<std::vector<GroupSnapshot>> read_external(Reader& reader,
                                                 const std::vector<ExternalLayout>& external);

}  // namespace kferry::zkoffsets
