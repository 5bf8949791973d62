// One function a verb; tests call them as the command line does.
#pragma once

#include <string>
#include <vector>

#include "base/interrupt.h"
#include "base/result.h"
#include "cli/options.h"

namespace kferry::cli {

// Everything a verb prints goes to these, so that tests can look at it.
struct Output {
  std::string out;  // for stdout
};

// The exit code, with what is to be printed in `output`; or the error that ended the verb.
using Run = Result<int> (*)(const std::vector<std::string>& arguments, const StopToken& stop,
                            Output& output);

struct Verb {
  const char* name;
  const char* summary;  // one line
  const char* details;  // what it does, and examples
  OptionsDescription (*options)();
  Run run;
};

// In the order of `kferry help`.
const std::vector<Verb>& verbs();

OptionsDescription scan_options();
OptionsDescription plan_options();
OptionsDescription migrate_options();
OptionsDescription verify_options();
OptionsDescription rollback_options();
OptionsDescription replicate_options();
OptionsDescription handoff_options();
OptionsDescription cutover_options();
OptionsDescription prove_options();
OptionsDescription status_options();
OptionsDescription export_options();
OptionsDescription doctor_options();
OptionsDescription acls_options();
Result<int> run_scan(const std::vector<std::string>& arguments, const StopToken& stop,
                     Output& output);
Result<int> run_plan(const std::vector<std::string>& arguments, const StopToken& stop,
                     Output& output);
Result<int> run_migrate(const std::vector<std::string>& arguments, const StopToken& stop,
                        Output& output);
Result<int> run_verify(const std::vector<std::string>& arguments, const StopToken& stop,
                       Output& output);
Result<int> run_rollback(const std::vector<std::string>& arguments, const StopToken& stop,
                         Output& output);

Result<int> run_replicate(const std::vector<std::string>& arguments, const StopToken& stop,
                          Output& output);
Result<int> run_handoff(const std::vector<std::string>& arguments, const StopToken& stop,
                        Output& output);
// Its first argument may be an action: run, show, release, abort.
Result<int> run_cutover(const std::vector<std::string>& arguments, const StopToken& stop,
                        Output& output);

Result<int> run_prove(const std::vector<std::string>& arguments, const StopToken& stop,
                      Output& output);
// With --watch it prints itself, until a stop is requested.
Result<int> run_status(const std::vector<std::string>& arguments, const StopToken& stop,
                       Output& output);

// Its first argument is what shall be written: mm2 or strimzi.
Result<int> run_export(const std::vector<std::string>& arguments, const StopToken& stop,
                       Output& output);

Result<int> run_doctor(const std::vector<std::string>& arguments, const StopToken& stop,
                       Output& output);
// Asks no cluster.
Result<int> run_acls(const std::vector<std::string>& arguments, const StopToken& stop,
                     Output& output);

// Parses and runs a whole command line (without the program's name); prints to stdout and stderr.
int run_command_line(const std::vector<std::string>& arguments, const StopToken& stop);

}  // namespace kferry::cli
