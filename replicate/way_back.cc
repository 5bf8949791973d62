#include "replicate/way_back.h"

#include <algorithm>

#include <fmt/format.h>

#include "replicate/cutover_state.h"
#include "replicate/state_topic.h"

namespace kferry::replicate {
namespace {

Result<> check_clusters(const FlowRecord& flow, const WayBack::ClusterIds& ids,
                        const std::string& name) {
  const auto differs = [](const std::string& recorded, const std::optional<std::string>& now) {
    return !recorded.empty() && now && recorded != *now;
  };
  if (differs(flow.source_cluster_id, ids.target) || differs(flow.target_cluster_id, ids.source))
    return fail(ErrorKind::kRefused,
                fmt::format("flow '{}' went from cluster {} to cluster {}; its way back cannot go "
                            "from {} to {}",
                            name, flow.source_cluster_id, flow.target_cluster_id,
                            ids.source.value_or("unknown"), ids.target.value_or("unknown")),
                "give --source and --target as for the flow itself: --reverse swaps them");
  if (!flow.topic_prefix.empty())
    return fail(ErrorKind::kRefused,
                fmt::format("flow '{}' has the prefix '{}'", name, flow.topic_prefix),
                "the way back needs the same topic names on both clusters");
  return {};
}

// Two mirrors at once would send records round and round.
Result<> check_over(const LoadedState& state, const std::string& name) {
  const std::string hint =
      "bring its cut-over to an end first (kferry cutover, then release); before producers have "
      "moved, the way back is kferry cutover abort";
  const auto found = state.records().find(kCutoverKey);
  if (found == state.records().end())
    return fail(ErrorKind::kRefused, fmt::format("flow '{}' has had no cut-over", name), hint);
  KFERRY_TRY(const CutoverRecord record, parse_cutover(found->second));
  if (record.state != CutoverState::kStopped)
    return fail(
        ErrorKind::kRefused,
        fmt::format("flow '{}' is not over: its cut-over is {}", name, to_string(record.state)),
        hint);
  return {};
}

}  // namespace

Result<ReturnPoint> return_point(const PartitionRecord& record, const OffsetMap& map,
                                 const FlowEnd& end, SourceOffset new_start, TargetOffset old_end) {
  if (old_end.value() > end.old_end.value())
    return fail(ErrorKind::kRefused,
                fmt::format("the old cluster has records from offset {} to {} that were never "
                            "copied to the new one: somebody wrote there after the move",
                            end.old_end, old_end.value() - 1),
                "find that producer; what it wrote is on the old cluster only");
  if (old_end.value() < end.old_end.value())
    return fail(ErrorKind::kRefused,
                fmt::format("the old cluster's log ends at {}, but was copied up to {}: the topic "
                            "was created anew, or records were lost",
                            old_end, end.old_end));
  const bool identity = record.identity;
  // Where the first record may lie that is to be copied back.
  const auto others_from = identity             ? TargetOffset(old_end)
                           : record.others_from ? *record.others_from
                           : map.runs().empty() ? end.new_end
                                                : map.runs().front().target;
  const SourceOffset from(others_from.value());
  if (new_start > from)
    return fail(ErrorKind::kRefused,
                fmt::format("retention on the new cluster has deleted offsets {} to {}, among "
                            "which may be records that were to be copied back",
                            from, new_start.value() - 1));
  ReturnPoint point{.begin = {from, old_end, 0}, .why_not_identity = {}};
  if (identity) return point;
  point.why_not_identity =
      "records of the flow and of producers lie mixed on the new cluster, or it was translated "
      "itself";
  const TargetOffset same_to(record.others_from   ? record.others_from->value()
                             : map.runs().empty() ? old_end.value()
                                                  : map.runs().front().source.value());
  if (record.others_from)
    point.map.add({SourceOffset(0), TargetOffset(0)});
  else
    point.map.add({from, same_to});
  const SourceOffset to(end.new_end.value());
  if (to > from) point.mixed = MixedRange{from, to, same_to};
  return point;
}

Result<WayBack> WayBack::read(const FlowSettings& reverse, const ClusterIds& ids,
                              const Wait& wait) {
  const std::string& name = *reverse.reverse_of;
  KFERRY_TRY(auto state, read_state(reverse.source.properties, name, wait));
  if (!state)
    return fail(ErrorKind::kRefused,
                fmt::format("cluster '{}' has no state of flow '{}': there is no way back from "
                            "what was never copied",
                            reverse.source.alias, name),
                "give --flow, --source and --target as for the flow itself: --reverse swaps them");
  WayBack back;
  back.state_ = std::move(*state);
  KFERRY_TRY(const auto flow, back.state_.flow());
  if (!flow)
    return fail(ErrorKind::kRefused, fmt::format("flow '{}' has never begun to copy", name));
  back.flow_ = *flow;
  KFERRY_CHECK(check_clusters(*flow, ids, name));
  KFERRY_CHECK(check_over(back.state_, name));
  for (const auto& [key, value] : back.state_.records()) {
    if (!key.starts_with(kProgressPrefix)) continue;
    KFERRY_TRY(const SlotProgress progress, parse_progress(value));
    for (const SlotProgress::One& one : progress.partitions) back.progress_[one.source] = one;
  }
  return back;
}

Result<std::optional<ReturnPoint>> WayBack::of(const TopicPartition& partition,
                                               SourceOffset new_start, TargetOffset old_end) const {
  KFERRY_TRY(const auto record, state_.partition(partition));
  if (!record) return std::nullopt;
  KFERRY_TRY(const OffsetMap map, state_.map(partition));
  FlowEnd end{record->reference.source, record->reference.target};
  // A reference point is up to 5 s old when its process is killed.
  const auto progress = progress_.find(partition);
  if (progress != progress_.end() && progress->second.position > end.old_end)
    end = {progress->second.position, progress->second.target_end};
  auto point = return_point(*record, map, end, new_start, old_end);
  if (!point) return std::unexpected(in_context(point.error(), fmt::format("{}", partition)));
  return *point;
}

}  // namespace kferry::replicate
