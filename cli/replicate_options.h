// The options of `kferry replicate`, kferry.yaml and an MM2 properties file made into one flow.
#pragma once

#include <vector>

#include "cli/options.h"
#include "replicate/flow.h"
#include "replicate/mm2_export.h"
#include "replicate/mm2_properties.h"

namespace kferry::cli {

// All of them, --dry-run and the common ones included.
OptionsDescription describe_replicate();

// The same without --dry-run, for a verb that launches the mirror.
OptionsDescription describe_mirror();

// Which flow, what is copied and how: for a verb that writes it down.
OptionsDescription describe_settings();

// Those of them that say which flow is meant, for other verbs.
OptionsDescription describe_flow();

// read_common(), but with the log level info where none is given: a mirror without a terminal shows
// its progress in log lines.
Result<CommonOptions> read_replicate_common(const Values& values);

// Options go over the flow in kferry.yaml, and that over the MM2 properties file. Everything is
// checked before any network I/O; the files that are named get read. `notes`, where given, gets
// what in the MM2 file has no effect. kUsage.
Result<replicate::FlowSettings> read_flow(const Values& values,
                                          std::vector<replicate::Mm2Note>* notes = nullptr);

// Only the flow's name and its target, from --target, --target-config, --flow and --config: for
// verbs that look at what the flow has left there. The source stays empty. kUsage.
Result<replicate::FlowSettings> read_target_of_flow(const Values& values);

// The expressions of the same flow as they were written, without an MM2 file. kUsage: one has a
// comma, which a list in a text cannot have.
Result<replicate::FlowPatterns> read_flow_patterns(const Values& values);

}  // namespace kferry::cli
