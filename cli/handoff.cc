// kferry handoff: which groups may go along with the mirror; then the mirror, with these alone.
#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/handoff_facts.h"
#include "cli/handoff_reports.h"
#include "cli/replicate_options.h"
#include "cli/run_mirror.h"
#include "replicate/patterns.h"
#include "verify/handoff_report.h"
#include "verify/report_json.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription handoff_options() {
  OptionsDescription handoff("The hand-off");
  handoff.add_options()("reports",
                        po::value<std::vector<std::string>>()->composing()->value_name("PATH"),
                        "a diff report of `kferry migrate` or `kferry verify`, or a folder with "
                        "them; may be repeated. Without it the groups are verified now")(
      "execute", po::bool_switch(), "launch the mirror with the groups that are ready")(
      "require-all", po::bool_switch(), "with --execute: only if every group is ready")(
      "report", po::value<std::string>()->value_name("FILE"), "write the JSON report there");
  OptionsDescription options;
  options.add(handoff).add(describe_mirror());
  return options;
}

namespace {

constexpr size_t kMaxTableLines = 200;

Result<> check_sense(const replicate::FlowSettings& flow, bool has_reports) {
  if (flow.reverse_of)
    return fail(ErrorKind::kUsage, "--reverse: on the way back there is nothing to hand over",
                "`kferry replicate --reverse` brings the groups of the flow back");
  if (flow.groups.include.empty())
    return fail(ErrorKind::kUsage, "no groups given",
                "pass --groups REGEX, '.*' for all, or set `groups` of the flow in --config");
  if (!has_reports && !flow.zookeeper)
    return fail(ErrorKind::kUsage, "there is nothing to judge the groups by",
                "pass --zookeeper HOST:PORT,.../chroot to verify them now, or --reports with the "
                "teams' diff reports");
  return {};
}

verify::HandoffReport describe(const replicate::FlowSettings& flow,
                               const verify::HandoffFacts& facts) {
  verify::HandoffReport report;
  report.generated_at_ms = wall_clock_ms();
  report.tool_version = KFERRY_VERSION;
  report.flow = flow.name;
  report.source = flow.source.bootstrap_servers;
  report.target = flow.target.bootstrap_servers;
  report.zookeeper = flow.zookeeper;
  report.cluster_id = facts.cluster_id;
  report.by_reports = facts.reports.has_value();
  if (facts.reports)
    for (const auto& one : *facts.reports)
      report.reports.push_back(
          {one.file, one.report.verb, one.report.generated_at_ms, std::ssize(one.report.groups)});
  report.groups = verify::judge(facts);
  return report;
}

// Whether the mirror may be launched.
Result<> check_readiness(const verify::HandoffReport& report, bool require_all) {
  const auto behind = report.not_ready();
  if (report.ready().empty())
    return fail(ErrorKind::kRefused, "no group is ready: the mirror is not launched",
                "the report says why; `kferry replicate` without --groups mirrors topics alone");
  if (!require_all || behind.empty()) return {};
  return fail(
      ErrorKind::kRefused,
      fmt::format("{} of {} groups are not ready ('{}' for one): the mirror is not launched",
                  behind.size(), report.groups.size(), behind.front()),
      "the report says why; without --require-all the others are handed over");
}

// The flow with exactly the groups that are ready.
Result<replicate::FlowSettings> with_ready_groups(replicate::FlowSettings flow,
                                                  const verify::HandoffReport& report) {
  flow.groups.include.clear();
  flow.groups.names.clear();
  for (const GroupId& group : report.ready()) {
    KFERRY_TRY(std::regex pattern,
               replicate::parse_pattern(replicate::quoted_pattern(group.value())));
    flow.groups.include.push_back(std::move(pattern));
    flow.groups.names.push_back(group.value());
  }
  return flow;
}

Result<int> launch(const replicate::FlowSettings& flow, const verify::HandoffReport& report,
                   const CommonOptions& common, const StopToken& stop, Output& output) {
  for (const verify::GroupReadiness& one : report.groups)
    if (!one.ready())
      log::warn("stays behind", {{"group", one.group.value()},
                                 {"why", fmt::format("{}", fmt::join(one.reasons, "; "))}});
  log::info("handed over", {{"groups", fmt::format("{}", report.ready().size())},
                            {"of", fmt::format("{}", report.groups.size())}});
  KFERRY_TRY(const auto narrowed, with_ready_groups(flow, report));
  return run_mirror(narrowed, common, stop, output);
}

}  // namespace

Result<int> run_handoff(const std::vector<std::string>& arguments, const StopToken& stop,
                        Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, handoff_options()));
  const bool execute = flag_of(values, "execute");
  KFERRY_TRY(const CommonOptions common,
             execute ? read_replicate_common(values) : read_common(values));
  log::configure(common.log_format, common.log_level);
  KFERRY_TRY(const replicate::FlowSettings flow, read_flow(values));
  const bool has_reports = values.count("reports") != 0;
  KFERRY_CHECK(check_sense(flow, has_reports));
  std::optional<std::vector<verify::CollectedReport>> reports;
  if (has_reports) {
    KFERRY_TRY(reports, collect_reports(values["reports"].as<std::vector<std::string>>()));
  }
  KFERRY_TRY(const auto facts, gather_handoff(flow, common, std::move(reports), stop));
  verify::HandoffReport report = describe(flow, facts);
  const auto may_launch = check_readiness(report, flag_of(values, "require-all"));
  report.executed = execute && may_launch;
  if (const std::string file = text_of(values, "report"); !file.empty())
    KFERRY_CHECK(verify::write_file_atomically(file, to_json(report)));
  if (report.executed) return launch(flow, report, common, stop, output);
  output.out =
      common.format == OutputFormat::kJson ? to_json(report) : to_table(report, kMaxTableLines);
  if (execute) return std::unexpected(may_launch.error());
  return exit_code_of(report);
}

}  // namespace kferry::cli
