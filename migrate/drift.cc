#include "migrate/drift.h"

#include <map>

#include <fmt/format.h>

#include "base/clock.h"
#include "zkoffsets/scanner.h"

namespace kferry::migrate {
namespace {

std::string registered_now(const std::string& consumer) {
  return fmt::format(
      "drift: consumer '{}' is registered in ZooKeeper now; stop it, then plan again", consumer);
}

// Why ZooKeeper is not as the plan saw it; empty: it is.
std::string drift_of(const PlannedGroup& planned, const zkoffsets::GroupSnapshot* now) {
  if (now == nullptr) return "drift: the group is gone from ZooKeeper";
  if (!now->registrations.empty()) return registered_now(now->registrations.front().consumer_id);
  if (!now->owners.empty())
    return fmt::format("drift: {}-{} is owned by '{}' in ZooKeeper now; stop it, then plan again",
                       now->owners.front().topic, now->owners.front().partition,
                       now->owners.front().owner);
  std::map<std::string, zkoffsets::NodeVersion> versions;
  for (const auto& node : now->offsets) versions[node.path] = node.node;
  for (const PlannedPartition& one : planned.partitions) {
    if (one.action != Action::kCommit) continue;
    const auto found = versions.find(one.path);
    if (found == versions.end())
      return fmt::format("drift: {} is gone from ZooKeeper; plan again", one.path);
    if (found->second != one.node)
      return fmt::format(
          "drift: {} was changed in ZooKeeper after the plan was made (at {}): somebody "
          "still consumes; stop it, then plan again",
          one.path, to_rfc3339(found->second.mtime_ms));
  }
  return {};
}

void add_to_scan(const PlannedGroup& group, zkoffsets::ScanRequest& request) {
  if (group.external.empty()) request.groups->push_back(group.group);
  for (const auto& external : group.external) request.external.push_back(external);
}

}  // namespace

Result<std::vector<std::string>> find_drift(zkoffsets::ZkClient& client, const Groups& groups,
                                            const StopToken& stop) {
  zkoffsets::ScanRequest request;
  request.groups.emplace();
  for (const PlannedGroup* group : groups) add_to_scan(*group, request);
  KFERRY_TRY(const zkoffsets::Snapshot snapshot, zkoffsets::scan(client, request, stop));
  std::map<GroupId, const zkoffsets::GroupSnapshot*> now;
  for (const auto& group : snapshot.groups) now[group.group] = &group;
  std::vector<std::string> drifts;
  for (const PlannedGroup* group : groups) {
    const auto found = now.find(group->group);
    drifts.push_back(drift_of(*group, found == now.end() ? nullptr : found->second));
  }
  return drifts;
}

Result<std::vector<std::string>> find_consumers(zkoffsets::ZkClient& client, const Groups& groups,
                                                const StopToken& stop) {
  std::vector<std::string> paths;
  for (const PlannedGroup* group : groups)
    paths.push_back(fmt::format("/consumers/{}/ids", group->group));
  KFERRY_TRY(const auto registered, client.children(paths, stop));
  std::vector<std::string> drifts;
  for (const auto& ids : registered)
    drifts.push_back(ids.names.empty() ? std::string() : registered_now(ids.names.front()));
  return drifts;
}

}  // namespace kferry::migrate
