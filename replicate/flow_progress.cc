#include "replicate/flow_progress.h"

#include <fmt/format.h>

#include "replicate/state_json.h"
#include "replicate/state_topic.h"

namespace kferry::replicate {
namespace {

using nlohmann::json;

json process_json(const SlotProgress::Process& process) {
  json value{{"started_at_ms", process.started_at_ms},
             {"ready", process.ready},
             {"ended", process.ended},
             {"records", process.records},
             {"bytes", process.bytes},
             {"max_bytes_per_second", process.max_bytes_per_second},
             {"buffered_bytes", process.buffered_bytes},
             {"troubles", process.troubles}};
  if (const auto& rates = process.rates)
    value["rates"] = {rates->records_per_second, rates->bytes_per_second, rates->lag_per_second,
                      rates->published_per_second};
  return value;
}

SlotProgress::Process read_process(const json& from) {
  SlotProgress::Process process;
  from.at("started_at_ms").get_to(process.started_at_ms);
  from.at("ready").get_to(process.ready);
  from.at("ended").get_to(process.ended);
  from.at("records").get_to(process.records);
  from.at("bytes").get_to(process.bytes);
  from.at("max_bytes_per_second").get_to(process.max_bytes_per_second);
  from.at("buffered_bytes").get_to(process.buffered_bytes);
  from.at("troubles").get_to(process.troubles);
  if (const auto rates = from.find("rates"); rates != from.end())
    process.rates = {rates->at(0), rates->at(1), rates->at(2), rates->at(3)};
  return process;
}

GroupStatus read_group(const json& from) {
  return {GroupId(from.at(0).get<std::string>()),
          from.at(1),
          from.at(2),
          from.at(3),
          from.at(4),
          from.at(5),
          from.at(6)};
}

SlotProgress::One read_one(const json& from) {
  SlotProgress::One one;
  one.source = {TopicName(from.at(0).get<std::string>()), Partition(from.at(1).get<int32_t>())};
  one.phase = from_name(kPhases, from.at(2).get<std::string>());
  from.at(3).get_to(one.identity);
  one.position = SourceOffset(from.at(4).get<int64_t>());
  one.target_end = TargetOffset(from.at(5).get<int64_t>());
  one.source_end = SourceOffset(from.at(6).get<int64_t>());
  if (from.size() > 7) from.at(7).get_to(one.reason);
  return one;
}

}  // namespace

std::string progress_key(Partition slot) {
  return fmt::format("{}{}", kProgressPrefix, slot);
}

std::string to_json(const SlotProgress& progress) {
  json partitions = json::array();
  for (const SlotProgress::One& one : progress.partitions) {
    json entry{one.source.topic.value(),
               one.source.partition.value(),
               std::string(to_string(one.phase)),
               one.identity,
               one.position.value(),
               one.target_end.value(),
               one.source_end.value()};
    if (!one.reason.empty()) entry.push_back(one.reason);
    partitions.push_back(std::move(entry));
  }
  json value{{"instance", progress.instance},
             {"at_ms", progress.at_ms},
             {"next_ms", progress.next_ms},
             {"seen", progress.seen},
             {"partitions", std::move(partitions)}};
  for (const GroupStatus& one : progress.groups)
    value["groups"].push_back({one.group.value(), one.state, one.reason, one.partitions, one.synced,
                               one.synced_at_ms, one.latency_ms});
  if (progress.process) value["process"] = process_json(*progress.process);
  return dump(value);
}

Result<SlotProgress> parse_progress(const std::string& value) {
  return parse("a slot's progress", value, [](const json& from) {
    SlotProgress progress;
    from.at("instance").get_to(progress.instance);
    from.at("at_ms").get_to(progress.at_ms);
    progress.next_ms = from.value("next_ms", progress.next_ms);
    from.at("seen").get_to(progress.seen);
    for (const json& one : from.at("partitions")) progress.partitions.push_back(read_one(one));
    if (const auto groups = from.find("groups"); groups != from.end())
      for (const json& one : *groups) progress.groups.push_back(read_group(one));
    if (const auto process = from.find("process"); process != from.end())
      progress.process = read_process(*process);
    return progress;
  });
}

std::map<Partition, SlotProgress> progress_of(const FlowStatus& status,
                                              const std::set<Partition>& slots, int64_t seen,
                                              Duration next, bool ended) {
  std::map<Partition, SlotProgress> progress;
  for (const Partition slot : slots)
    progress[slot] = {status.instance, status.taken_at_ms, seen, {}, next.count(), {}, {}};
  if (progress.empty()) return progress;
  progress.begin()->second.process = {
      status.started_at_ms,  status.ready, ended,
      status.records,        status.bytes, status.max_bytes_per_second,
      status.buffered_bytes, status.rates, status.troubles};
  auto next_slot = progress.begin();
  for (const GroupStatus& group : status.groups) {
    next_slot->second.groups.push_back(group);
    if (++next_slot == progress.end()) next_slot = progress.begin();
  }
  for (const PartitionStatus& one : status.partitions) {
    const auto slot = progress.find(StateTopic::slot_of(one.source));
    if (slot == progress.end()) continue;
    slot->second.partitions.push_back({one.source, one.phase, one.identity, one.position,
                                       one.target_end, one.source_end, one.reason});
  }
  return progress;
}

}  // namespace kferry::replicate
