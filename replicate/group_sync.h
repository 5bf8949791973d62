// Brings the committed offsets of the source's groups to the target, while both are in use.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "replicate/flow.h"
#include "replicate/group_book.h"
#include "replicate/group_cluster.h"
#include "replicate/ports.h"
#include "replicate/troubles.h"

namespace kferry::replicate {

// All of it outlives the GroupSync. The functions are called by its thread.
struct GroupSyncTools {
  const FlowSettings& flow;
  const OffsetTranslator& translator;
  StateStore& state;
  Troubles& troubles;
  // Who copies a partition; by default this process, all of them.
  std::function<Mirroring(const TopicPartition&)> mirroring = {};
  // Which groups must not be synced (ZookeeperGuard::refusals). No group is, while it fails.
  std::function<Result<GroupRefusals>()> refusals = {};
};

// Every group_interval it reads what the selected groups have committed on the source; what has
// changed goes to the target, exactly translated, as group_rules.h says. Every refresh_interval it
// lists the groups anew and looks at all of them on the target.
class GroupSync {
 public:
  explicit GroupSync(GroupSyncTools tools);

  // A record of the flow's state, of any key: all that there are before run(), and those that other
  // processes of the flow write while it runs. What another process knew of a partition has to be
  // told before `mirroring` says kHere for it. Thread-safe.
  void learn(const std::string& key, const std::optional<std::string>& value);

  // What `mirroring` says has changed: the next round looks at everything anew. Thread-safe.
  void reconsider() { reconsider_ = true; }

  // Until `stop`. In a thread of its own.
  void run(const StopToken& stop);

  // Thread-safe.
  std::vector<GroupStatus> status() const;  // ordered by name
  // All that was committed on the source when it was last read stands on the target, or is refused
  // with a reason.
  bool caught_up() const;
  // How often the source has been read completely.
  int64_t rounds() const;
  // What has changed since the last call, for Mm2Topics; kept only with emit_checkpoints.
  std::vector<GroupCheckpoint> take_checkpoints();

 private:
  Result<> round(const Wait& wait);
  Result<> refresh(const Wait& wait);
  Result<> read_source(const Wait& wait);
  void tell_denied(const groupproto::OffsetsByGroup& read);
  Result<> bring(const std::vector<GroupId>& groups, const Wait& wait);
  Result<> look_at(const std::vector<GroupId>& groups, const Wait& wait);
  Result<> remember(const Wait& wait);
  void commit(const std::vector<GroupCommit>& commits, const Wait& wait);
  void find_gone(const Wait& wait);
  void take_lessons();
  void publish(bool complete);

  const GroupSyncTools tools_;
  GroupCluster source_;
  GroupCluster target_;
  GroupBook book_;
  std::set<GroupId> selected_;
  std::vector<TopicPartition> named_;  // to old brokers
  std::set<TopicPartition> missing_;   // at the last refresh
  Deadline next_refresh_ = Deadline::after(Duration(0));
  bool refreshed_ = false;
  bool running_ = false;
  std::atomic<bool> reconsider_ = false;

  mutable std::mutex mutex_;  // guards everything below
  std::vector<std::pair<std::string, std::optional<std::string>>> lessons_;
  std::vector<GroupStatus> status_;
  bool caught_up_ = false;
  int64_t rounds_ = 0;
  std::map<std::pair<GroupId, TopicPartition>, GroupCheckpoint> checkpoints_;
};

}  // namespace kferry::replicate
