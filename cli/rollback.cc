// kferry rollback: undoes what a journal says was done.
#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "cli/exit_code.h"
#include "cli/report_output.h"
#include "cli/session.h"
#include "migrate/rollback.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription rollback_options() {
  OptionsDescription options;
  options.add(describe_common()).add(describe_apply()).add(describe_report());
  options.add_options()("journal", po::value<std::string>()->value_name("DIR"),
                        "folder of the journal, or of one run in it");
  return options;
}

Result<int> run_rollback(const std::vector<std::string>& arguments, const StopToken& stop,
                         Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, rollback_options()));
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(const ApplyOptions apply, read_apply(values));
  const std::string folder = text_of(values, "journal");
  if (folder.empty()) return fail(ErrorKind::kUsage, "no journal given", "pass --journal DIR");
  KFERRY_TRY(const auto state, migrate::read_latest_run(folder));
  if (!state)
    return fail(ErrorKind::kUsage, fmt::format("journal {}: there is no run in it", folder));
  if (state->rolled_back)
    return fail(ErrorKind::kUsage, fmt::format("{} was rolled back already", state->run_folder));
  KFERRY_TRY(const migrate::Plan plan, migrate::read_plan_of(*state));
  KFERRY_TRY(const Settings settings, read_settings(common, plan.source));
  KFERRY_TRY(const auto session, Session::open(settings, stop));
  KFERRY_TRY(kafkaio::Admin* const admin, session->admin());

  migrate::ExecutorConfig config = executor_config(settings, apply);
  Progress progress(progress_mode(common), "rolling back groups",
                    static_cast<int64_t>(state->intended.size()));
  const migrate::RollbackRequest request{plan, *state, *admin, apply.execute,
                                         [&](int64_t n) { progress.add(n); }};
  const verify::DiffReport report = migrate::rollback(request, config, stop);
  progress.finish();
  const int code = verify::exit_code_of(report);
  if (apply.execute && code == kDone) {
    KFERRY_TRY(migrate::Journal journal, migrate::Journal::reopen(*state));
    KFERRY_CHECK(journal.append_rollback());
  }
  return emit_report(report, values, common.format, output);
}

}  // namespace kferry::cli
