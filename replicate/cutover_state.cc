#include "replicate/cutover_state.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kferry::replicate {
namespace {

using nlohmann::json;

// Names and words may hold any bytes.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

template <class Name>
auto from_name(const Name& all, std::string_view name) {
  for (const auto one : all)
    if (to_string(one) == name) return one;
  throw std::runtime_error(fmt::format("no state '{}'", name));
}

CutoverState state_of(const json& value) {
  return from_name(kCutoverStates, value.get<std::string>());
}

template <class Read>
auto parse(const char* what, const std::string& value, Read read)
    -> Result<decltype(read(json()))> {
  try {
    return read(json::parse(value));
  } catch (const std::exception& error) {
    return fail(ErrorKind::kFailed,
                fmt::format("the flow's state: {} is not readable: {}", what, error.what()),
                "another version of kferry wrote it, or somebody else");
  }
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

std::string moved_key(const GroupId& group) {
  return std::string(kMovedPrefix) + group.value();
}
std::string progress_key(Partition slot) {
  return fmt::format("{}{}", kProgressPrefix, slot);
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
  return dump({{"instance", progress.instance},
               {"at_ms", progress.at_ms},
               {"seen", progress.seen},
               {"partitions", std::move(partitions)}});
}

Result<CutoverRecord> parse_cutover(const std::string& value) {
  return parse("the cut-over's record", value, [](const json& from) {
    CutoverRecord record;
    from.at("version").get_to(record.version);
    record.state = state_of(from.at("state"));
    from.at("released").get_to(record.released);
    record.waiting = from.value("waiting", "");
    record.runner = from.value("runner", "");
    record.runner_at_ms = from.value("runner_at_ms", int64_t{0});
    for (const json& one : from.at("lived")) record.lived.insert(GroupId(one.get<std::string>()));
    for (const json& one : from.at("history"))
      record.history.emplace_back(state_of(one.at(0)), one.at(1).get<int64_t>());
    record.proof = from.value("proof", "");
    return record;
  });
}

Result<CutoverRelease> parse_release(const std::string& value) {
  return parse("the cut-over's release", value, [](const json& from) {
    return CutoverRelease{state_of(from.at("state")), from.at("at_ms").get<int64_t>()};
  });
}

Result<MovedGroup> parse_moved(const std::string& value) {
  return parse("a moved group", value, [](const json& from) {
    MovedGroup moved;
    from.at("empty_at_ms").get_to(moved.empty_at_ms);
    from.at("moved_at_ms").get_to(moved.moved_at_ms);
    from.at("alive_at_ms").get_to(moved.alive_at_ms);
    for (const json& one : from.at("offsets"))
      moved.offsets[{TopicName(one.at(0).get<std::string>()),
                     Partition(one.at(1).get<int32_t>())}] = {
          SourceOffset(one.at(2).get<int64_t>()), TargetOffset(one.at(3).get<int64_t>())};
    return moved;
  });
}

Result<SlotProgress> parse_progress(const std::string& value) {
  return parse("a slot's progress", value, [](const json& from) {
    SlotProgress progress;
    from.at("instance").get_to(progress.instance);
    from.at("at_ms").get_to(progress.at_ms);
    from.at("seen").get_to(progress.seen);
    for (const json& one : from.at("partitions")) {
      SlotProgress::One& entry = progress.partitions.emplace_back();
      entry.source = {TopicName(one.at(0).get<std::string>()), Partition(one.at(1).get<int32_t>())};
      entry.phase = from_name(kPhases, one.at(2).get<std::string>());
      one.at(3).get_to(entry.identity);
      entry.position = SourceOffset(one.at(4).get<int64_t>());
      entry.target_end = TargetOffset(one.at(5).get<int64_t>());
      entry.source_end = SourceOffset(one.at(6).get<int64_t>());
      if (one.size() > 7) one.at(7).get_to(entry.reason);
    }
    return progress;
  });
}

}  // namespace kferry::replicate
