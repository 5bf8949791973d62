// The guard against mirroring a group whose offsets are still in ZooKeeper: a mirror sees only what
// Kafka keeps, and the group's consumers would begin on the target where Kafka says, or nowhere.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "groupproto/coordinators.h"
#include "migrate/facts.h"
#include "replicate/flow.h"
#include "replicate/group_book.h"
#include "replicate/troubles.h"
#include "zkoffsets/snapshot.h"
#include "zkoffsets/zk_client.h"

namespace kferry::replicate {

// What speaks against a group, in words; nullopt: every offset that it has in ZooKeeper is in Kafka
// too. Of each partition of an existing and mirrored topic Kafka must have an offset, and one as
// large as ZooKeeper's; where a receipt shows that this very znode version was migrated, any: the
// group has moved on since, wherever to. Pure.
std::optional<std::string> unverified(const zkoffsets::GroupSnapshot& group,
                                      const groupproto::GroupOffsets& kafka,
                                      const migrate::Receipts& receipts,
                                      const std::function<bool(const TopicName&)>& matters);

class ZookeeperGuard {
 public:
  // `flow.zookeeper` must be set. Both outlive it.
  ZookeeperGuard(const FlowSettings& flow, Troubles& troubles) : flow_(flow), troubles_(troubles) {}

  // Until `stop`: all selected groups at the start, then every refresh_interval those that were
  // found, so that a migration releases them. In a thread of its own.
  void run(const StopToken& stop);
  // One look. kUnreachable, kNotAuthorised; kRefused: ZooKeeper is another cluster's.
  Result<> check(const Wait& wait);

  // Thread-safe. Groups that must not be synced; none with GuardPolicy::kWarn. The error of the
  // first check while there was none that succeeded: until then no group may be synced.
  Result<GroupRefusals> refusals() const;
  // All that were found, whatever the policy.
  GroupRefusals findings() const;

 private:
  Result<zkoffsets::Snapshot> scan(const Wait& wait);
  Result<GroupRefusals> judge(const zkoffsets::Snapshot& snapshot, const Wait& wait);
  void publish(GroupRefusals found);

  const FlowSettings& flow_;
  Troubles& troubles_;
  std::optional<zkoffsets::ZkClient> zookeeper_;
  std::optional<wire::Cluster> cluster_;

  mutable std::mutex mutex_;  // guards everything below
  bool checked_ = false;
  Error last_error_{
      ErrorKind::kUnreachable, "the offsets in ZooKeeper have not been read yet", {}, 0};
  GroupRefusals found_;
};

}  // namespace kferry::replicate
