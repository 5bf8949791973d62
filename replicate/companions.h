// What goes on beside the copying, each in a thread of its own: the groups' offsets, MM2's topics,
// and the guard that looks at ZooKeeper.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "replicate/copier.h"
#include "replicate/group_sync.h"
#include "replicate/mm2_topics.h"
#include "replicate/state_topic.h"
#include "replicate/troubles.h"
#include "replicate/zookeeper_guard.h"

namespace kferry::replicate {

// All of it outlives the Companions. Thread-safe functions.
struct CompanionTools {
  const FlowSettings& flow;
  Copier& copier;
  StateTopic& state;
  Troubles& troubles;
  const StatusSource& status;
  std::function<bool(const TopicPartition&)> is_ours;  // by this process's slots
};

class Companions {
 public:
  explicit Companions(const CompanionTools& tools);
  // Looks at ZooKeeper once, where the guard is wanted, and begins. The guard's first look must
  // succeed: whoever asked for it shall not wait for a reason to be told. kUnreachable,
  // kNotAuthorised; kRefused: ZooKeeper is another cluster's.
  Result<> start(const Wait& wait);
  ~Companions() { stop(); }
  Companions(const Companions&) = delete;
  Companions& operator=(const Companions&) = delete;

  std::vector<GroupStatus> groups() const { return groups_.status(); }
  // This process's slots have changed.
  void reconsider() { groups_.reconsider(); }
  // What another process of the flow has written to the state topic.
  void learn(const StateTopic::Changes& changes);

  // How often the source's groups have been read completely.
  int64_t group_rounds() const { return groups_.rounds(); }
  // Whether a complete reading has begun after `rounds`; true where no group is selected.
  bool groups_looked_since(int64_t rounds) const;
  // Whether everything that a complete reading after `rounds` found was settled.
  bool groups_caught_up_since(int64_t rounds) const;
  // Settled as it should be: no group was refused or is live on the target.
  bool all_groups_synced() const;

  // MM2's topics get what is left. Idempotent.
  void stop();

 private:
  Mirroring mirroring(const TopicPartition& source) const;

  const CompanionTools tools_;
  StopToken stop_;
  ZookeeperGuard guard_;
  GroupSync groups_;
  Mm2Topics mm2_topics_;
  std::vector<std::jthread> threads_;
};

}  // namespace kferry::replicate
