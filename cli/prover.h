// Runs a proof to its end and keeps its report: what `kferry prove` and `kferry cutover` share.
#pragma once

#include <chrono>
#include <string>

#include "base/progress.h"
#include "cli/options.h"
#include "replicate/proof_plan.h"

namespace kferry::cli {

// Fills settings.scope from --topics, --groups, --sample and settings.flow, which must be there.
// kUsage.
Result<> read_scope(const Values& values, replicate::ProofSettings& settings);

// Every way out leaves a report behind that can be resumed, where there is a file for it.
class Prover {
 public:
  // `file`: where the report is kept, written anew every few seconds; empty: nowhere.
  Prover(const replicate::ProofSettings& settings, std::string file, Progress::Mode mode,
         const StopToken& stop)
      : settings_(settings), file_(std::move(file)), mode_(mode), stop_(stop) {}

  // Success says that all was compared, not that it is equal. Errors as plan_proof(); kUsage also
  // when no topic is selected.
  Result<> run();

  const verify::ProofReport& report() const { return plan_.report; }

 private:
  Result<> save(const verify::ProofReport& report);
  Error with_hint(Error error, bool saved) const;

  const replicate::ProofSettings& settings_;
  const std::string file_;
  const Progress::Mode mode_;
  const StopToken& stop_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  int64_t seconds_before_ = 0;
  replicate::ProofPlan plan_;
};

}  // namespace kferry::cli
