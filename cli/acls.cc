// kferry acls: what kferry's principal has to be allowed, for each job.
#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/job_options.h"
#include "cli/replicate_options.h"
#include "cli/verbs.h"
#include "doctor/rights_report.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription acls_options() {
  OptionsDescription rights("Which rights");
  add_jobs(rights, "all");
  auto add = rights.add_options();
  add("principal", po::value<std::string>()->value_name("User:NAME"),
      "who gets them (User:kferry)");
  add("needed-only", po::bool_switch(), "leave out what a job can do without");
  add("commands", po::bool_switch(), "print the commands alone, as a script");
  OptionsDescription output("Output");
  add_output(output, log::Level::kWarn);
  OptionsDescription options;
  options.add(rights).add(describe_settings()).add(output);
  return options;
}

namespace {

Result<std::string> read_principal(const Values& values) {
  const std::string principal = text_of(values, "principal");
  if (principal.empty()) return "User:kferry";
  const size_t colon = principal.find(':');
  if (colon == 0 || colon == std::string::npos || colon + 1 == principal.size())
    return fail(ErrorKind::kUsage, fmt::format("--principal '{}': takes TYPE:NAME", principal),
                "for instance User:kferry, or User:CN=kferry,O=example of a client certificate");
  return principal;
}

}  // namespace

Result<int> run_acls(const std::vector<std::string>& arguments, const StopToken&, Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, acls_options()));
  KFERRY_TRY(const CommonOptions common, read_common(values));
  log::configure(common.log_format, common.log_level);
  doctor::RightsReport report;
  KFERRY_TRY(report.jobs, read_jobs(values, doctor::all_jobs()));
  KFERRY_TRY(report.principal, read_principal(values));
  KFERRY_TRY(const auto named, read_named_flow(values));
  report.source = named.source;
  report.target = named.target;
  const doctor::RightsScope scope{named.flow, doctor::cover(named.topics),
                                  doctor::cover(named.groups)};
  report.rights = doctor::rights_of(report.jobs, scope);
  if (flag_of(values, "needed-only"))
    std::erase_if(report.rights, [](const doctor::Right& right) { return !right.needed; });
  if (flag_of(values, "commands"))
    output.out = to_commands(report);
  else
    output.out = common.format == OutputFormat::kJson ? to_json(report) : to_table(report);
  return kDone;
}

}  // namespace kferry::cli
