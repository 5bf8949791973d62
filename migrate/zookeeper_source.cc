#include "migrate/zookeeper_source.h"

#include <fmt/format.h>

#include "migrate/drift.h"
#include "migrate/preflight.h"
#include "zkoffsets/scanner.h"

namespace kferry::migrate {

Result<zkoffsets::Snapshot> ZookeeperSource::read(const GatherRequest& request, const Wait& wait,
                                                  const std::function<void(int64_t)>& on_progress) {
  return zkoffsets::scan(client_, request.scan, wait.stop(), on_progress);
}

Result<zkoffsets::Snapshot> ZookeeperSource::read_again(const Groups& planned,
                                                        const StopToken& stop) {
  zkoffsets::ScanRequest request;
  request.groups.emplace();
  for (const PlannedGroup* group : planned) {
    if (group->external.empty()) request.groups->push_back(group->group);
    for (const auto& external : group->external) request.external.push_back(external);
  }
  return zkoffsets::scan(client_, request, stop);
}

Result<std::vector<std::string>> ZookeeperSource::find_consumers(const Groups& planned,
                                                                 const StopToken& stop) {
  std::vector<std::string> paths;
  for (const PlannedGroup* group : planned)
    paths.push_back(fmt::format("/consumers/{}/ids", group->group));
  KFERRY_TRY(const auto registered, client_.children(paths, stop));
  std::vector<std::string> drifts;
  for (const auto& ids : registered)
    drifts.push_back(ids.names.empty() ? std::string() : registered_now(ids.names.front()));
  return drifts;
}

Result<std::vector<bool>> ZookeeperSource::find_changed(const std::vector<SeenOffset>& seen,
                                                        const StopToken& stop) {
  std::vector<std::string> paths;
  for (const SeenOffset& one : seen) paths.push_back(one.path);
  KFERRY_TRY(const auto versions, zkoffsets::read_versions(client_, paths, stop));
  std::vector<bool> changed;
  for (const SeenOffset& one : seen) {
    const auto now = versions.find(one.path);
    changed.push_back(now == versions.end() || now->second != one.node);
  }
  return changed;
}

}  // namespace kferry::migrate
