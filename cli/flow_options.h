// The options that say which flow is meant and how it is copied: their descriptions, and what they
// change in a flow. One table knows them all; what each takes is known by flow_config.h.
#pragma once

#include "cli/flow_config.h"
#include "cli/options.h"

namespace kferry::cli {

// Those of `kferry replicate`: all of them, --dry-run and the common ones included.
OptionsDescription describe_replicate();

// The same without --dry-run, for a verb that launches the mirror.
OptionsDescription describe_mirror();

// Which flow, what is copied and how: for a verb that writes it down.
OptionsDescription describe_settings();

// Those of them that say which flow is meant, for other verbs.
OptionsDescription describe_flow();

// Puts into `changes` what the options say, over what is there.
void collect_changes(const Values& values, FlowChanges& changes);

}  // namespace kferry::cli
