// kferry cutover: leads through the move; show, release and abort look at it and act on it.
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>
#include <boost/program_options/value_semantic.hpp>

#include "base/log.h"
#include "cli/config.h"
#include "cli/exit_code.h"
#include "cli/hook.h"
#include "cli/prover.h"
#include "cli/replicate_options.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "replicate/cutover.h"
#include "replicate/cutover_abort.h"
#include "replicate/cutover_rehearsal.h"
#include "replicate/cutover_report.h"
#include "replicate/patterns.h"
#include "verify/report.h"
#include "verify/report_json.h"

namespace kferry::cli {

namespace po = boost::program_options;

namespace {

using replicate::CutoverEvent;

constexpr Duration kHookTimeout{60'000};
constexpr int64_t kBetweenLinesMs = 10'000;

// What the operator sees meanwhile, on stderr: a line for each event; what is waited for is redrawn
// on a terminal, and a line now and then without one.
class Screen {
 public:
  explicit Screen(Progress::Mode mode) : mode_(mode) {}
  ~Screen() { end_line(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void event(const std::string& text) {
    end_line();
    fmt::print(stderr, "{}  {}\n", clock(), text);
  }
  void waiting(std::string_view state, const std::string& text) {
    if (mode_ == Progress::Mode::kOff || text.empty()) return;
    const std::string line = fmt::format("{}: waiting for: {}", state, text);
    if (mode_ == Progress::Mode::kTerminal) {
      fmt::print(stderr, "\r\x1b[K{}", line.substr(0, 160));
      std::fflush(stderr);
      open_ = true;
    } else if (wall_clock_ms() - printed_at_ms_ >= kBetweenLinesMs) {
      printed_at_ms_ = wall_clock_ms();
      fmt::print(stderr, "{}  {}\n", clock(), line);
    }
  }

 private:
  static std::string clock() { return to_rfc3339(wall_clock_ms()).substr(11, 8); }
  void end_line() {
    if (std::exchange(open_, false)) fmt::print(stderr, "\n");
  }

  const Progress::Mode mode_;
  bool open_ = false;
  int64_t printed_at_ms_ = 0;
};

std::string words_of(const CutoverEvent& event) {
  switch (event.kind) {
    case CutoverEvent::Kind::kState:
      return fmt::format("reached: {}", to_string(event.state));
    case CutoverEvent::Kind::kAlarm:
      return "ALARM: " + event.words;
    case CutoverEvent::Kind::kRelease:
      return event.words;
    case CutoverEvent::Kind::kGroupMoved:
    case CutoverEvent::Kind::kGroupAlive:
      return fmt::format("group '{}': {}", event.group, event.words);
  }
  return event.words;
}

const char* name_of(CutoverEvent::Kind kind) {
  switch (kind) {
    case CutoverEvent::Kind::kState:
      return "state";
    case CutoverEvent::Kind::kAlarm:
      return "alarm";
    case CutoverEvent::Kind::kRelease:
      return "release";
    case CutoverEvent::Kind::kGroupMoved:
      return "group_moved";
    case CutoverEvent::Kind::kGroupAlive:
      return "group_alive";
  }
  return "";
}

Result<Duration> read_seconds(const Values& values, const char* option) {
  const int64_t ms = parse_duration_ms(text_of(values, option));
  if (ms < 0)
    return fail(ErrorKind::kUsage,
                fmt::format("--{} '{}': not a duration", option, text_of(values, option)),
                "for instance 30s, 2m or 500ms");
  return Duration(ms);
}

// The team's groups, as kferry.yaml has them.
Result<> add_team(const std::string& team, const std::string& file,
                  replicate::CutoverOptions& options) {
  if (file.empty())
    return fail(ErrorKind::kUsage, fmt::format("--team '{}': who is in it?", team),
                "pass --config kferry.yaml with a `teams` section");
  KFERRY_TRY(const Config config, read_config(file));
  for (const auto& [group, rule] : config.groups)
    if (rule.team == team) options.groups.insert(group);
  for (const auto& [pattern, rule] : config.patterns) {
    if (rule.team != team) continue;
    KFERRY_TRY(std::regex parsed, replicate::parse_pattern(pattern));
    options.group_patterns.push_back(std::move(parsed));
  }
  if (options.some_only()) return {};
  return fail(ErrorKind::kUsage, fmt::format("--team '{}': no such team in {}", team, file),
              fmt::format("the teams are: {}", fmt::join(config.teams, ", ")));
}

Result<replicate::CutoverOptions> read_options(const Values& values) {
  replicate::CutoverOptions options;
  options.automatic = flag_of(values, "auto");
  options.take_over = flag_of(values, "take-over");
  if (values.count("max-pause") != 0) {
    KFERRY_TRY(options.max_pause, read_seconds(values, "max-pause"));
  }
  if (values.count("quiet") != 0) {
    KFERRY_TRY(options.quiet, read_seconds(values, "quiet"));
  }
  if (values.count("group") != 0)
    for (const std::string& group : values["group"].as<std::vector<std::string>>())
      options.groups.insert(GroupId(group));
  if (const std::string team = text_of(values, "team"); !team.empty())
    KFERRY_CHECK(add_team(team, text_of(values, "config"), options));
  return options;
}

std::string text_or_json(const replicate::CutoverReport& report,
                         const replicate::FlowSettings& flow, OutputFormat format, int exit_code) {
  return format == OutputFormat::kJson ? to_json_text(report, flow, exit_code) : to_text(report);
}

int exit_code_of(const Result<>& ran, const replicate::CutoverReport& report) {
  if (!ran) return verify::exit_code_of(ran.error().kind);
  return report.differs ? kPending : kDone;
}

// For the comparison of both sides at the end; nullopt: none is wanted.
Result<std::optional<replicate::ProofSettings>> read_proof(const Values& values,
                                                           const replicate::FlowSettings& flow) {
  if (flag_of(values, "no-prove")) return std::nullopt;
  replicate::ProofSettings settings;
  settings.flow = flow;
  settings.use_flow_state = true;
  KFERRY_CHECK(read_scope(values, settings));
  return settings;
}

Result<replicate::CutoverTools::Proof> prove(const replicate::ProofSettings& settings,
                                             const std::string& file, const StopToken& stop) {
  Prover prover(settings, file, Progress::Mode::kOff, stop);
  KFERRY_CHECK(prover.run());
  return replicate::CutoverTools::Proof{verify::exit_code_of(prover.report()) == kDone,
                                        verify::to_words(prover.report())};
}

// --report and --html.
Result<> write_reports(const Values& values, const replicate::CutoverReport& report,
                       const replicate::FlowSettings& flow, int exit_code) {
  if (const std::string file = text_of(values, "report"); !file.empty())
    KFERRY_CHECK(verify::write_file_atomically(file, to_json_text(report, flow, exit_code)));
  if (const std::string file = text_of(values, "html"); !file.empty())
    KFERRY_CHECK(verify::write_file_atomically(file, to_html(report, flow, exit_code)));
  return {};
}

Result<int> lead(const Values& values, const CommonOptions& common,
                 const replicate::FlowSettings& flow, const StopToken& stop, Output& output) {
  KFERRY_TRY(const auto options, read_options(values));
  KFERRY_TRY(const auto proof, read_proof(values, flow));
  const std::string hook = text_of(values, "hook");
  Screen screen(progress_mode(common));
  replicate::CutoverTools tools;
  tools.tell = [&](const CutoverEvent& event) {
    screen.event(words_of(event));
    if (hook.empty()) return;
    const auto ran = run_hook(hook,
                              {{"KFERRY_EVENT", name_of(event.kind)},
                               {"KFERRY_FLOW", flow.name},
                               {"KFERRY_STATE", std::string(to_string(event.state))},
                               {"KFERRY_GROUP", event.group},
                               {"KFERRY_WORDS", event.words}},
                              kHookTimeout);
    if (!ran) screen.event(ran.error().message);
  };
  tools.tick = [&](const replicate::CutoverRecord& record, const std::string& waiting) {
    screen.waiting(to_string(record.state), waiting);
  };
  const std::string proof_file = text_of(values, "proof-report");
  if (proof) tools.prove = [&](const StopToken& ended) { return prove(*proof, proof_file, ended); };
  KFERRY_TRY(const auto cutover, replicate::Cutover::open(flow, options, tools, stop));
  auto ran = cutover->run();
  const auto report = cutover->report();
  const int code = exit_code_of(ran, report);
  KFERRY_CHECK(write_reports(values, report, flow, code));
  output.out = text_or_json(report, flow, common.format, code);
  if (report.differs)
    screen.event(
        fmt::format("source and target differ: {}; nothing was stopped. See `kferry prove`, and "
                    "run `kferry cutover` again once it is mended",
                    report.record.proof));
  if (ran) return code;
  Error error = ran.error();
  if (error.kind == ErrorKind::kInterrupted)
    error.hint =
        "what was reached stands on the target: `kferry cutover` goes on, `kferry cutover "
        "abort` takes it back";
  return std::unexpected(std::move(error));
}

Result<int> rehearse(const Values& values, const CommonOptions& common,
                     const replicate::FlowSettings& flow, const StopToken& stop, Output& output) {
  KFERRY_TRY(const auto options, read_options(values));
  KFERRY_TRY(const auto rehearsal, replicate::rehearse_cutover(flow, options, stop));
  const int code = rehearsal.ready() ? kDone : kPending;
  output.out = common.format == OutputFormat::kJson ? to_json_text(rehearsal, flow, code)
                                                    : to_text(rehearsal, flow);
  return code;
}

Result<int> show(const Values& values, const CommonOptions& common,
                 const replicate::FlowSettings& flow, const StopToken& stop, Output& output) {
  KFERRY_TRY(const auto report, replicate::show_cutover(flow, stop));
  if (!report) {
    output.out = fmt::format("flow '{}' has no cut-over\n", flow.name);
    return kDone;
  }
  const int code = report->finished ? kDone : kPending;
  KFERRY_CHECK(write_reports(values, *report, flow, code));
  output.out = text_or_json(*report, flow, common.format, code);
  return code;
}

Result<int> release(const replicate::FlowSettings& flow, const StopToken& stop, Output& output) {
  KFERRY_TRY(const auto next, replicate::release_cutover(flow, stop));
  output.out = fmt::format("released: on to {}\n", to_string(next));
  return kDone;
}

Result<int> abort_it(const CommonOptions& common, const replicate::FlowSettings& flow,
                     const StopToken& stop, Output& output) {
  Screen screen(progress_mode(common));
  KFERRY_TRY(const auto report,
             replicate::abort_cutover(
                 flow, [&](const std::string& words) { screen.event(words); }, stop));
  output.out = fmt::format("aborted: {} groups are at home on the source; the mirror goes on\n",
                           report.groups.size());
  return kDone;
}

}  // namespace

OptionsDescription cutover_options() {
  OptionsDescription run("How it goes");
  run.add_options()("dry-run", po::bool_switch(),
                    "change nothing: say what is in the way, and how long a pause would be")(
      "auto", po::bool_switch(), "no step waits for `kferry cutover release`")(
      "max-pause", po::value<std::string>()->value_name("DURATION"),
      "a group that is without consumers for longer ends it with exit code 4")(
      "quiet", po::value<std::string>()->value_name("DURATION"),
      "without a record for so long the source counts as left by its producers (10s)")(
      "group", po::value<std::vector<std::string>>()->value_name("NAME"),
      "move only this group's consumers, then end; may be repeated")(
      "team", po::value<std::string>()->value_name("NAME"),
      "move only the consumers of this team in --config, then end")(
      "hook", po::value<std::string>()->value_name("COMMAND"),
      "run by /bin/sh at each event, with KFERRY_EVENT, _STATE, _GROUP and _WORDS set")(
      "take-over", po::bool_switch(),
      "go on at once where another process has led this cut-over within 10 s; that one ends")(
      "report", po::value<std::string>()->value_name("FILE"),
      "write a JSON report; with `show` too")("html", po::value<std::string>()->value_name("FILE"),
                                              "the same as one HTML file, for the change ticket");
  OptionsDescription proof("The comparison of both sides, once all is drained");
  proof.add_options()("no-prove", po::bool_switch(), "make none")(
      "sample", po::value<std::string>()->value_name("N%"),
      "only that share of the records' ranges (100%)")(
      "proof-report", po::value<std::string>()->value_name("FILE"),
      "write its JSON report, as `kferry prove --report` does")(
      "config-exclude", po::value<std::string>()->value_name("REGEX,..."),
      "topic configs that may differ (as MM2)")("no-sync-configs", po::bool_switch(),
                                                "do not compare topic configs")(
      "no-sync-acls", po::bool_switch(), "do not compare ACLs");
  OptionsDescription options;
  options.add(describe_flow()).add(run).add(proof);
  return options;
}

Result<int> run_cutover(const std::vector<std::string>& arguments, const StopToken& stop,
                        Output& output) {
  const bool named = !arguments.empty() && !arguments.front().starts_with("-");
  const std::string action = named ? arguments.front() : "run";
  const std::vector<std::string> rest(arguments.begin() + (named ? 1 : 0), arguments.end());
  KFERRY_TRY(const Values values, parse(rest, cutover_options()));
  KFERRY_TRY(const CommonOptions common, read_common(values));
  log::configure(common.log_format, common.log_level);
  KFERRY_TRY(const replicate::FlowSettings flow, read_flow(values));
  if (action == "run" && flag_of(values, "dry-run"))
    return rehearse(values, common, flow, stop, output);
  if (action == "run") return lead(values, common, flow, stop, output);
  if (action == "show") return show(values, common, flow, stop, output);
  if (action == "release") return release(flow, stop, output);
  if (action == "abort") return abort_it(common, flow, stop, output);
  return fail(ErrorKind::kUsage, fmt::format("kferry cutover {}: no such action", action),
              "run (or nothing), show, release or abort");
}

}  // namespace kferry::cli
