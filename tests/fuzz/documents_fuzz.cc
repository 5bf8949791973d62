// Documents that kferry writes and reads again: plans, journals, reports, statuses, and the records
// of a flow's state topic. The first byte chooses.
#include <array>
#include <sstream>

#include "migrate/journal.h"
#include "migrate/plan_file.h"
#include "migrate/receipt.h"
#include "replicate/cutover_state.h"
#include "replicate/flow_progress.h"
#include "replicate/flow_state.h"
#include "replicate/group_rules.h"
#include "replicate/status_json.h"
#include "tests/fuzz/fuzz.h"
#include "verify/handoff_report.h"
#include "verify/proof_report.h"
#include "verify/report_json.h"

namespace kferry::fuzz {
namespace {

using namespace replicate;

const TopicPartition kPartition{TopicName("t"), Partition(0)};

void plan(const std::string& text) {
  expect_stable(text, migrate::parse_plan, [](migrate::Plan& plan) { return to_json(plan); });
}

void report(const std::string& text) {
  using verify::DiffReport;
  expect_stable(text, verify::parse_report, [](const DiffReport& one) { return to_json(one); });
}

void proof(const std::string& text) {
  using verify::ProofReport;
  expect_stable(text, verify::parse_proof, [](const ProofReport& one) { return to_json(one); });
}

void handoff(const std::string& text) {
  (void)verify::parse_not_ready(text);
}

void status(const std::string& text) {
  expect_stable(text, parse_status, status_json);
}

void journal(const std::string& text) {
  std::istringstream lines(text);
  (void)migrate::read_journal(lines, "journal");
}

void receipt(const std::string& text) {
  const auto found = migrate::parse_receipt({Offset(5), text});
  if (!found) return;
  const auto written = migrate::make_receipt(kPartition, *found);
  const auto again = migrate::parse_receipt({written.offset, written.metadata});
  expect(again && again->mzxid == found->mzxid && again->offset == found->offset, "it has changed");
}

void progress(const std::string& text) {
  expect_stable(text, parse_progress, [](const SlotProgress& one) { return to_json(one); });
}

void cutover(const std::string& text) {
  expect_stable(text, parse_cutover, [](const CutoverRecord& one) { return to_json(one); });
}
void release(const std::string& text) {
  expect_stable(text, parse_release, [](const CutoverRelease& one) { return to_json(one); });
}
void moved(const std::string& text) {
  expect_stable(text, parse_moved, [](const MovedGroup& one) { return to_json(one); });
}

// The key is what stands before the first line end.
void group_record(const std::string& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  (void)parse_group_record(text.substr(0, end), text.substr(std::min(end + 1, text.size())));
}

// A record that must be there: read(state) of a state that has nothing else.
template <class Read>
auto of_state(const std::string& key, Read read) {
  using Record = typename decltype(read(LoadedState()))::value_type::value_type;
  return [key, read](const std::string& text) -> Result<Record> {
    KFERRY_TRY(auto found, read(LoadedState({{key, text}})));
    return *found;
  };
}

void flow(const std::string& text) {
  expect_stable(text, of_state("flow", [](const LoadedState& state) { return state.flow(); }),
                [](const FlowRecord& record) { return to_json(record); });
}
void topic(const std::string& text) {
  const auto read = [](const LoadedState& state) { return state.topic(kPartition.topic); };
  expect_stable(text, of_state(topic_key(kPartition.topic), read),
                [](const TopicRecord& record) { return to_json(record); });
}
void partition(const std::string& text) {
  const auto read = [](const LoadedState& state) { return state.partition(kPartition); };
  expect_stable(text, of_state(partition_key(kPartition), read),
                [](const PartitionRecord& record) { return to_json(record); });
}

void source_plan(const std::string& text) {
  const auto read = [](const std::string& from) {
    return LoadedState({{plan_key(kPartition), from}}).plan(kPartition);
  };
  expect_stable(text, read, [](const SourcePlan& one) { return to_json(one); });
}

// Translation rises, and never leads behind where the next run begins.
void offset_map(const std::string& text) {
  const auto read = [](const std::string& from) {
    return LoadedState({{runs_key(kPartition, 0), from}}).map(kPartition);
  };
  expect_stable(text, read, [](const OffsetMap& map) { return runs_to_json(map.runs()); });
  const auto map = read(text);
  if (!map) return;
  TargetOffset last(0);
  for (const OffsetRun& run : map->runs())
    for (const int64_t step : {0, 1, 1000}) {
      if (run.source.value() > std::numeric_limits<int64_t>::max() - step) continue;
      const auto target = map->to_target(SourceOffset(run.source.value() + step));
      expect(target && (step != 0 || *target >= last), "a translation that does not rise");
      if (step == 0) last = *target;
      (void)map->to_source(*target);
    }
}

constexpr std::array kTargets{plan,    report,   proof,     handoff,     status,    journal,
                              receipt, progress, cutover,   release,     moved,     group_record,
                              flow,    topic,    partition, source_plan, offset_map};

}  // namespace
}  // namespace kferry::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kferry;
  const fuzz::Input input(data, size);
  fuzz::kTargets[input.choice % fuzz::kTargets.size()](input.rest);
  return 0;
}
