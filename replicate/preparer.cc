#include "replicate/preparer.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "replicate/alignment.h"
#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

constexpr Duration kRoundTimeout{60'000};
constexpr Duration kIdle{1'000};
constexpr Duration kPauseBetweenAttempts{200};
constexpr Duration kLastSaveTimeout{10'000};
constexpr Duration kSuspicion{15'000};
constexpr int64_t kMostFillers = 2'000'000'000;

std::set<TopicName> topics_of(const auto& partitions) {
  std::set<TopicName> topics;
  for (const TopicPartition& one : partitions) topics.insert(one.topic);
  return topics;
}

std::vector<TopicName> as_list(const std::set<TopicName>& topics) {
  return {topics.begin(), topics.end()};
}

constexpr const char* kStartOver =
    "; to start over, delete it on the target and in the flow's state";

std::string recreated(const TopicName& topic) {
  return fmt::format("topic {} was deleted and created anew on the source{}", topic, kStartOver);
}

std::string id_of(const wire::Uuid& topic_id) {
  return topic_id == wire::Uuid{} ? "" : wire::to_hex(topic_id);
}

}  // namespace

void Preparer::run(const StopToken& stop) {
  while (!stop.stop_requested()) {
    tools_.copier.wait_for_preparation(
        Wait(Deadline::after(filling_.empty() ? kIdle : Duration(0)), stop));
    const Wait wait(Deadline::after(kRoundTimeout), stop);
    auto done = round(wait);
    if (done && !filling_.empty()) done = fill_heads(wait);
    if (done && next_save_.expired()) done = save_references(wait);
    if (done) {
      tools_.troubles.clear("preparation");
    } else if (!stop.stop_requested()) {
      tools_.troubles.set("preparation", done.error().message);
    }
    if (!done || !collect().empty()) stop.sleep_for(kPauseBetweenAttempts);
  }
  const auto saved = save_references(Wait::uninterruptible(kLastSaveTimeout));
  if (!saved)
    log::warn("the last reference points were not saved", {{"error", saved.error().message}});
}

std::vector<Preparer::Case> Preparer::collect() const {
  std::vector<Case> cases;
  tools_.copier.visit_all([&](const PartitionCopy& copy) {
    if (!copy.wants_position()) return;
    cases.push_back({.source = copy.source(),
                     .target = copy.target(),
                     .topic_id = copy.topic_id(),
                     .doubts_source = copy.doubts_source(),
                     .diverges_at = copy.source_diverges_at(),
                     .wants_translation = copy.wants_translation(),
                     .wants_new_producer = copy.wants_new_producer(),
                     .expects_others = copy.expects_other_writers(),
                     .gap_producer = copy.gap_producer(),
                     .started = copy.started(),
                     .reason = copy.reason(),
                     .confirmed = copy.confirmed(),
                     .identity = copy.identity(),
                     .map = copy.map()});
  });
  return cases;
}

Result<> Preparer::round(const Wait& wait) {
  const std::vector<Case> cases = collect();
  if (cases.empty()) return {};
  KFERRY_CHECK(read_clusters(cases, wait));
  to_save_.clear();
  beginnings_.clear();
  for (const Case& one : cases) prepare(one, wait);
  return commit_round(wait);
}

Result<> Preparer::read_clusters(const std::vector<Case>& cases, const Wait& wait) {
  std::vector<TopicPartition> sources;
  std::vector<TopicPartition> targets;
  for (const Case& one : cases) {
    targets.push_back(one.target);
    if (!one.started || one.doubts_source) sources.push_back(one.source);
  }
  ranges_.clear();
  if (!sources.empty()) {
    KFERRY_TRY(source_metadata_, tools_.source.fetch_metadata(std::nullopt, wait));
    KFERRY_TRY(ranges_, wire::fetch_log_ranges(tools_.source, source_metadata_, sources, wait));
  }
  KFERRY_TRY(target_metadata_, tools_.target.fetch_metadata(as_list(topics_of(targets)), wait));
  KFERRY_TRY(ends_, read_target_ends(tools_.target, target_metadata_, targets,
                                     tools_.flow.producer_id, wait));
  return {};
}

// What was decided is durable before it takes effect.
Result<> Preparer::commit_round(const Wait& wait) {
  if (!to_save_.empty()) KFERRY_CHECK(tools_.state.put(to_save_, wait));
  for (Beginning& one : beginnings_)
    tools_.copier.visit(one.source, [&](PartitionCopy& copy) {
      if (copy.wants_position()) copy.start(std::move(one.start));
    });
  return {};
}

void Preparer::prepare(const Case& one, const Wait& wait) {
  if (!is_readable(one)) return;
  if (!one.started) {
    if (const auto recalled = recall(one); !recalled)
      return quarantine(one.source, recalled.error().message);
  }
  const auto known = records_.find(one.source);
  // Retention overtook the very beginning: nothing was promised yet.
  const auto range = ranges_.find(one.source);
  const bool begin_later = one.doubts_source && !one.diverges_at && one.confirmed.copied == 0 &&
                           range != ranges_.end() &&
                           range->second.start.value() > one.confirmed.source.value();
  if (known == records_.end() || begin_later) return adopt(one);
  if (one.doubts_source && condemn(one)) return;
  if (known->second.fill_to) {
    filling_[one.source] = one.target;
    return hold(one.source, Phase::kFilling, {});
  }
  if (const auto resumed = resume(one, known->second, wait); !resumed) {
    if (resumed.error().kind == ErrorKind::kFailed || resumed.error().kind == ErrorKind::kRefused)
      quarantine(one.source, resumed.error().message);
    else
      hold(one.source, Phase::kPositioning, resumed.error().message);
  }
}

// Whether both sides answered for it. A leader that is missing for a while is waited for.
bool Preparer::is_readable(const Case& one) {
  const auto check = [&](int16_t code, const char* side, const TopicPartition& partition) {
    if (code == wire::kNone) return true;
    const auto& row = wire::error_row(code);
    std::string words =
        fmt::format("{} on the {}: {} ({})", partition, side, row.name, row.description);
    if (row.retriable)
      hold(one.source, Phase::kPositioning, std::move(words));
    else
      quarantine(one.source, std::move(words));
    return false;
  };
  const TargetEnds& ends = ends_[one.target];
  if (!check(ends.error_code, "target", one.target)) return false;
  if (ends.committed < ends.end) {
    hold(one.source, Phase::kPositioning, "the target's replicas are catching up");
    return false;
  }
  const auto range = ranges_.find(one.source);
  // Of one that is doubted the verdict has better words.
  return range == ranges_.end() || one.doubts_source ||
         check(range->second.error_code, "source", one.source);
}

// True: it cannot go on, for now or for good.
bool Preparer::condemn(const Case& one) {
  auto verdict = verdict_on_source(one);
  if (!verdict) {
    suspected_.erase(one.source);
    return false;
  }
  const auto [since, is_new] = suspected_.try_emplace(one.source, Deadline::after(kSuspicion));
  if (verdict->certain || since->second.expired()) {
    suspected_.erase(since);
    quarantine(one.source, std::move(verdict->why));
  } else {
    hold(one.source, Phase::kPositioning, std::move(verdict->why));
  }
  return true;
}

std::optional<Preparer::Verdict> Preparer::verdict_on_source(const Case& one) const {
  const SourceOffset position = one.confirmed.source;
  const auto topic = source_metadata_.topics.find(one.source.topic);
  if (topic == source_metadata_.topics.end())
    return Verdict{fmt::format("topic {} was deleted on the source", one.source.topic), false};
  if (one.topic_id != wire::Uuid{} && topic->second.topic_id != one.topic_id)
    return Verdict{recreated(one.source.topic)};
  if (one.diverges_at)
    return Verdict{fmt::format(
        "the source's log of {} was truncated to offset {} (unclean leader election); the target "
        "has records up to {} that the source has lost{}",
        one.source, *one.diverges_at, position, kStartOver)};
  const auto found = ranges_.find(one.source);
  if (found == ranges_.end() || found->second.error_code != wire::kNone) return std::nullopt;
  const wire::LogRange& range = found->second;
  if (range.start.value() > position.value())
    return Verdict{fmt::format(
        "{}: retention on the source deleted offsets {} to {} before they were copied{}",
        one.source, position, range.start.value() - 1, kStartOver)};
  if (range.end.value() < position.value())
    return Verdict{
        fmt::format(
            "the source's log of {} ends at {}, before {}, which was copied already: the topic was "
            "created anew, or an unclean leader election lost records{}",
            one.source, range.end, position, kStartOver),
        false};
  return std::nullopt;
}

void Preparer::adopt(const Case& one) {
  const TargetEnds& ends = ends_[one.target];
  const int64_t start = ranges_[one.source].start.value();
  const int64_t end = ends.end.value();
  if (tools_.way_back) {
    const auto point = tools_.way_back(one.source, SourceOffset(start), ends.end);
    if (!point) return quarantine(one.source, point.error().message);
    if (*point) return adopt_from(one, **point);
  }
  PartitionRecord record;
  record.topic_id = id_of(one.topic_id);
  if (tools_.mode == OffsetsMode::kTranslate)
    record.why_not_identity = "--offsets translate";
  else if (ends.start != ends.end)
    record.why_not_identity =
        fmt::format("the target topic has {} records already", end - ends.start.value());
  else if (end > start)
    record.why_not_identity =
        fmt::format("the target's log begins at {}, behind the source's {}", end, start);
  else if (start - end > kMostFillers)
    record.why_not_identity = fmt::format("the source's log begins at {}, too far to fill", start);
  record.identity = record.why_not_identity.empty();
  if (!record.identity && tools_.mode == OffsetsMode::kIdentity)
    return quarantine(one.source,
                      fmt::format("identity is not possible: {}", record.why_not_identity));
  record.reference.source = SourceOffset(start);
  record.reference.target = TargetOffset(record.identity ? start : end);
  if (record.identity && end < start) record.fill_to = SourceOffset(start);
  save(one.source, record);
  if (!record.fill_to) return begin(one, record, record.reference, {});
  filling_[one.source] = one.target;
  hold(one.source, Phase::kFilling, {});
}

// The flow whose way back this is has copied it the other way.
void Preparer::adopt_from(const Case& one, const ReturnPoint& point) {
  PartitionRecord record;
  record.topic_id = id_of(one.topic_id);
  record.identity = point.why_not_identity.empty();
  record.why_not_identity = point.why_not_identity;
  if (!record.identity && tools_.mode == OffsetsMode::kIdentity)
    return quarantine(one.source,
                      fmt::format("identity is not possible: {}", record.why_not_identity));
  record.reference = point.begin;
  record.mixed = point.mixed;
  if (!record.identity)
    to_save_.push_back({runs_key(one.source, 0), runs_to_json(point.map.runs())});
  save(one.source, record);
  begin(one, record, record.reference, point.map);
}

// It may have been another process's meanwhile: only the state topic counts.
Result<> Preparer::recall(const Case& one) {
  const LoadedState loaded = tools_.load(one.source);
  KFERRY_TRY(const auto record, loaded.partition(one.source));
  records_.erase(one.source);
  recalled_maps_.erase(one.source);
  if (!record) return {};
  const std::string id = id_of(one.topic_id);
  if (!id.empty() && !record->topic_id.empty() && record->topic_id != id)
    return fail(ErrorKind::kRefused, recreated(one.source.topic));
  records_[one.source] = *record;
  if (record->identity) return {};
  KFERRY_TRY(recalled_maps_[one.source], loaded.map(one.source));
  runs_saved_[one.source] = recalled_maps_[one.source].size();
  KFERRY_TRY(SourcePlan plan, loaded.plan(one.source));
  tools_.plans.load(one.source, std::move(plan));
  return {};
}

Result<> Preparer::resume(const Case& one, PartitionRecord& record, const Wait& wait) {
  OffsetMap map = one.started ? one.map : std::exchange(recalled_maps_[one.source], {});
  const CopyPosition reference = one.started ? one.confirmed : record.reference;
  bool changed = false;
  std::vector<int64_t>& fillers = record.gap_producers;
  if (one.gap_producer && std::ranges::find(fillers, *one.gap_producer) == fillers.end()) {
    fillers.push_back(*one.gap_producer);
    changed = true;
  }
  KFERRY_TRY(const LogScan scan, find_position(one, record, reference, wait));
  if (record.identity && scan.has_fillers && !scan.foreign && !tools_.way_back)
    KFERRY_CHECK(check_offsets(one, scan, wait));
  const bool foreign = scan.foreign && record.identity;
  if (foreign && !one.expects_others)
    return fail(ErrorKind::kRefused,
                fmt::format("somebody else wrote to {} on the target at offset {}; stop the "
                            "foreign writer, then start over with an empty topic or with "
                            "--offsets translate",
                            one.target, *scan.foreign));
  if (record.identity && (foreign || one.wants_translation)) {
    record.identity = false;
    record.why_not_identity = foreign ? others_write_from(*scan.foreign) : one.reason;
    if (foreign) record.others_from = scan.foreign;
    map.add({SourceOffset(0), TargetOffset(0)});  // what has been copied keeps its offsets
    changed = true;
  }
  for (const OffsetRun& run : scan.runs) map.add(run);
  if (one.wants_new_producer) {
    ++record.epochs_since;
    record.copied_before = scan.position.copied;
    changed = true;
  }
  if (changed) {
    record.reference = scan.position;
    to_save_.push_back({runs_key(one.source, 0), runs_to_json(map.runs())});
    save(one.source, record);
  }
  tools_.plans.restart(one.source, scan.position.copied);
  begin(one, record, scan.position, std::move(map));
  return {};
}

// That what was copied has the source's offsets still, in spite of the fillers between it.
Result<> Preparer::check_offsets(const Case& one, const LogScan& scan, const Wait& wait) {
  if (!source_metadata_.topics.contains(one.source.topic)) {
    KFERRY_TRY(source_metadata_, tools_.source.fetch_metadata(std::nullopt, wait));
  }
  const auto topic = source_metadata_.topics.find(one.source.topic);
  if (topic == source_metadata_.topics.end()) return {};  // deleted: the reader sees that
  const auto found = topic->second.partitions.find(one.source.partition);
  if (found == topic->second.partitions.end()) return {};
  KFERRY_TRY(wire::Broker* const source, tools_.source.broker(found->second.leader, wait));
  const BrokerId leader =
      target_metadata_.topics.at(one.target.topic).partitions.at(one.target.partition).leader;
  KFERRY_TRY(wire::Broker* const target, tools_.target.broker(leader, wait));
  const LogSide here{*source, one.source};
  const LogSide there{*target, one.target};
  if (scan.last_ours) KFERRY_CHECK(check_record(here, there, scan.last_ours->value(), wait));
  if (!scan.fillers_from) return {};
  return check_gap(here, scan.fillers_from->value(), scan.position.target.value(), wait);
}

Result<LogScan> Preparer::find_position(const Case& one, const PartitionRecord& record,
                                        const CopyPosition& reference, const Wait& wait) {
  const TargetEnds& ends = ends_[one.target];
  const int64_t grown = ends.end.value() - reference.target.value();
  if (grown < 0)
    return fail(
        ErrorKind::kFailed,
        fmt::format("the target's log of {} ends at {}, before {}, which it had already: it "
                    "was created anew, or lost records",
                    one.target, ends.end, reference.target));
  if (grown == 0) return LogScan{reference, {}, {}};
  const ProducerIdentity producer{tools_.flow.producer_id, 0, record.copied_before};
  if (record.identity && ends.last_sequence) {
    // As many records of ours as the log has grown by: nothing else can be in between.
    const auto next = static_cast<uint32_t>(*ends.last_sequence) + 1;
    const auto expected =
        static_cast<uint32_t>(wire::advance_sequence(0, reference.copied - record.copied_before));
    if (((next - expected) & 0x7fffffff) == grown)
      return LogScan{{SourceOffset(ends.end.value()), ends.end, reference.copied + grown}, {}, {}};
  }
  const SourcePlan plan = tools_.plans.plan(one.source);
  const CopyPosition from{reference.source, std::max(reference.target, ends.start),
                          reference.copied};
  LogScanner scanner(from, {producer, tools_.flow.filler_id, record.gap_producers}, record.identity,
                     plan);
  if (from.target < ends.end) {
    const BrokerId leader =
        target_metadata_.topics.at(one.target.topic).partitions.at(one.target.partition).leader;
    KFERRY_TRY(wire::Broker* const broker, tools_.target.broker(leader, wait));
    KFERRY_TRY(const LogScan scan, scan_target_log(*broker, one.target, scanner, ends.end, wait));
    return scan;
  }
  // The target's retention has deleted everything.
  if (!record.identity)
    return fail(ErrorKind::kFailed,
                fmt::format("{}: the target's retention has deleted all that was copied since the "
                            "last reference point; where to go on cannot be told",
                            one.target));
  LogScan scan = scanner.scan();
  scan.position.source = SourceOffset(ends.end.value());
  scan.position.target = ends.end;
  return scan;
}

void Preparer::begin(const Case& one, const PartitionRecord& record, const CopyPosition& position,
                     OffsetMap map) {
  const auto epoch = static_cast<int16_t>(tools_.flow.producer_epoch + record.epochs_since);
  beginnings_.push_back({one.source,
                         {.position = position,
                          .producer = {tools_.flow.producer_id, epoch, record.copied_before},
                          .identity = record.identity,
                          .why_not_identity = record.why_not_identity,
                          .map = std::move(map),
                          .mixed = record.mixed}});
}

void Preparer::save(const TopicPartition& source, const PartitionRecord& record) {
  records_[source] = record;
  to_save_.push_back({partition_key(source), to_json(record)});
}

void Preparer::quarantine(const TopicPartition& source, std::string reason) {
  log::error("partition cannot follow",
             {{"partition", fmt::format("{}", source)}, {"why", reason}});
  tools_.copier.visit(source, [&](PartitionCopy& copy) { copy.quarantine(std::move(reason)); });
}

void Preparer::hold(const TopicPartition& source, Phase phase, std::string reason) {
  tools_.copier.visit(source,
                      [&](PartitionCopy& copy) { copy.set_phase(phase, std::move(reason)); });
}

}  // namespace kferry::replicate
