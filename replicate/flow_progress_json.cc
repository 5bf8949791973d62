// The JSON of flow_progress.h.
#include <cmath>
#include <limits>

#include "base/whole_number.h"
#include "replicate/flow_progress.h"
#include "replicate/state_json.h"

namespace kferry::replicate {
namespace {

using nlohmann::json;

constexpr int64_t kLongestPauseMs = 24 * 3'600'000;

// What another process tells, or somebody else, must not overflow where it is added up, or taken
// from one another.
int64_t count(const json& from) {
  constexpr int64_t kMost = int64_t{1} << 53;
  return whole<int64_t>(from, 0, kMost);
}
int64_t moment(const json& from) {
  return whole<int64_t>(from, 0, kEndOfYear9999Ms);
}
double rate(const json& from) {
  constexpr double kMost = 1e15;
  const auto number = from.get<double>();
  if (!(std::abs(number) <= kMost)) throw std::runtime_error("a rate that is impossible");
  return number;
}
// An offset, a time or a duration, or -1: not known.
int64_t known_or_not(const json& from) {
  return whole<int64_t>(from, -1, std::numeric_limits<int64_t>::max() - 1);
}

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
  process.started_at_ms = moment(from.at("started_at_ms"));
  from.at("ready").get_to(process.ready);
  from.at("ended").get_to(process.ended);
  process.records = count(from.at("records"));
  process.bytes = count(from.at("bytes"));
  process.max_bytes_per_second = count(from.at("max_bytes_per_second"));
  process.buffered_bytes = count(from.at("buffered_bytes"));
  from.at("troubles").get_to(process.troubles);
  if (const auto rates = from.find("rates"); rates != from.end())
    process.rates = {rate(rates->at(0)), rate(rates->at(1)), rate(rates->at(2)),
                     rate(rates->at(3))};
  return process;
}

GroupStatus read_group(const json& from) {
  return {GroupId(from.at(0).get<std::string>()),
          from.at(1),
          from.at(2),
          count(from.at(3)),
          count(from.at(4)),
          known_or_not(from.at(5)),
          known_or_not(from.at(6))};
}

SlotProgress::One read_one(const json& from) {
  SlotProgress::One one;
  one.source = {TopicName(from.at(0).get<std::string>()), Partition(whole<int32_t>(from.at(1), 0))};
  one.phase = from_name(kPhases, from.at(2).get<std::string>());
  from.at(3).get_to(one.identity);
  one.position = SourceOffset(known_or_not(from.at(4)));
  one.target_end = TargetOffset(known_or_not(from.at(5)));
  one.source_end = SourceOffset(known_or_not(from.at(6)));
  if (from.size() > 7) from.at(7).get_to(one.reason);
  return one;
}

}  // namespace

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
    progress.at_ms = moment(from.at("at_ms"));
    if (const auto next = from.find("next_ms"); next != from.end())
      progress.next_ms = whole<int64_t>(*next, 0, kLongestPauseMs);
    progress.seen = count(from.at("seen"));
    for (const json& one : from.at("partitions")) progress.partitions.push_back(read_one(one));
    if (const auto groups = from.find("groups"); groups != from.end())
      for (const json& one : *groups) progress.groups.push_back(read_group(one));
    if (const auto process = from.find("process"); process != from.end())
      progress.process = read_process(*process);
    return progress;
  });
}

}  // namespace kferry::replicate
