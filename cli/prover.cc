#include "cli/prover.h"

#include <fmt/format.h>

#include "replicate/proof_groups.h"
#include "replicate/proof_records.h"
#include "verify/report_json.h"

namespace kferry::cli {
namespace {

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

int64_t offsets_to_compare(const verify::ProofReport& report) {
  int64_t total = 0;
  for (const verify::PartitionProof& one : report.partitions)
    if (one.trouble.empty()) total += 2 * (one.source_end - one.compared_to);
  return total;
}

}  // namespace

Result<> read_scope(const Values& values, replicate::ProofSettings& settings) {
  verify::ProofScope& scope = settings.scope;
  scope.source = settings.flow.source.bootstrap_servers;
  scope.target = settings.flow.target.bootstrap_servers;
  scope.topics = text_of(values, "topics");
  scope.groups = text_of(values, "groups");
  scope.prefix = settings.flow.topic_prefix;
  if (settings.use_flow_state) scope.flow = settings.flow.name;
  KFERRY_TRY(scope.sample_percent, read_sample(values));
  return {};
}

Result<> Prover::run() {
  const Wait wait(Deadline::after(kPlanTimeout), stop_);
  KFERRY_TRY(plan_, replicate::plan_proof(settings_, wait));
  seconds_before_ = plan_.report.seconds;
  if (plan_.report.partitions.empty())
    return fail(ErrorKind::kUsage, "--topics selects no topic of the source: nothing to compare",
                "they are regular expressions for whole names: orders-.*, or .* for all");
  KFERRY_CHECK(save(plan_.report));
  Progress progress(mode_, "comparing offsets", offsets_to_compare(plan_.report));
  const replicate::ProofHooks hooks{[this](const auto& report) { return save(report); }, progress};
  auto compared = replicate::compare_records(settings_, plan_, hooks, stop_);
  progress.finish();
  if (compared)
    compared = replicate::compare_groups(plan_, Wait(Deadline::after(kPlanTimeout), stop_));
  plan_.report.complete = compared.has_value();
  const auto saved = save(plan_.report);
  if (!compared) return std::unexpected(with_hint(compared.error(), saved.has_value()));
  return saved;
}

Result<> Prover::save(const verify::ProofReport& report) {
  verify::ProofReport now = report;
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_);
  now.seconds = plan_.report.seconds = seconds_before_ + seconds.count();
  if (file_.empty()) return {};
  return verify::write_file_atomically(file_, verify::to_json(now));
}

Error Prover::with_hint(Error error, bool saved) const {
  if (saved && !file_.empty())
    error.hint = fmt::format(
        "the same command with --resume goes on where it was: {} has what "
        "was compared",
        file_);
  return error;
}

}  // namespace kferry::cli
