// kferry scan: what lies in ZooKeeper.
#include <boost/program_options/value_semantic.hpp>

#include "cli/exit_code.h"
#include "cli/scan_view.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "verify/report_json.h"

namespace kferry::cli {

namespace po = boost::program_options;

namespace {
constexpr size_t kMaxTableLines = 500;
}

OptionsDescription scan_options() {
  OptionsDescription options;
  options.add(describe_common()).add(describe_selection());
  options.add_options()("suggest-config", po::value<std::string>()->value_name("FILE"),
                        "write a kferry.yaml to begin with");
  return options;
}

Result<int> run_scan(const std::vector<std::string>& arguments, const StopToken& stop,
                     Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, scan_options()));
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(const SelectionOptions selection, read_selection(values));
  KFERRY_TRY(const Settings settings, read_settings(common));
  KFERRY_TRY(const auto session, Session::open(settings, stop));
  KFERRY_TRY(migrate::GatherRequest request, session->select(selection, true));
  request.broker_read = false;
  request.quiet_samples = 0;
  KFERRY_TRY(const migrate::Facts facts, session->gather(request));
  const std::string suggestion_file = text_of(values, "suggest-config");
  if (!suggestion_file.empty())
    KFERRY_CHECK(verify::write_file_atomically(suggestion_file, suggest_config(facts)));
  if (common.format == OutputFormat::kJson) {
    output.out = scan_json(facts);
    return kDone;
  }
  output.out = scan_table(facts, kMaxTableLines);
  output.out +=
      suggestion_file.empty()
          ? "Next: --suggest-config kferry.yaml writes a configuration with teams to edit; then "
            "`kferry plan --team TEAM --out plan.json`.\n"
          : "Next: edit the teams in " + suggestion_file + ", then `kferry plan --config " +
                suggestion_file + " --team TEAM --out plan.json`.\n";
  return kDone;
}

}  // namespace kferry::cli
