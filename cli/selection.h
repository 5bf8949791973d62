// Which groups a verb is about.
#pragma once

#include <vector>

#include "cli/config.h"
#include "cli/options.h"
#include "migrate/preflight.h"

namespace kferry::cli {

// kUsage: nothing is selected, or a team that --config does not have.
Result<> check_selection(const SelectionOptions& selection, const Config& config,
                         bool everything_by_default);

// `request` has the settings of all groups: --topic and --convention go over them.
void apply_selection(const SelectionOptions& selection, migrate::GatherRequest& request);

// Without ZooKeeper, where groups cannot be listed: those of --group, and by --team, --all-groups
// or by default those that the configuration names. Groups of --group must have offsets. kUsage:
// none is named; the configuration has patterns for what is selected; a group is kept outside
// /consumers.
Result<migrate::GatherRequest> select_named(const SelectionOptions& selection,
                                            const Config& config);

}  // namespace kferry::cli
