// kferry migrate: applies a plan, or plans and applies in one go.
#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "cli/planning.h"
#include "cli/report_output.h"
#include "migrate/journal.h"
#include "migrate/plan_file.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription migrate_options() {
  OptionsDescription options;
  options.add(describe_common()).add(describe_selection()).add(describe_planning());
  options.add(describe_apply()).add(describe_report());
  auto add = options.add_options();
  add("plan", po::value<std::string>()->value_name("FILE"), "the plan to apply");
  add("journal", po::value<std::string>()->value_name("DIR"),
      "folder of the journal (REPORT.journal, or kferry-journal)");
  add("resume", po::bool_switch(), "finish the run that the journal shows as cut off");
  return options;
}

namespace {

constexpr Duration kCheckTimeout{60'000};
constexpr Duration kMetadataPatience{10'000};  // with a broker that has just started

struct MigrateOptions {
  CommonOptions common;
  SelectionOptions selection;
  PlanningOptions planning;
  ApplyOptions apply;
  std::string plan_file;
  std::string journal;
  bool resume = false;
};

Result<MigrateOptions> read_options(const Values& values) {
  MigrateOptions options;
  KFERRY_TRY(options.common, read_common(values));
  KFERRY_TRY(options.selection, read_selection(values));
  KFERRY_TRY(options.planning, read_planning(values));
  KFERRY_TRY(options.apply, read_apply(values));
  options.plan_file = text_of(values, "plan");
  options.resume = flag_of(values, "resume");
  options.journal = text_of(values, "journal");
  const std::string report = text_of(values, "report");
  if (options.journal.empty())
    options.journal = report.empty() ? "kferry-journal" : report + ".journal";
  const bool selects = !options.selection.groups.empty() || !options.selection.teams.empty() ||
                       options.selection.all_groups;
  if (!options.plan_file.empty() && selects)
    return fail(ErrorKind::kUsage, "--plan and --group/--team/--all-groups exclude each other",
                "the plan says which groups it is about");
  if (options.plan_file.empty() && !selects && !options.resume)
    return fail(ErrorKind::kUsage, "nothing to migrate was named",
                "pass --plan plan.json, or --group NAME, --team NAME or --all-groups");
  if (options.resume && !options.apply.execute)
    return fail(ErrorKind::kUsage, "--resume writes: it needs --execute");
  return options;
}

// The unfinished run in the journal folder, if there is one.
Result<std::optional<migrate::JournalState>> unfinished_run(const std::string& journal) {
  if (!std::filesystem::exists(journal)) return std::nullopt;
  KFERRY_TRY(auto latest, migrate::read_latest_run(journal));
  if (!latest || latest->finished || latest->rolled_back) return std::nullopt;
  return latest;
}

// Whether the cut-off run was about exactly the groups that are selected now.
// Through brokers a group without any offset may be selected, but is in no plan.
bool same_groups(const migrate::Plan& plan, const migrate::GatherRequest& selected) {
  std::set<GroupId> of_plan;
  for (const auto& group : plan.groups) of_plan.insert(group.group);
  std::set<GroupId> now;
  if (selected.scan.groups) now.insert(selected.scan.groups->begin(), selected.scan.groups->end());
  for (const auto& external : selected.scan.external) now.insert(external.group);
  if (!plan.source.zookeeper.empty()) return of_plan == now;
  return std::ranges::includes(now, of_plan) && std::ranges::includes(of_plan, selected.must_exist);
}

int64_t groups_to_write(const migrate::Plan& plan) {
  return std::ranges::count_if(plan.groups, [](const migrate::PlannedGroup& group) {
    return std::ranges::any_of(group.partitions, [](const migrate::PlannedPartition& one) {
      return one.action == migrate::Action::kCommit;
    });
  });
}

// A plan is for one cluster, and for the topics as they were.
Result<> check_cluster(Session& session, const migrate::Plan& plan) {
  std::vector<TopicName> topics;
  for (const auto& [topic, id] : plan.topic_ids) topics.push_back(topic);
  KFERRY_TRY(const auto metadata,
             session.cluster().fetch_settled_metadata(
                 topics, kMetadataPatience, Wait(Deadline::after(kCheckTimeout), session.stop())));
  if (plan.source.cluster_id && metadata.cluster_id != plan.source.cluster_id)
    return fail(
        ErrorKind::kRefused,
        fmt::format("the plan is for cluster {}, but {} is cluster {}", *plan.source.cluster_id,
                    session.settings().bootstrap, metadata.cluster_id.value_or("unknown")),
        "check --bootstrap-server, or make a plan for this cluster");
  for (const auto& [topic, id] : plan.topic_ids) {
    const auto found = metadata.topics.find(topic);
    const bool same = found != metadata.topics.end() && wire::to_hex(found->second.topic_id) == id;
    if (!same)
      return fail(
          ErrorKind::kRefused,
          fmt::format("drift: topic '{}' was deleted or created anew after the plan was made",
                      topic),
          "its offsets mean something else now: make a new plan");
  }
  return {};
}

Result<verify::DiffReport> apply(Session& session, migrate::Plan& plan,
                                 const MigrateOptions& options,
                                 const std::optional<migrate::JournalState>& resumed,
                                 bool just_planned) {
  if (!just_planned) KFERRY_CHECK(check_cluster(session, plan));
  KFERRY_TRY(migrate::Journal journal, resumed ? migrate::Journal::reopen(*resumed)
                                               : migrate::Journal::create(options.journal, plan));
  Progress progress(progress_mode(options.common), "migrating groups", groups_to_write(plan));
  const migrate::Execution execution{
      plan, journal, session.source(), resumed ? &*resumed : nullptr, just_planned, [&](int64_t n) {
        progress.add(n);
      }};
  verify::DiffReport report = migrate::execute(
      execution, executor_config(session.settings(), options.apply), session.stop());
  progress.finish();
  // What the plan could not read is the run's result, and so is a refusal; after any other error
  // the journal is still open.
  const auto hidden = migrate::hidden_refusal(plan);
  const bool by_plan = hidden && report.error && report.error->message == hidden->message;
  if (report.error && !by_plan && report.error->kind != ErrorKind::kRefused)
    report.error->hint +=
        fmt::format("{}`kferry migrate --resume --execute --journal {}` finishes the rest",
                    report.error->hint.empty() ? "" : "; then ", options.journal);
  return report;
}

Result<int> resume(Session& session, const MigrateOptions& options,
                   const migrate::JournalState& state, const Values& values, Output& output) {
  KFERRY_TRY(migrate::Plan plan, migrate::read_plan_of(state));
  KFERRY_TRY(const auto report, apply(session, plan, options, state, false));
  return emit_report(report, values, options.common.format, output);
}

std::unexpected<Error> cut_off(const migrate::JournalState& state, std::string_view how) {
  return fail(ErrorKind::kPartlyDone,
              fmt::format("an earlier run{} was cut off ({})", how, state.run_folder),
              "finish it with --resume, undo it with `kferry rollback`, or pass another --journal");
}

using Unfinished = std::optional<migrate::JournalState>;

// --resume, with or without the plan.
Result<int> run_resume(const MigrateOptions& options, const std::optional<migrate::Plan>& plan,
                       const Unfinished& unfinished, const Values& values, const StopToken& stop,
                       Output& output) {
  if (!unfinished)
    return fail(
        ErrorKind::kUsage,
        fmt::format("--resume: the journal {} shows no run that was cut off", options.journal),
        "the run is complete, or --journal names another folder");
  if (plan && plan->id != unfinished->plan_id)
    return fail(ErrorKind::kRefused, "--resume: the run that was cut off applied another plan",
                "leave --plan out: the journal has its plan");
  KFERRY_TRY(const migrate::Plan journalled, migrate::read_plan_of(*unfinished));
  KFERRY_TRY(const Settings settings, read_settings(options.common, journalled.source));
  KFERRY_TRY(const auto session, Session::open(settings, stop));
  return resume(*session, options, *unfinished, values, output);
}

// --plan FILE.
Result<int> run_plan_file(const MigrateOptions& options, migrate::Plan plan,
                          const Unfinished& unfinished, const Values& values, const StopToken& stop,
                          Output& output) {
  if (options.apply.execute && unfinished) return cut_off(*unfinished, "");
  KFERRY_TRY(const Settings settings, read_settings(options.common, plan.source));
  KFERRY_TRY(const auto session, Session::open(settings, stop));
  if (!options.apply.execute) {
    KFERRY_CHECK(check_cluster(*session, plan));
    return emit_report(migrate::to_report(plan), values, options.common.format, output);
  }
  KFERRY_TRY(const auto report, apply(*session, plan, options, std::nullopt, false));
  return emit_report(report, values, options.common.format, output);
}

// --group, --team or --all-groups: plans and applies. An init container that was killed comes back
// with the same arguments: it goes on where it was.
Result<int> run_one_shot(const MigrateOptions& options, const Unfinished& unfinished,
                         const Values& values, const StopToken& stop, Output& output) {
  KFERRY_TRY(const Settings settings, read_settings(options.common));
  KFERRY_TRY(const auto session, Session::open(settings, stop));
  if (unfinished && options.apply.execute) {
    KFERRY_TRY(const auto selected, session->select(options.selection, false));
    KFERRY_TRY(const migrate::Plan journalled, migrate::read_plan_of(*unfinished));
    if (journalled.source.zookeeper.empty() != settings.zookeeper.empty())
      return cut_off(*unfinished, " with another --offset-source");
    if (!same_groups(journalled, selected)) return cut_off(*unfinished, " with other groups");
    return resume(*session, options, *unfinished, values, output);
  }
  KFERRY_TRY(migrate::Plan plan, make_plan(*session, options.selection, options.planning));
  verify::DiffReport report = migrate::to_report(plan);
  report.verb = "migrate";
  report.executed = options.apply.execute;
  if (options.apply.execute && groups_to_write(plan) > 0) {
    KFERRY_TRY(report, apply(*session, plan, options, std::nullopt, true));
  }
  return emit_report(report, values, options.common.format, output);
}

}  // namespace

Result<int> run_migrate(const std::vector<std::string>& arguments, const StopToken& stop,
                        Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, migrate_options()));
  KFERRY_TRY(const MigrateOptions options, read_options(values));
  KFERRY_TRY(const Unfinished unfinished, unfinished_run(options.journal));
  std::optional<migrate::Plan> plan;
  if (!options.plan_file.empty()) {
    KFERRY_TRY(const std::string text, read_file(options.plan_file, "--plan"));
    auto parsed = migrate::parse_plan(text);
    if (!parsed) return std::unexpected(in_context(parsed.error(), options.plan_file));
    plan = std::move(*parsed);
  }
  if (options.resume) return run_resume(options, plan, unfinished, values, stop, output);
  if (plan) return run_plan_file(options, std::move(*plan), unfinished, values, stop, output);
  return run_one_shot(options, unfinished, values, stop, output);
}

}  // namespace kferry::cli
