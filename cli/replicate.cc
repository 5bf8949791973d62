// kferry replicate: the mirror.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/replicate_options.h"
#include "cli/run_mirror.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "replicate/cluster_settings.h"
#include "replicate/http_routes.h"
#include "replicate/http_server.h"
#include "replicate/mirror.h"
#include "replicate/mirror_progress.h"
#include "replicate/page_routes.h"
#include "replicate/status_json.h"

namespace kferry::cli {

OptionsDescription replicate_options() {
  return describe_replicate();
}

namespace {

int exit_code_of(replicate::Ending ending) {
  switch (ending) {
    case replicate::Ending::kStopped:
    case replicate::Ending::kCaughtUp:
      return kDone;
    case replicate::Ending::kIncomplete:
      return kPending;
  }
  return kFailed;
}

// What could not follow, each with its reason.
std::string summary(const replicate::FlowStatus& status) {
  std::string text = replicate::progress_line(status, std::nullopt) + "\n";
  for (const auto& one : status.partitions)
    if (one.phase == replicate::Phase::kQuarantined)
      text += fmt::format("{} cannot follow: {}\n", one.source, one.reason);
  for (const auto& group : status.groups)
    if (!group.is_complete())
      text += fmt::format("group '{}': {} of {} offsets are on the target: {}{}{}\n", group.group,
                          group.synced, group.partitions, group.state,
                          group.reason.empty() ? "" : ": ", group.reason);
  for (const std::string& trouble : status.troubles) text += trouble + "\n";
  return text;
}

constexpr Duration kDryRunTimeout{60'000};

// --dry-run: what the mirror would do to topics, configs and ACLs. 0: nothing, 3: something.
Result<int> show_differences(const replicate::FlowSettings& flow, OutputFormat format,
                             const StopToken& stop, Output& output) {
  const Wait wait(Deadline::after(kDryRunTimeout), stop);
  KFERRY_TRY(auto source, replicate::connect_to(flow.source, wait));
  KFERRY_TRY(auto target, replicate::connect_to(flow.target, wait));
  KFERRY_TRY(const auto properties,
             replicate::client_properties(flow.source.properties, source, wait));
  KFERRY_TRY(auto source_admin, kafkaio::TopicAdmin::connect(properties));
  KFERRY_TRY(auto target_admin, kafkaio::TopicAdmin::connect(flow.target.properties));
  KFERRY_TRY(
      const auto differences,
      replicate::find_differences(flow, {source, target, source_admin, target_admin}, {}, wait));
  output.out = format == OutputFormat::kJson ? to_json_text(differences) : to_text(differences);
  return differences.any() ? kPending : kDone;
}

}  // namespace

Result<int> run_replicate(const std::vector<std::string>& arguments, const StopToken& stop,
                          Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, replicate_options()));
  KFERRY_TRY(const CommonOptions common, read_replicate_common(values));
  log::configure(common.log_format, common.log_level);
  std::vector<replicate::Mm2Note> notes;
  KFERRY_TRY(const replicate::FlowSettings flow, read_flow(values, &notes));
  for (const auto& note : notes) log::warn("not used", {{"key", note.key}, {"why", note.why}});
  if (flag_of(values, "dry-run")) return show_differences(flow, common.format, stop, output);
  return run_mirror(flow, common, stop, output);
}

Result<int> run_mirror(const replicate::FlowSettings& flow, const CommonOptions& common,
                       const StopToken& stop, Output& output) {
  auto opened = replicate::Mirror::open(flow, stop);
  if (!opened && opened.error().kind == ErrorKind::kInterrupted) {
    log::info("stopped before anything was copied");
    return exit_code_of(replicate::Ending::kStopped);
  }
  if (!opened) return std::unexpected(opened.error());
  const auto& mirror = *opened;
  std::unique_ptr<replicate::HttpServer> server;
  if (flow.listen) {
    auto routes = replicate::operation_routes(*mirror, *mirror, flow.mm2_metrics);
    std::ranges::move(replicate::page_routes(*mirror), std::back_inserter(routes));
    KFERRY_TRY(server, replicate::HttpServer::start(*flow.listen, std::move(routes)));
    log::info("serving", {{"port", fmt::format("{}", server->port())}});
  }
  replicate::MirrorProgress progress(progress_mode(common));
  const auto tick = [&] {
    if (progress.is_due(wall_clock_ms())) progress.tick(mirror->status());
  };
  KFERRY_TRY(const replicate::Ending ending, mirror->run(tick));
  progress.finish();
  const replicate::FlowStatus status = mirror->status();
  output.out =
      common.format == OutputFormat::kJson ? replicate::status_json(status) : summary(status);
  return exit_code_of(ending);
}

}  // namespace kferry::cli
