// Keeps MirrorMaker 2's topics beside the mirror, so that tools that read them go on working
// (RemoteClusterUtils, dashboards), and so that MM2 itself could take over.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "kafkaio/producer.h"
#include "replicate/flow.h"
#include "replicate/group_book.h"
#include "replicate/group_cluster.h"
#include "replicate/mm2_records.h"
#include "replicate/ports.h"
#include "replicate/troubles.h"

namespace kferry::replicate {

// All of it outlives the Mm2Topics. The functions are called by its thread.
struct Mm2Tools {
  const FlowSettings& flow;
  const StatusSource& status;
  std::function<std::vector<GroupCheckpoint>()> take_checkpoints;  // GroupSync::take_checkpoints
  Troubles& troubles;
};

// Writes, as far as the flow's settings ask for it, each into partition 0 of a compacted topic:
//   SOURCE.checkpoints.internal     on the target: positions of groups that have changed, every
//                                   checkpoint_interval
//   heartbeats, SOURCE.heartbeats   on the target, every heartbeat_interval. Left alone where a
//                                   topic of the source is mirrored under that name: then it is not
//                                   ours, and a foreign record would end its identity.
//   mm2-offset-syncs.OTHER.internal on either side: for each partition that has moved, the last
//                                   record that was copied, every refresh_interval and at the end.
//                                   A reader of MM2's translates later offsets to the one behind
//                                   it, so that it re-reads at most what came since, and skips
//                                   nothing. What it makes of groups that lag behind is as good as
//                                   it is with MM2; our own group sync is exact.
class Mm2Topics {
 public:
  explicit Mm2Topics(Mm2Tools tools);

  // Until `stop`; then what is left is written, for 5 s at most. In a thread of its own.
  void run(const StopToken& stop);

 private:
  // One of the clusters, as far as it is written to.
  struct Outlet {
    const ClusterSettings& cluster;
    int16_t replication_factor = -1;
    std::optional<kafkaio::Producer> producer = {};
  };

  bool wanted() const;
  Result<> round(const Wait& wait, bool last);
  Result<> open(Outlet& outlet, const std::set<TopicName>& topics, const Wait& wait);
  Result<> open_all(const Wait& wait);
  Result<> choose_heartbeat_topics(const Wait& wait);
  Result<> beat(const Wait& wait);
  Result<> write_checkpoints(const Wait& wait);
  Result<> write_offset_syncs(const Wait& wait);
  Outlet& outlet_of_syncs() { return tools_.flow.offset_syncs_on_target ? target_ : source_; }
  TopicName syncs_topic() const;

  const Mm2Tools tools_;
  GroupCluster source_topics_;
  Outlet source_;
  Outlet target_;
  std::set<TopicName> heartbeat_topics_;
  std::map<std::pair<GroupId, TopicPartition>, GroupCheckpoint> checkpoints_;  // to be written
  std::map<TopicPartition, SourceOffset> synced_;  // the positions that were written
  Deadline next_heartbeat_ = Deadline::after(Duration(0));
  Deadline next_checkpoint_ = Deadline::after(Duration(0));
  Deadline next_sync_ = Deadline::after(Duration(0));
};

}  // namespace kferry::replicate
