// Preparer: filling the heads, and saving reference points.
#include <algorithm>

#include <fmt/format.h>

#include "replicate/preparer.h"
#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

constexpr Duration kSaveInterval{5'000};

}  // namespace

// One round of fillers for everything that is being filled.
Result<> Preparer::fill_heads(const Wait& wait) {
  std::vector<TopicPartition> targets;
  std::set<TopicName> topics;
  for (const auto& [source, target] : filling_) {
    targets.push_back(target);
    topics.insert(target.topic);
  }
  KFERRY_TRY(target_metadata_, tools_.target.fetch_metadata(
                                   std::vector<TopicName>(topics.begin(), topics.end()), wait));
  KFERRY_TRY(ends_, read_target_ends(tools_.target, target_metadata_, targets,
                                     tools_.flow.filler_id, wait));
  to_save_.clear();
  std::map<TopicPartition, TopicPartition> by_target;
  std::map<TopicPartition, TopicPartition> filled;
  std::vector<ToFill> work = work_left(by_target, filled);

  // Whether what is written can be deleted again is found out before anything is written.
  std::map<TopicPartition, Offset> probes;
  for (const ToFill& one : work)
    if (!deletable_.contains(one.partition))
      probes[one.partition] = Offset(ends_[one.partition].start.value());
  if (!probes.empty()) {
    for (const auto& [target, probed] : tools_.delete_records(probes, wait)) {
      if (probed)
        deletable_.insert(target);
      else if (probed.error().kind != ErrorKind::kUnreachable)
        give_up_filling(by_target.at(target), probed.error().message);
    }
    std::erase_if(work, [&](const ToFill& one) { return !deletable_.contains(one.partition); });
  }
  for (const auto& [target, result] : filler_.round(target_metadata_, work, wait)) {
    if (result || wire::error_row(static_cast<int16_t>(result.error().kafka_code)).retriable ||
        result.error().kind == ErrorKind::kUnreachable)
      continue;  // the next round looks at the ends again
    const TopicPartition source = by_target.at(target);
    if (ends_[target].end == ends_[target].start) give_up_filling(source, result.error().message);
    if (!filling_.contains(source)) continue;
    quarantine(source, result.error().message);
    filling_.erase(source);
  }
  KFERRY_CHECK(trim_heads(filled, wait));
  return commit_round(wait);
}

// What is still to be written. Those that are done go to `filled`, by target.
std::vector<ToFill> Preparer::work_left(std::map<TopicPartition, TopicPartition>& by_target,
                                        std::map<TopicPartition, TopicPartition>& filled) {
  std::vector<ToFill> work;
  std::vector<TopicPartition> over;
  for (const auto& [source, target] : filling_) {
    const TargetEnds& ends = ends_[target];
    const TargetOffset to(records_.at(source).fill_to->value());
    by_target[target] = source;
    if (ends.error_code != wire::kNone || ends.committed < ends.end) continue;
    if (ends.end < to) {
      work.push_back({target, ends.end, to});
      const int64_t done = ends.end.value();
      hold(source, Phase::kFilling,
           fmt::format("{} of {} offsets before the log's start", done, to));
    } else if (ends.end == to) {
      filled[target] = source;
    } else {
      over.push_back(source);
    }
  }
  for (const TopicPartition& source : over) {
    quarantine(source, fmt::format("somebody else wrote to {} on the target while its head was "
                                   "being filled",
                                   filling_.at(source)));
    filling_.erase(source);
  }
  return work;
}

Result<> Preparer::trim_heads(const std::map<TopicPartition, TopicPartition>& filled,
                              const Wait& wait) {
  if (filled.empty()) return {};
  std::map<TopicPartition, Offset> trims;
  for (const auto& [target, source] : filled)
    trims[target] = Offset(records_.at(source).fill_to->value());
  for (const auto& [target, trimmed] : tools_.delete_records(trims, wait)) {
    const TopicPartition& source = filled.at(target);
    if (!trimmed) {
      hold(source, Phase::kFilling, trimmed.error().message);
      continue;
    }
    PartitionRecord record = records_.at(source);
    record.fill_to.reset();
    save(source, record);
    filling_.erase(source);
    // The next round looks at both sides once more, and begins.
    tools_.copier.visit(source, [](PartitionCopy& copy) { copy.reposition("its head is filled"); });
  }
  return {};
}

// Nothing was written yet: exact translation instead.
void Preparer::give_up_filling(const TopicPartition& source, const std::string& why) {
  if (tools_.mode == OffsetsMode::kIdentity) {
    quarantine(source, fmt::format("identity is not possible: {}", why));
  } else {
    PartitionRecord record = records_.at(source);
    record.identity = false;
    record.why_not_identity = why;
    record.fill_to.reset();
    record.reference.target = ends_[filling_.at(source)].end;
    save(source, record);
    tools_.copier.visit(source, [&](PartitionCopy& copy) { copy.reposition(why); });
  }
  filling_.erase(source);
}

Result<> Preparer::save_references(const Wait& wait) {
  next_save_ = Deadline::after(kSaveInterval);
  std::vector<StateStore::Entry> entries;
  tools_.copier.visit_all([&](const PartitionCopy& copy) { add_references(copy, entries); });
  if (entries.empty()) return {};
  return tools_.state.put(entries, wait);
}

// The runs first: a reference point says that everything before it is in them.
void Preparer::add_references(const PartitionCopy& copy, std::vector<StateStore::Entry>& entries) {
  const auto found = records_.find(copy.source());
  if (found == records_.end() || !copy.started() || found->second.reference == copy.confirmed())
    return;
  if (found->second.identity != copy.identity() || found->second.fill_to) return;
  if (!copy.identity()) {
    const auto& runs = copy.map().runs();
    size_t& saved = runs_saved_[copy.source()];
    for (size_t chunk = saved / kRunsPerChunk; saved < runs.size(); ++chunk) {
      const auto begin = runs.begin() + static_cast<std::ptrdiff_t>(chunk * kRunsPerChunk);
      saved = std::min(runs.size(), (chunk + 1) * kRunsPerChunk);
      const auto end = runs.begin() + static_cast<std::ptrdiff_t>(saved);
      entries.push_back({runs_key(copy.source(), chunk), runs_to_json({begin, end})});
    }
    tools_.plans.trim(copy.source(), copy.confirmed().copied);
  }
  found->second.reference = copy.confirmed();
  entries.push_back({partition_key(copy.source()), to_json(found->second)});
}

}  // namespace kferry::replicate
