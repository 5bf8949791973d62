// kferry prove: shows that source and target hold the same.
#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/replicate_options.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "replicate/proof_groups.h"
#include "replicate/proof_records.h"
#include "verify/report_json.h"

namespace kferry::cli {

namespace po = boost::program_options;

using replicate::ProofPlan;
using replicate::ProofSettings;

OptionsDescription prove_options() {
  OptionsDescription clusters("Clusters");
  auto cluster = clusters.add_options();
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  cluster("source", text("HOST:PORT,..."), "brokers of the cluster that was copied");
  cluster("target", text("HOST:PORT,..."), "brokers of the cluster that it was copied to");
  cluster("source-config", text("FILE"),
          "client properties for the source (Java's or librdkafka's)");
  cluster("target-config", text("FILE"), "client properties for the target");
  cluster("flow", text("NAME"),
          "the mirror's flow: its prefix, its translated offsets and its own commits are known "
          "from its state on the target; without it offsets are taken to be the same");
  OptionsDescription selection("What is compared");
  auto select = selection.add_options();
  select("topics", text("REGEX,..."), "topics of the source, by their whole names");
  select("topics-exclude", text("REGEX,..."),
         "but not these (as MM2: internal topics, *.replica, __*)");
  select("groups", text("REGEX,..."), "consumer groups whose offsets are compared (none)");
  select("groups-exclude", text("REGEX,..."),
         "but not these (as MM2: console-consumer-*, connect-*, __*)");
  select("prefix", text("TEXT"), "what stands before the topics' names on the target");
  select("config-exclude", text("REGEX,..."), "topic configs that may differ (as MM2)");
  select("no-sync-configs", po::bool_switch(), "do not compare topic configs");
  select("no-sync-acls", po::bool_switch(), "do not compare ACLs");
  OptionsDescription run("How it runs");
  auto how = run.add_options();
  how("report", text("FILE"), "write the JSON report there; needed");
  how("resume", po::bool_switch(), "go on with the proof in --report that was interrupted");
  how("sample", text("N%"), "only that share of the records' ranges, always the same ones (100%)");
  how("records-via", text("raw|librdkafka"),
      "read records with kferry's own code, or with librdkafka's as a second opinion (raw)");
  how("max-bytes-per-second", text("N"), "from both sides together, 0 for no limit (0)");
  OptionsDescription files("Configuration and output");
  files.add_options()("config", text("FILE"), "kferry.yaml: flows");
  add_output(files, log::Level::kWarn);
  OptionsDescription options;
  options.add(clusters).add(selection).add(run).add(files);
  return options;
}

namespace {

constexpr size_t kMaxTableLines = 200;
constexpr Duration kPlanTimeout{300'000};

// "5%" or "5".
Result<int> read_sample(const Values& values) {
  std::string text = text_of(values, "sample");
  if (text.empty()) return 100;
  if (text.ends_with('%')) text.pop_back();
  const bool digits = !text.empty() && text.size() <= 3 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  const int percent = digits ? std::stoi(text) : 0;
  if (percent < 1 || percent > 100)
    return fail(ErrorKind::kUsage,
                fmt::format("--sample '{}': takes 1% to 100%", text_of(values, "sample")));
  return percent;
}

Result<verify::ProofReport> read_resumed(const std::string& file, const verify::ProofScope& scope) {
  KFERRY_TRY(const std::string text, read_file(file, "--report"));
  auto before = verify::parse_proof(text);
  if (!before) return std::unexpected(in_context(before.error(), "--report " + file));
  if (before->scope != scope)
    return fail(ErrorKind::kUsage,
                fmt::format("--resume: {} is about other clusters, topics or options", file),
                "give the same options again, or leave --resume out to begin anew");
  if (before->complete)
    return fail(ErrorKind::kUsage, fmt::format("--resume: the proof in {} is complete", file),
                "leave --resume out to begin anew");
  return before;
}

Result<ProofSettings> read_proof(const Values& values) {
  ProofSettings settings;
  KFERRY_TRY(settings.flow, read_flow(values));
  const replicate::FlowSettings& flow = settings.flow;
  settings.use_flow_state = !text_of(values, "flow").empty() || !text_of(values, "config").empty();
  verify::ProofScope& scope = settings.scope;
  scope.source = flow.source.bootstrap_servers;
  scope.target = flow.target.bootstrap_servers;
  scope.topics = text_of(values, "topics");
  scope.groups = text_of(values, "groups");
  scope.prefix = flow.topic_prefix;
  if (settings.use_flow_state) scope.flow = flow.name;
  KFERRY_TRY(scope.sample_percent, read_sample(values));
  const std::string via = text_of(values, "records-via");
  if (!via.empty() && via != "raw" && via != "librdkafka")
    return fail(ErrorKind::kUsage, fmt::format("--records-via '{}': takes raw or librdkafka", via));
  if (!via.empty()) scope.records_via = via;
  const std::string report = text_of(values, "report");
  if (report.empty())
    return fail(ErrorKind::kUsage, "no --report FILE given", "the proof is kept in it");
  if (flag_of(values, "resume")) {
    KFERRY_TRY(settings.resumed, read_resumed(report, scope));
  }
  return settings;
}

int64_t offsets_to_compare(const verify::ProofReport& report) {
  int64_t total = 0;
  for (const verify::PartitionProof& one : report.partitions)
    if (one.trouble.empty()) total += 2 * (one.source_end - one.compared_to);
  return total;
}

// Every way out leaves a report behind that can be resumed.
class Prover {
 public:
  Prover(const ProofSettings& settings, std::string file, Progress::Mode mode,
         const StopToken& stop)
      : settings_(settings), file_(std::move(file)), mode_(mode), stop_(stop) {}

  Result<> run() {
    const Wait wait(Deadline::after(kPlanTimeout), stop_);
    KFERRY_TRY(plan_, replicate::plan_proof(settings_, wait));
    seconds_before_ = plan_.report.seconds;
    if (plan_.report.partitions.empty())
      return fail(ErrorKind::kUsage, "--topics selects no topic of the source: nothing to compare",
                  "they are regular expressions for whole names: orders-.*, or .* for all");
    KFERRY_CHECK(save(plan_.report));
    Progress progress(mode_, "comparing offsets", offsets_to_compare(plan_.report));
    const replicate::ProofHooks hooks{[this](const auto& report) { return save(report); },
                                      progress};
    auto compared = replicate::compare_records(settings_, plan_, hooks, stop_);
    progress.finish();
    if (compared)
      compared = replicate::compare_groups(plan_, Wait(Deadline::after(kPlanTimeout), stop_));
    plan_.report.complete = compared.has_value();
    const auto saved = save(plan_.report);
    if (!compared) return std::unexpected(with_hint(compared.error(), saved.has_value()));
    return saved;
  }

  const verify::ProofReport& report() const { return plan_.report; }

 private:
  Result<> save(const verify::ProofReport& report) {
    verify::ProofReport now = report;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::steady_clock::now() - started_);
    now.seconds = plan_.report.seconds = seconds_before_ + seconds.count();
    return verify::write_file_atomically(file_, verify::to_json(now));
  }

  Error with_hint(Error error, bool saved) const {
    if (saved)
      error.hint = fmt::format(
          "the same command with --resume goes on where it was: {} has what "
          "was compared",
          file_);
    return error;
  }

  const ProofSettings& settings_;
  const std::string file_;
  const Progress::Mode mode_;
  const StopToken& stop_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  int64_t seconds_before_ = 0;
  ProofPlan plan_;
};

}  // namespace

Result<int> run_prove(const std::vector<std::string>& arguments, const StopToken& stop,
                      Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, prove_options()));
  KFERRY_TRY(const CommonOptions common, read_common(values));
  log::configure(common.log_format, common.log_level);
  KFERRY_TRY(const ProofSettings settings, read_proof(values));
  Prover prover(settings, text_of(values, "report"), progress_mode(common), stop);
  KFERRY_CHECK(prover.run());
  output.out = common.format == OutputFormat::kJson
                   ? verify::to_json(prover.report())
                   : verify::to_table(prover.report(), kMaxTableLines);
  return verify::exit_code_of(prover.report());
}

}  // namespace kferry::cli
