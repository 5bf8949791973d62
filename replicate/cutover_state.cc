#include "replicate/cutover_state.h"

#include <algorithm>

#include "base/whole_number.h"
#include "replicate/state_json.h"

namespace kferry::replicate {
namespace {

using nlohmann::json;

CutoverState state_of(const json& value) {
  return from_name(kCutoverStates, value.get<std::string>());
}

}  // namespace

std::string_view to_string(CutoverState state) {
  switch (state) {
    case CutoverState::kMirroring:
      return "mirroring";
    case CutoverState::kCaughtUp:
      return "caught_up";
    case CutoverState::kConsumersMoved:
      return "consumers_moved";
    case CutoverState::kProducersMoved:
      return "producers_moved";
    case CutoverState::kDrained:
      return "drained";
    case CutoverState::kProved:
      return "proved";
    case CutoverState::kStopped:
      return "stopped";
  }
  return "?";
}

std::optional<CutoverState> parse_cutover_state(std::string_view name) {
  for (const CutoverState state : kCutoverStates)
    if (to_string(state) == name) return state;
  return std::nullopt;
}

std::string moved_key(const GroupId& group) {
  return std::string(kMovedPrefix) + group.value();
}

std::string to_json(const CutoverRecord& record) {
  json history = json::array();
  for (const auto& [state, at_ms] : record.history)
    history.push_back({std::string(to_string(state)), at_ms});
  json lived = json::array();
  for (const GroupId& group : record.lived) lived.push_back(group.value());
  return dump({{"version", record.version},
               {"state", std::string(to_string(record.state))},
               {"released", record.released},
               {"waiting", record.waiting},
               {"runner", record.runner},
               {"runner_at_ms", record.runner_at_ms},
               {"lived", std::move(lived)},
               {"history", std::move(history)},
               {"proof", record.proof}});
}

std::string to_json(const CutoverRelease& release) {
  return dump({{"state", std::string(to_string(release.state))}, {"at_ms", release.at_ms}});
}

std::string to_json(const MovedGroup& moved) {
  json offsets = json::array();
  for (const auto& [partition, offset] : moved.offsets)
    offsets.push_back({partition.topic.value(), partition.partition.value(), offset.first.value(),
                       offset.second.value()});
  return dump({{"empty_at_ms", moved.empty_at_ms},
               {"moved_at_ms", moved.moved_at_ms},
               {"alive_at_ms", moved.alive_at_ms},
               {"offsets", std::move(offsets)}});
}

Result<CutoverRecord> parse_cutover(const std::string& value) {
  return parse("the cut-over's record", value, [](const json& from) {
    CutoverRecord record;
    record.version = whole<int64_t>(from.at("version"), 0);
    record.state = state_of(from.at("state"));
    from.at("released").get_to(record.released);
    record.waiting = from.value("waiting", "");
    record.runner = from.value("runner", "");
    record.runner_at_ms = whole_or<int64_t>(from, "runner_at_ms", 0, 0);
    for (const json& one : from.at("lived")) record.lived.insert(GroupId(one.get<std::string>()));
    for (const json& one : from.at("history"))
      record.history.emplace_back(state_of(one.at(0)),
                                  whole<int64_t>(one.at(1), 0, kEndOfYear9999Ms));
    record.proof = from.value("proof", "");
    return record;
  });
}

Result<CutoverRelease> parse_release(const std::string& value) {
  return parse("the cut-over's release", value, [](const json& from) {
    return CutoverRelease{state_of(from.at("state")), whole<int64_t>(from.at("at_ms"), 0)};
  });
}

Result<MovedGroup> parse_moved(const std::string& value) {
  return parse("a moved group", value, [](const json& from) {
    MovedGroup moved;
    moved.empty_at_ms = whole<int64_t>(from.at("empty_at_ms"), -1);
    moved.moved_at_ms = whole<int64_t>(from.at("moved_at_ms"), -1);
    moved.alive_at_ms = whole<int64_t>(from.at("alive_at_ms"), -1);
    for (const json& one : from.at("offsets"))
      moved.offsets[{TopicName(one.at(0).get<std::string>()),
                     Partition(whole<int32_t>(one.at(1), 0))}] = {
          SourceOffset(whole<int64_t>(one.at(2), 0)), TargetOffset(whole<int64_t>(one.at(3), 0))};
    return moved;
  });
}

Result<std::optional<CutoverView>> view_cutover(const std::map<std::string, std::string>& records) {
  const auto record = records.find(kCutoverKey);
  if (record == records.end()) return std::nullopt;
  CutoverView view;
  KFERRY_TRY(view.record, parse_cutover(record->second));
  for (auto one = records.lower_bound(std::string(kMovedPrefix));
       one != records.end() && one->first.starts_with(kMovedPrefix); ++one) {
    KFERRY_TRY(view.moved[GroupId(one->first.substr(kMovedPrefix.size()))],
               parse_moved(one->second));
  }
  return view;
}

}  // namespace kferry::replicate
