// Where the offsets of the old consumers are read: ZooKeeper itself, or the brokers before it. Read
// only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "migrate/plan.h"
#include "zkoffsets/snapshot.h"

namespace kferry::migrate {

struct GatherRequest;
using Groups = std::vector<const PlannedGroup*>;

// An offset as it was seen earlier.
struct SeenOffset {
  GroupId group;
  TopicPartition partition;
  std::string path;
  zkoffsets::NodeVersion node;
  std::optional<ZookeeperOffset> offset;
};

// Used by one thread at a time. Errors: those of zkoffsets::scan(), and those of the cluster.
class OffsetSource {
 public:
  virtual ~OffsetSource() = default;

  // The connect string, for plans and reports; empty: ZooKeeper itself is not looked at, and who is
  // registered there cannot be seen.
  virtual std::string zookeeper() const = 0;
  // The groups of the request as they stand now. `on_progress(n)`: so many offsets more were read.
  virtual Result<zkoffsets::Snapshot> read(const GatherRequest& request, const Wait& wait,
                                           const std::function<void(int64_t)>& on_progress) = 0;
  // What a plan is about, as it stands now.
  virtual Result<zkoffsets::Snapshot> read_again(const Groups& planned, const StopToken& stop) = 0;
  // For each group of a plan that was made just now, in their order, why it may not be written:
  // somebody is registered, or what else can be seen of that; empty: nothing.
  virtual Result<std::vector<std::string>> find_consumers(const Groups& planned,
                                                          const StopToken& stop) = 0;
  // Which of them are not as they were seen, in their order.
  virtual Result<std::vector<bool>> find_changed(const std::vector<SeenOffset>& seen,
                                                 const StopToken& stop) = 0;
};

}  // namespace kferry::migrate
