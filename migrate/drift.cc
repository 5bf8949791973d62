#include "migrate/drift.h"

#include <map>

#include <fmt/format.h>

#include "base/clock.h"

namespace kferry::migrate {
namespace {

// Why ZooKeeper is not as the plan saw it; empty: it is.
std::string drift_of(const PlannedGroup& planned, const zkoffsets::GroupSnapshot* now) {
  if (now == nullptr) return "drift: the group is gone from ZooKeeper";
  if (!now->registrations.empty()) return registered_now(now->registrations.front().consumer_id);
  if (!now->owners.empty())
    return fmt::format("drift: {}-{} is owned by '{}' in ZooKeeper now; stop it, then plan again",
                       now->owners.front().topic, now->owners.front().partition,
                       now->owners.front().owner);
  std::map<std::string, const zkoffsets::OffsetNode*> nodes;
  for (const auto& node : now->offsets) nodes[node.path] = &node;
  for (const PlannedPartition& one : planned.partitions) {
    if (one.action != Action::kCommit) continue;
    const auto found = nodes.find(one.path);
    if (found == nodes.end())
      return fmt::format("drift: {} is gone from ZooKeeper; plan again", one.path);
    const zkoffsets::OffsetNode& node = *found->second;
    if (node.node == one.node && node.parsed.offset == one.zookeeper_offset) continue;
    // A broker does not tell when.
    return fmt::format(
        "drift: {} was changed in ZooKeeper after the plan was made{}: somebody still consumes; "
        "stop it, then plan again",
        one.path,
        node.node.mtime_ms == 0 ? "" : fmt::format(" (at {})", to_rfc3339(node.node.mtime_ms)));
  }
  return {};
}

}  // namespace

std::string registered_now(const std::string& consumer) {
  return fmt::format(
      "drift: consumer '{}' is registered in ZooKeeper now; stop it, then plan again", consumer);
}

Result<std::vector<std::string>> find_drift(OffsetSource& source, const Groups& groups,
                                            const StopToken& stop) {
  KFERRY_TRY(const zkoffsets::Snapshot snapshot, source.read_again(groups, stop));
  std::map<GroupId, const zkoffsets::GroupSnapshot*> now;
  for (const auto& group : snapshot.groups) now[group.group] = &group;
  std::vector<std::string> drifts;
  for (const PlannedGroup* group : groups) {
    const auto found = now.find(group->group);
    drifts.push_back(drift_of(*group, found == now.end() ? nullptr : found->second));
  }
  return drifts;
}

}  // namespace kferry::migrate
