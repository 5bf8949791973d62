// The options of `kferry replicate`, kferry.yaml and an MM2 properties file made into one flow.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/flow_options.h"
#include "cli/options.h"
#include "replicate/flow.h"
#include "replicate/mm2_export.h"
#include "replicate/mm2_properties.h"

namespace kferry::cli {

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

// A flow with what was written to get it.
struct WrittenFlow {
  replicate::FlowSettings flow;  // its clusters know nothing of the client properties
  replicate::FlowPatterns patterns;
  std::map<std::string, std::string> source_properties;  // may be secrets; nothing is resolved
  std::map<std::string, std::string> target_properties;
};

// As read_flow(), without an MM2 file, for writing it down elsewhere: no file, variable or command
// that the client properties refer to is looked at. kUsage; also for an expression with a comma,
// which a list in a text cannot have.
Result<WrittenFlow> read_written_flow(const Values& values);

// A flow by its names alone.
struct NamedFlow {
  replicate::FlowSettings flow;     // its clusters know no more than their aliases
  std::vector<std::string> topics;  // the regular expressions, as they are written
  std::vector<std::string> groups;
  std::string source;  // bootstrap servers, as they are written; empty: not given
  std::string target;
};

// For verbs that ask no cluster: nothing needs to be given. Topics and groups that are not given
// are all, ".*". kUsage.
Result<NamedFlow> read_named_flow(const Values& values);

}  // namespace kferry::cli
