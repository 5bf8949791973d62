// kferry prove: shows that source and target hold the same.
#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/prover.h"
#include "cli/replicate_options.h"
#include "cli/session.h"
#include "cli/verbs.h"

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
  settings.use_flow_state = !text_of(values, "flow").empty() || !text_of(values, "config").empty();
  KFERRY_CHECK(read_scope(values, settings));
  verify::ProofScope& scope = settings.scope;
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
