// kferry verify: ZooKeeper against Kafka, at any time, through another Kafka client than the
// migration's.
#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "cli/report_output.h"
#include "cli/session.h"
#include "cli/verification.h"
#include "migrate/plan_file.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription verify_options() {
  OptionsDescription options;
  options.add(describe_common()).add(describe_selection()).add(describe_report());
  options.add_options()("plan", po::value<std::string>()->value_name("FILE"),
                        "compare with this plan's targets");
  return options;
}

namespace {

// What shall be looked at: the plan's groups as the plan describes them.
migrate::GatherRequest request_of(const migrate::Plan& plan) {
  migrate::GatherRequest request;
  request.scan.groups.emplace();
  for (const auto& group : plan.groups) {
    if (group.external.empty()) request.scan.groups->push_back(group.group);
    for (const auto& external : group.external) request.scan.external.push_back(external);
    migrate::GroupSettings& settings = request.settings[group.group];
    settings = {group.team, group.convention, group.layout};
    for (const auto& one : group.partitions) settings.topics.insert(one.partition.topic);
  }
  return request;
}

}  // namespace

Result<int> run_verify(const std::vector<std::string>& arguments, const StopToken& stop,
                       Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, verify_options()));
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(const SelectionOptions selection, read_selection(values));
  const std::string plan_file = text_of(values, "plan");
  std::optional<migrate::Plan> plan;
  if (!plan_file.empty()) {
    KFERRY_TRY(const std::string text, read_file(plan_file, "--plan"));
    auto parsed = migrate::parse_plan(text);
    if (!parsed) return std::unexpected(in_context(parsed.error(), plan_file));
    plan = std::move(*parsed);
  }
  KFERRY_TRY(const Settings settings,
             plan ? read_settings(common, plan->source) : read_settings(common));
  KFERRY_TRY(const auto session, Session::open(settings, stop));
  migrate::GatherRequest request;
  if (plan) {
    request = request_of(*plan);
  } else {
    KFERRY_TRY(request, session->select(selection, false));
  }
  KFERRY_TRY(const migrate::Facts facts, gather_for_verification(*session, std::move(request)));
  if (plan && plan->source.cluster_id && facts.cluster_id != plan->source.cluster_id)
    return fail(
        ErrorKind::kRefused,
        fmt::format("the plan is for cluster {}, but {} is cluster {}", *plan->source.cluster_id,
                    settings.bootstrap, facts.cluster_id.value_or("unknown")),
        "check --bootstrap-server");
  KFERRY_TRY(const verify::DiffReport report, verify_facts(*session, facts, plan));
  return emit_report(report, values, common.format, output);
}

}  // namespace kferry::cli
