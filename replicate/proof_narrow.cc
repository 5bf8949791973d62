#include "replicate/proof_narrow.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "verify/record_difference.h"

namespace kferry::replicate {
namespace {

using verify::PartitionProof;
using verify::ProofSide;
using verify::RecordPrint;

constexpr size_t kMostAtOnce = 32;

// The records of some ranges, reduced to prints. Offsets rise, so that a range's records are no
// more than its offsets.
class PrintSink final : public ProofSink {
 public:
  // `indexes`: which ones come.
  explicit PrintSink(const std::vector<size_t>& indexes) {
    for (const size_t index : indexes) ranges_[index];
  }

  void record(size_t index, const ProofRecord& record) override {
    Range& range = ranges_.at(index);
    auto print =
        verify::print_of(record.offset, record.own_offset, record.timestamp_ms, record.body);
    if (!print) return failed(index, print.error().message);
    range.prints.push_back(*print);
  }
  void passed(size_t /*index*/, int64_t /*offset*/) override {}
  void finished(size_t /*index*/) override {}
  void failed(size_t index, std::string why) override {
    ranges_.at(index).trouble = std::move(why);
  }

  const std::vector<RecordPrint>& prints(size_t index) const { return ranges_.at(index).prints; }
  const std::string& trouble(size_t index) const { return ranges_.at(index).trouble; }

 private:
  struct Range {
    std::vector<RecordPrint> prints;
    std::string trouble;
  };
  std::map<size_t, Range> ranges_;  // no element comes or goes once it is made
};

class Narrowing {
 public:
  Narrowing(const ProofTools& tools, ProofPlan& plan,
            const std::vector<std::vector<int64_t>>& differing, RateLimit& rate,
            const StopToken& stop)
      : tools_(tools), plan_(plan), differing_(differing), rate_(rate), stop_(stop) {}

  Result<> run() {
    for (size_t i = 0; i < differing_.size(); ++i)
      if (!differing_[i].empty() && proof(i).trouble.empty()) next_[i] = 0;
    while (!next_.empty()) {
      std::vector<size_t> indexes;
      for (const auto& [index, at] : next_)
        if (indexes.size() < kMostAtOnce) indexes.push_back(index);
      KFERRY_CHECK(round(indexes));
    }
    return {};
  }

 private:
  PartitionProof& proof(size_t index) { return plan_.report.partitions[index]; }

  Result<> round(const std::vector<size_t>& indexes) {
    PrintSink source(indexes);
    PrintSink target(indexes);
    KFERRY_CHECK(read(indexes, ProofSide::kSource, source));
    KFERRY_CHECK(read(indexes, ProofSide::kTarget, target));
    for (const size_t index : indexes) judge(index, source, target);
    return {};
  }

  Result<> read(const std::vector<size_t>& indexes, ProofSide side, ProofSink& sink) {
    std::vector<ProofTask> tasks;
    for (const size_t index : indexes) {
      const int64_t range = differing_[index][next_[index]];
      const int64_t begin = std::max(range * verify::kRangeOffsets, proof(index).source_begin);
      const int64_t end = std::min((range + 1) * verify::kRangeOffsets, proof(index).source_end);
      tasks.push_back(make_task(plan_, index, side, begin, end));
    }
    const auto& cluster = side == ProofSide::kSource ? tools_.flow.source : tools_.flow.target;
    return tools_.read({cluster, tools_.sample, rate_, sink, stop_}, tasks);
  }

  void judge(size_t index, const PrintSink& source, const PrintSink& target) {
    PartitionProof& one = proof(index);
    for (const PrintSink* const side : {&source, &target})
      if (!side->trouble(index).empty()) one.trouble = side->trouble(index);
    const verify::Narrowed narrowed = verify::first_difference(
        source.prints(index), target.prints(index), plan_.details[index].compacted);
    one.compacted += narrowed.compacted;
    one.difference = narrowed.first;
    if (!one.trouble.empty() || one.differs()) {
      next_.erase(index);
      return;
    }
    --one.differing_ranges;
    if (++next_[index] < differing_[index].size()) return;
    one.compared_to = one.source_end;
    next_.erase(index);
  }

  const ProofTools& tools_;
  ProofPlan& plan_;
  const std::vector<std::vector<int64_t>>& differing_;
  RateLimit& rate_;
  const StopToken& stop_;
  std::map<size_t, size_t> next_;  // of each partition the range that is looked at next
};

}  // namespace

ProofTask make_task(const ProofPlan& plan, size_t index, ProofSide side, int64_t begin,
                    int64_t end) {
  const PartitionProof& one = plan.report.partitions[index];
  ProofTask task{.index = index,
                 .partition = one.source,
                 .source_topic = one.source.topic,
                 .begin = begin,
                 .end = end,
                 .wanted_begin = begin,
                 .wanted_end = end};
  if (side == ProofSide::kSource) return task;
  task.partition.topic = one.target_topic;
  if (!one.identity) {
    const OffsetMap& map = plan.details[index].map;
    task.map = &map;
    const auto first = map.to_target(SourceOffset(begin));
    const auto behind = map.to_target(SourceOffset(end));
    task.begin = first ? first->value() : one.target_begin;
    task.end = behind ? behind->value() : one.target_end;
  }
  task.begin = std::max(task.begin, one.target_begin);
  task.end = std::max(task.begin, std::min(task.end, one.target_end));
  return task;
}

Result<> narrow(const ProofTools& tools, ProofPlan& plan,
                const std::vector<std::vector<int64_t>>& differing, RateLimit& rate,
                const StopToken& stop) {
  return Narrowing(tools, plan, differing, rate, stop).run();
}

}  // namespace kferry::replicate
