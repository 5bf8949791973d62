#include "replicate/flow_view.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "kafkaio/topic_admin.h"
#include "replicate/flow_health.h"
#include "replicate/flow_progress.h"
#include "replicate/flow_state.h"
#include "replicate/state_topic.h"

namespace kferry::replicate {
namespace {

// Puts what the processes have told together.
class Assembly {
 public:
  Assembly(const std::map<std::string, std::string>& records, int64_t now_ms)
      : loaded_(records), now_ms_(now_ms) {}

  Result<FlowStatus> run(const std::string& flow) {
    KFERRY_TRY(const auto record, loaded_.flow());
    if (!record)
      return fail(ErrorKind::kRefused, fmt::format("flow '{}' was never mirrored", flow),
                  "check --flow, or start the mirror: kferry replicate");
    prefix_ = record->topic_prefix;
    status_.flow = flow;
    std::tie(status_.source_alias, status_.target_alias) = aliases_of(flow);
    const auto known = [](const std::string& id) {
      return id.empty() ? std::nullopt : std::optional(id);
    };
    status_.source_cluster_id = known(record->source_cluster_id);
    status_.target_cluster_id = known(record->target_cluster_id);
    KFERRY_TRY(status_.cutover, view_cutover(loaded_.records()));
    if (is_finished(status_)) nobody_ = "the move is over: it is not copied any more";
    KFERRY_CHECK(read_progress());
    KFERRY_CHECK(read_unattended());
    conclude();
    return std::move(status_);
  }

 private:
  Result<> read_progress() {
    const auto& records = loaded_.records();
    std::vector<SlotProgress> all;
    for (auto at = records.lower_bound(std::string(kProgressPrefix));
         at != records.end() && at->first.starts_with(kProgressPrefix); ++at) {
      KFERRY_TRY(SlotProgress progress, parse_progress(at->second));
      ProcessStatus& process = processes_[progress.instance];
      process.instance = progress.instance;
      process.told_at_ms = std::max(process.told_at_ms, progress.at_ms);
      ++process.slots;
      process.ended = process.ended || (progress.process && progress.process->ended);
      fresh_.insert({progress.instance, false}).first->second |= progress.is_fresh(now_ms_);
      all.push_back(std::move(progress));
    }
    for (const SlotProgress& one : all) take(one);
    all_ = std::move(all);
    return {};
  }

  void take(const SlotProgress& slot) {
    const bool running = is_attended(slot);
    if (slot.process) take_process(slot, running);
    if (running)
      for (const GroupStatus& group : slot.groups) merge(group);
    for (const SlotProgress::One& one : slot.partitions) {
      PartitionStatus partition = partition_of(one.source);
      partition.phase = one.phase;
      partition.identity = one.identity;
      partition.reason = one.reason;
      partition.position = one.position;
      partition.source_end = one.source_end;
      partition.target_end = one.target_end;
      if (!running && one.phase != Phase::kQuarantined) {
        partition.phase = Phase::kWaiting;
        partition.reason = nobody_;
      }
      status_.partitions.push_back(std::move(partition));
    }
  }

  bool is_attended(const SlotProgress& slot) const {
    return slot.is_fresh(now_ms_) && !processes_.at(slot.instance).ended;
  }

  void take_process(const SlotProgress& slot, bool running) {
    const SlotProgress::Process& process = *slot.process;
    processes_[slot.instance].started_at_ms = process.started_at_ms;
    if (!running) return;
    ready_ = ready_.value_or(true) && process.ready;
    status_.records += process.records;
    status_.bytes += process.bytes;
    status_.buffered_bytes += process.buffered_bytes;
    status_.max_bytes_per_second += process.max_bytes_per_second;
    if (process.rates) add(*process.rates);
    for (const std::string& trouble : process.troubles)
      if (std::ranges::find(status_.troubles, trouble) == status_.troubles.end())
        status_.troubles.push_back(trouble);
  }

  void add(const MirrorRates& rates) {
    MirrorRates sum = status_.rates.value_or(MirrorRates());
    sum.records_per_second += rates.records_per_second;
    sum.bytes_per_second += rates.bytes_per_second;
    sum.lag_per_second += rates.lag_per_second;
    sum.published_per_second += rates.published_per_second;
    status_.rates = sum;
  }

  // Each process tells of the group's offsets in its own partitions.
  void merge(const GroupStatus& group) {
    const auto [at, is_new] = groups_.try_emplace(group.group, group);
    if (is_new) return;
    GroupStatus& merged = at->second;
    merged.partitions += group.partitions;
    merged.synced += group.synced;
    merged.synced_at_ms = std::max(merged.synced_at_ms, group.synced_at_ms);
    merged.latency_ms = std::max(merged.latency_ms, group.latency_ms);
    if (merged.state == "synced" || merged.state == "no offsets") {
      merged.state = group.state;
      merged.reason = group.reason;
    }
  }

  // Partitions that were begun with, in slots that nobody tells of.
  Result<> read_unattended() {
    constexpr std::string_view kPrefix = "partition/";
    const auto& records = loaded_.records();
    for (auto at = records.lower_bound(std::string(kPrefix));
         at != records.end() && at->first.starts_with(kPrefix); ++at) {
      const std::optional<TopicPartition> source =
          parse_partition(std::string_view(at->first).substr(kPrefix.size()));
      if (!source || !is_untold(*source)) continue;
      KFERRY_TRY(const auto record, loaded_.partition(*source));
      PartitionStatus partition = partition_of(*source);
      partition.identity = record->identity;
      partition.position = record->reference.source;
      partition.reason = nobody_;
      status_.partitions.push_back(std::move(partition));
    }
    return {};
  }

  bool is_untold(const TopicPartition& source) const {
    return !loaded_.records().contains(progress_key(StateTopic::slot_of(source)));
  }

  static std::optional<TopicPartition> parse_partition(std::string_view text) {
    const size_t slash = text.rfind('/');
    if (slash == text.npos) return std::nullopt;
    int32_t number = -1;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, number);
    if (error != std::errc() || rest != end || number < 0) return std::nullopt;
    return TopicPartition{TopicName(std::string(text.substr(0, slash))), Partition(number)};
  }

  PartitionStatus partition_of(const TopicPartition& source) const {
    PartitionStatus partition;
    partition.source = source;
    partition.target_topic = TopicName(prefix_ + source.topic.value());
    partition.records = partition.bytes = -1;
    return partition;
  }

  // The information is as old as the oldest that a running process has told; without one, as the
  // newest.
  void conclude() {
    std::ranges::sort(status_.partitions, {}, &PartitionStatus::source);
    for (auto& [id, group] : groups_) status_.groups.push_back(std::move(group));
    status_.ready = ready_.value_or(false);
    const ProcessStatus* last = nullptr;
    std::optional<int64_t> oldest;
    for (const SlotProgress& slot : all_)
      if (is_attended(slot)) oldest = std::min(oldest.value_or(slot.at_ms), slot.at_ms);
    for (auto& [instance, process] : processes_) {
      if (last == nullptr || process.told_at_ms > last->told_at_ms) last = &process;
      process.running = fresh_.at(instance) && !process.ended;
      status_.processes.push_back(process);
    }
    if (last == nullptr) return;
    status_.instance = last->instance;
    status_.started_at_ms = last->started_at_ms;
    status_.taken_at_ms = oldest.value_or(last->told_at_ms);
  }

  const LoadedState loaded_;
  const int64_t now_ms_;
  const char* nobody_ = "no process of the mirror attends to it";
  std::string prefix_;
  FlowStatus status_;
  std::optional<bool> ready_;
  std::vector<SlotProgress> all_;
  std::map<std::string, ProcessStatus> processes_;
  std::map<std::string, bool> fresh_;  // by process: heard of lately
  std::map<GroupId, GroupStatus> groups_;
};

// "a, b": the flows that have a state among these topics, as their topics call them.
std::string flows_among(const std::map<TopicName, int32_t>& topics) {
  constexpr std::string_view kPrefix = "__kferry.";
  constexpr std::string_view kSuffix = ".state";
  constexpr size_t kMost = 10;
  std::vector<std::string> flows;
  for (const auto& [topic, partitions] : topics) {
    const std::string& name = topic.value();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) || flows.size() == kMost) continue;
    flows.push_back(name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size()));
  }
  return fmt::format("{}", fmt::join(flows, ", "));
}

}  // namespace

Result<FlowStatus> flow_status(const std::map<std::string, std::string>& records,
                               const std::string& flow, int64_t now_ms) {
  return Assembly(records, now_ms).run(flow);
}

Result<FlowView> FlowView::open(const ClusterSettings& target, const std::string& flow,
                                const Wait& wait) {
  KFERRY_TRY(auto admin, kafkaio::TopicAdmin::connect(target.properties));
  const TopicName topic = StateTopic::name_of(flow);
  KFERRY_TRY(const auto topics, admin.partition_counts(wait));
  if (!topics.contains(topic)) {
    const std::string others = flows_among(topics);
    return fail(ErrorKind::kRefused,
                fmt::format("flow '{}' was never mirrored to {}: there is no topic {}", flow,
                            target.bootstrap_servers, topic),
                others.empty() ? "check --target and --flow; no flow has a state there"
                               : fmt::format("check --flow; there is a state of: {} (a '->' in a "
                                             "flow's name is shown as '.')",
                                             others));
  }
  KFERRY_TRY(auto reader, kafkaio::CompactedReader::open(target.properties, topic, wait));
  return FlowView(flow, std::move(reader));
}

Result<FlowStatus> FlowView::read(const Wait& wait) {
  KFERRY_CHECK(reader_.catch_up(wait));
  return flow_status(reader_.entries(), flow_, wall_clock_ms());
}

}  // namespace kferry::replicate
