// Reads groups that are kept outside /consumers: Storm, Trident, home-made. Private to zkoffsets/.
#pragma once

#include <vector>

#include "base/result.h"
#include "zkoffsets/external_layout.h"
#include "zkoffsets/reader.h"
#include "zkoffsets/snapshot.h"

namespace kferry::zkoffsets {

// The groups that {group} of a custom path stands for, each once.
Result<std::vector<GroupId>> find_groups(Reader& reader, const ExternalLayout& entry);

// Ordered by group. Entries of one group become one GroupSnapshot, with the layout of the first. A
// path that does not exist is a problem of its group.
Result<std::vector<GroupSnapshot>> read_external(Reader& reader,
                                                 const std::vector<ExternalLayout>& external);

}  // namespace kferry::zkoffsets
