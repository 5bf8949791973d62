// Whether an entry about offsets outside /consumers makes sense. Pure.
#pragma once

#include <vector>

#include "base/result.h"
#include "zkoffsets/snapshot.h"

namespace kferry::zkoffsets {

// kUsage for an entry that cannot be read at all, with what is wrong.
Result<> check_external(const std::vector<ExternalLayout>& external);

}  // namespace kferry::zkoffsets
