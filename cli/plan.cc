// kferry plan: what would be done, as a file.
#include <boost/program_options/value_semantic.hpp>

#include "cli/planning.h"
#include "cli/report_output.h"
#include "migrate/plan_file.h"
#include "verify/report_json.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription plan_options() {
  OptionsDescription options;
  options.add(describe_common()).add(describe_selection()).add(describe_planning());
  options.add(describe_report());
  options.add_options()("out", po::value<std::string>()->value_name("FILE"),
                        "write the plan there, for `kferry migrate --plan`");
  return options;
}

Result<int> run_plan(const std::vector<std::string>& arguments, const StopToken& stop,
                     Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, plan_options()));
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(const SelectionOptions selection, read_selection(values));
  KFERRY_TRY(const PlanningOptions planning, read_planning(values));
  KFERRY_TRY(const Settings settings, read_settings(common));
  KFERRY_TRY(const auto session, Session::open(settings, stop));
  KFERRY_TRY(migrate::Plan plan, make_plan(*session, selection, planning));
  const std::string file = text_of(values, "out");
  if (!file.empty()) KFERRY_CHECK(verify::write_file_atomically(file, migrate::to_json(plan)));
  return emit_report(migrate::to_report(plan), values, common.format, output);
}

}  // namespace kferry::cli
