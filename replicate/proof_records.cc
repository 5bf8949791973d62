#include "replicate/proof_records.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "replicate/proof_narrow.h"
#include "replicate/proof_reader.h"

namespace kferry::replicate {
namespace {

using verify::PartitionProof;
using verify::ProofSide;
using verify::RangeComparison;

constexpr Duration kSaveInterval{5'000};
constexpr Duration kLook{50};

// A partition while both sides are read.
struct Slot {
  explicit Slot(int64_t begin) : comparison(begin) {}

  std::mutex mutex;  // guards everything below
  RangeComparison comparison;
  int64_t foreign = 0;
  std::string trouble;
};
using Slots = std::vector<std::unique_ptr<Slot>>;

// The end of the range that `offset` is in, or ends.
int64_t range_end(int64_t offset) {
  return (offset + verify::kRangeOffsets - 1) / verify::kRangeOffsets * verify::kRangeOffsets;
}

class DigestSink final : public ProofSink {
 public:
  DigestSink(ProofSide side, const ProofPlan& plan, Slots& slots, Progress& progress)
      : side_(side), plan_(plan), slots_(slots), progress_(progress), states_(slots.size()) {
    for (size_t i = 0; i < states_.size(); ++i)
      states_[i].passed = plan.report.partitions[i].compared_to;
  }

  void record(size_t index, const ProofRecord& record) override {
    auto digest = states_[index].digester.add(record.offset, record.timestamp_ms, record.body);
    if (digest) add(index, *std::move(digest));
  }
  void foreign_record(size_t index) override {
    const std::lock_guard lock(slots_[index]->mutex);
    ++slots_[index]->foreign;
  }
  void passed(size_t index, int64_t offset) override {
    State& state = states_[index];
    // The sample's next range may lie behind the end.
    offset = std::min(offset, plan_.report.partitions[index].source_end);
    if (offset <= state.passed) return;
    progress_.add(offset - std::exchange(state.passed, offset));
    // The range that `offset` is in may get more records.
    if (const auto open = state.digester.range(); open && *open < verify::range_of(offset))
      add(index, *state.digester.finish());
    const std::lock_guard lock(slots_[index]->mutex);
    slots_[index]->comparison.pass(side_, offset);
  }
  void finished(size_t index) override {
    const int64_t end = plan_.report.partitions[index].source_end;
    passed(index, end);
    if (auto digest = states_[index].digester.finish()) add(index, *std::move(digest));
    const std::lock_guard lock(slots_[index]->mutex);
    slots_[index]->comparison.pass(side_, range_end(end));
  }
  void failed(size_t index, std::string why) override {
    const std::lock_guard lock(slots_[index]->mutex);
    slots_[index]->trouble =
        std::string(side_ == ProofSide::kSource ? "source: " : "target: ") + std::move(why);
  }

 private:
  struct State {
    verify::RangeDigester digester;
    int64_t passed = 0;
  };

  void add(size_t index, verify::RangeDigest digest) {
    const std::lock_guard lock(slots_[index]->mutex);
    slots_[index]->comparison.add(side_, std::move(digest));
  }

  const ProofSide side_;
  const ProofPlan& plan_;
  Slots& slots_;
  Progress& progress_;
  std::vector<State> states_;
};

// The report of one partition, with what its slot has found since the proof was taken up.
PartitionProof merged(const PartitionProof& before, Slot& slot) {
  const std::lock_guard lock(slot.mutex);
  PartitionProof now = before;
  now.compared_to = std::clamp(slot.comparison.compared_to(), before.compared_to,
                               std::max(before.compared_to, before.source_end));
  now.records += slot.comparison.records();
  now.bytes += slot.comparison.bytes();
  now.ranges += slot.comparison.ranges();
  now.differing_ranges += static_cast<int64_t>(slot.comparison.differing().size());
  now.foreign += slot.foreign;
  if (now.trouble.empty()) now.trouble = slot.trouble;
  return now;
}

class Comparer {
 public:
  Comparer(const ProofSettings& settings, ProofPlan& plan, const ProofHooks& hooks,
           const StopToken& stop)
      : plan_(plan),
        hooks_(hooks),
        stop_(stop),
        tools_{settings.flow, verify::RangeSample(settings.scope.sample_percent),
               settings.scope.records_via == "librdkafka"},
        rate_(settings.flow.max_bytes_per_second),
        before_(plan.report.partitions) {
    for (const PartitionProof& one : before_)
      slots_.push_back(std::make_unique<Slot>(one.compared_to));
  }

  Result<> run() {
    const Result<> read = read_both();
    merge_all();
    KFERRY_CHECK(read);
    std::vector<std::vector<int64_t>> differing;
    for (const auto& slot : slots_) differing.push_back(slot->comparison.differing());
    return narrow(tools_, plan_, differing, rate_, stop_);
  }

 private:
  Result<> read_both() {
    const auto source_tasks = make_tasks(ProofSide::kSource);
    const auto target_tasks = make_tasks(ProofSide::kTarget);
    DigestSink source_sink(ProofSide::kSource, plan_, slots_, hooks_.progress);
    DigestSink target_sink(ProofSide::kTarget, plan_, slots_, hooks_.progress);
    StopToken inner;
    std::atomic<int> running = 2;
    Result<> ended[2];
    const auto read = [&](const ClusterSettings& cluster, const std::vector<ProofTask>& tasks,
                          ProofSink& sink, Result<>& end) {
      end = tools_.read({cluster, tools_.sample, rate_, sink, inner}, tasks);
      if (!end) inner.request_stop();  // the other side has no use any more
      --running;
    };
    Result<> saved;
    {
      const std::jthread source(
          [&] { read(tools_.flow.source, source_tasks, source_sink, ended[0]); });
      const std::jthread target(
          [&] { read(tools_.flow.target, target_tasks, target_sink, ended[1]); });
      saved = save_meanwhile(running, inner);
    }
    KFERRY_CHECK(stop_.check("comparing records"));
    KFERRY_CHECK(saved);
    // The one that ended first has the reason; the other was only stopped.
    for (const auto& one : ended)
      if (!one && one.error().kind != ErrorKind::kInterrupted) return one;
    return ended[0] ? ended[1] : ended[0];
  }

  Result<> save_meanwhile(const std::atomic<int>& running, StopToken& inner) {
    Deadline next = Deadline::after(kSaveInterval);
    while (running > 0) {
      if (!stop_.sleep_for(kLook)) inner.request_stop();
      if (!next.expired() || inner.stop_requested()) continue;
      merge_all();
      if (const auto saved = hooks_.save(plan_.report); !saved) {
        inner.request_stop();
        return saved;
      }
      next = Deadline::after(kSaveInterval);
    }
    return {};
  }

  std::vector<ProofTask> make_tasks(ProofSide side) const {
    std::vector<ProofTask> tasks;
    for (size_t i = 0; i < before_.size(); ++i)
      if (before_[i].trouble.empty() && before_[i].compared_to < before_[i].source_end)
        tasks.push_back(make_task(plan_, i, side, before_[i].compared_to, before_[i].source_end));
    return tasks;
  }

  void merge_all() {
    for (size_t i = 0; i < slots_.size(); ++i)
      plan_.report.partitions[i] = merged(before_[i], *slots_[i]);
  }

  ProofPlan& plan_;
  const ProofHooks& hooks_;
  const StopToken& stop_;
  const ProofTools tools_;
  RateLimit rate_;
  const std::vector<PartitionProof> before_;  // as the proof was taken up
  Slots slots_;
};

}  // namespace

Result<> compare_records(const ProofSettings& settings, ProofPlan& plan, const ProofHooks& hooks,
                         const StopToken& stop) {
  return Comparer(settings, plan, hooks, stop).run();
}

}  // namespace kferry::replicate
