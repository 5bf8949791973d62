// kferry status: how a flow is, from its state topic or from a running mirror.
#include <cstdio>
#include <functional>

#include <fmt/format.h>
#include <unistd.h>
#include <boost/program_options/value_semantic.hpp>

#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/replicate_options.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "replicate/flow_health.h"
#include "replicate/flow_view.h"
#include "replicate/http_client.h"
#include "replicate/status_json.h"
#include "replicate/status_table.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription status_options() {
  OptionsDescription from("Which flow");
  auto which = from.add_options();
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  which("target", text("HOST:PORT,..."), "brokers of the target, where the flow keeps its state");
  which("target-config", text("FILE"), "client properties for the target");
  which("flow", text("NAME"), "the flow (source->target)");
  which("url", text("http://HOST:PORT"),
        "ask the mirror that listens there instead; of several it knows its own part only");
  OptionsDescription shown("What is shown");
  auto how = shown.add_options();
  how("partitions", po::bool_switch(), "every partition, not only those out of the ordinary");
  how("watch", po::bool_switch(), "again and again, until Ctrl-C; a line each without a terminal");
  how("interval", text("TIME"), "between two looks with --watch (2s)");
  OptionsDescription files("Configuration and output");
  files.add_options()("config", text("FILE"), "kferry.yaml: flows");
  add_output(files, log::Level::kWarn);
  OptionsDescription options;
  options.add(from).add(shown).add(files);
  return options;
}

namespace {

constexpr size_t kMostBytes = 256UL * 1024 * 1024;
constexpr Duration kLeastInterval{500};
constexpr Duration kMostInterval{3'600'000};

using Look = std::function<Result<replicate::FlowStatus>(const Wait&)>;

struct StatusSettings {
  CommonOptions common;
  replicate::StatusTableOptions table;
  bool watch = false;
  Duration interval{2'000};
};

Result<StatusSettings> read_settings_of_status(const Values& values) {
  StatusSettings settings;
  KFERRY_TRY(settings.common, read_common(values));
  settings.table.all_partitions = flag_of(values, "partitions");
  settings.watch = flag_of(values, "watch");
  if (const std::string text = text_of(values, "interval"); !text.empty()) {
    settings.interval = Duration(parse_duration_ms(text));
    if (settings.interval < kLeastInterval || settings.interval > kMostInterval)
      return fail(ErrorKind::kUsage, fmt::format("--interval '{}': takes 500ms to 1h", text));
  }
  return settings;
}

// The mirror's own word.
Result<Look> look_at_url(const std::string& text) {
  auto url = replicate::parse_http_url(text);
  if (!url) return std::unexpected(in_context(url.error(), "--url"));
  return Look([url = *url](const Wait& wait) -> Result<replicate::FlowStatus> {
    KFERRY_TRY(const std::string body, replicate::http_get(url, "/status", kMostBytes, wait));
    return replicate::parse_status(body);
  });
}

// What the state topic has.
Result<Look> look_at_target(const Values& values, const Wait& wait) {
  KFERRY_TRY(const replicate::FlowSettings flow, read_target_of_flow(values));
  KFERRY_TRY(auto opened, replicate::FlowView::open(flow.target, flow.name, wait));
  const auto view = std::make_shared<replicate::FlowView>(std::move(opened));
  return Look([view](const Wait& each) { return view->read(each); });
}

std::string text_of_status(const replicate::FlowStatus& status, const StatusSettings& settings) {
  return settings.common.format == OutputFormat::kJson
             ? replicate::status_json(status)
             : replicate::status_table(status, wall_clock_ms(), settings.table);
}

// Until a stop is requested; what cannot be read after the first time is told and tried again.
Result<int> watch(const Look& look, replicate::FlowStatus status, const StatusSettings& settings,
                  const StopToken& stop) {
  const bool screen = isatty(STDOUT_FILENO) == 1 && settings.common.format == OutputFormat::kTable;
  const bool json = settings.common.format == OutputFormat::kJson;
  std::string text;
  while (true) {
    if (screen)
      text = "\x1b[H\x1b[2J" + text_of_status(status, settings);
    else if (json)
      text = replicate::status_json(status);
    else
      text = replicate::status_line(status, wall_clock_ms()) + "\n";
    fmt::print("{}", text);
    if (std::fflush(stdout) != 0)
      return fail(ErrorKind::kFailed, "the status could not be written to stdout");
    while (true) {
      if (!stop.sleep_for(settings.interval))
        return std::unexpected(stop.check("watching the flow").error());
      auto next = look(Wait(Deadline::after(settings.common.request_timeout), stop));
      if (!next && next.error().kind == ErrorKind::kInterrupted)
        return std::unexpected(next.error());
      if (next) {
        status = std::move(*next);
        break;
      }
      log::warn(next.error().message);
    }
  }
}

}  // namespace

Result<int> run_status(const std::vector<std::string>& arguments, const StopToken& stop,
                       Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, status_options()));
  KFERRY_TRY(const StatusSettings settings, read_settings_of_status(values));
  log::configure(settings.common.log_format, settings.common.log_level);
  const std::string url = text_of(values, "url");
  if (!url.empty() && (values.count("target") != 0 || values.count("config") != 0))
    return fail(ErrorKind::kUsage, "--url and --target or --config: only one of them",
                "--url asks one process of the mirror, --target reads what all have told");
  const Wait wait(Deadline::after(settings.common.request_timeout), stop);
  KFERRY_TRY(const Look look, url.empty() ? look_at_target(values, wait) : look_at_url(url));
  KFERRY_TRY(replicate::FlowStatus status, look(wait));
  if (settings.watch) return watch(look, std::move(status), settings, stop);
  output.out = text_of_status(status, settings);
  return replicate::problems_of(status).empty() ? kDone : kPending;
}

}  // namespace kferry::cli
