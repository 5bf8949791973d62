// Whether the old consumers' offsets are still as a plan saw them.
#pragma once

#include <string>
#include <vector>

#include "migrate/offset_source.h"

namespace kferry::migrate {

// Reads the groups again: for each, in their order, why it is not as the plan saw it (an offset
// changed or vanished, somebody is registered or owns a partition); empty: it is. Errors: those of
// OffsetSource::read_again().
Result<std::vector<std::string>> find_drift(OffsetSource& source, const Groups& groups,
                                            const StopToken& stop);

// The words for a consumer that came after the plan.
std::string registered_now(const std::string& consumer);

}  // namespace kferry::migrate
