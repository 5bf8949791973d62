// One flow of the mirror in one process: connects both clusters, shares the partitions with the
// other processes of the flow, and keeps readers, writers and the preparer at work.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "kafkaio/group_member.h"
#include "replicate/companions.h"
#include "replicate/copier.h"
#include "replicate/cutover_watch.h"
#include "replicate/flow.h"
#include "replicate/plan_keeper.h"
#include "replicate/ports.h"
#include "replicate/preparer.h"
#include "replicate/rate_limit.h"
#include "replicate/rate_meter.h"
#include "replicate/source_reader.h"
#include "replicate/state_topic.h"
#include "replicate/target_writer.h"
#include "replicate/topic_keeper.h"
#include "replicate/troubles.h"
#include "replicate/way_back.h"

namespace kferry::replicate {

// How run() ended.
enum class Ending {
  kStopped,     // by request, or because a cut-over is over
  kCaughtUp,    // all that stood in the source at the start is on the target
  kIncomplete,  // the same, but for partitions or groups that could not follow; the status says why
};

class Mirror final : public StatusSource, public Controls {
 public:
  // Reaches both clusters and reads the flow's state. kUnreachable, kNotAuthorised; kRefused: the
  // state is of other clusters.
  static Result<std::unique_ptr<Mirror>> open(FlowSettings flow, const StopToken& stop);
  ~Mirror() override;
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  // Works until a stop is requested or, with FlowSettings::until_caught_up, until it has caught up.
  // Then everything that is in flight is confirmed, and the slots are given back. `tick` is called
  // now and then, by this thread.
  Result<Ending> run(const std::function<void()>& tick);

  FlowStatus status() const override;
  void set_max_bytes_per_second(int64_t limit) override { rate_.set(limit); }
  const OffsetTranslator& translator() const { return copier_; }
  StateStore& state() { return *state_; }

 private:
  Mirror(FlowSettings flow, const StopToken& stop);

  template <class Worker>
  struct Running {
    StopToken stop;
    std::unique_ptr<Worker> worker;
    std::jthread thread;
  };

  // Where the brokers are, as the last refresh has it. Thread-safe.
  class AddressBook {
   public:
    void learn(const std::map<BrokerId, wire::Address>& brokers);
    Result<wire::Broker> connect(BrokerId id, const ClusterSettings& cluster,
                                 const Wait& wait) const;

   private:
    mutable std::mutex mutex_;
    std::map<BrokerId, wire::Address> brokers_;
  };

  Result<> connect();
  Result<> check_source(const Wait& wait);
  Result<> agree_on_flow_record();
  Result<> check_flow_record() const;
  Result<FlowRecord> make_flow_record(const Wait& wait);
  Result<> start_preparer();
  Result<> join_group();
  void on_assigned(const kafkaio::GroupMember::Slots& slots);
  void on_revoked(const kafkaio::GroupMember::Slots& slots);

  void refresh_when_due();
  void watch_cutover();
  Result<> refresh();
  void place_partitions(const wire::ClusterMetadata& source, const wire::ClusterMetadata& target);
  void place(const TopicName& topic, const wire::TopicInfo& source, const wire::TopicInfo& target);
  void miss_partitions(const wire::ClusterMetadata& source);
  void hire(const std::set<BrokerId>& source_leaders, const std::set<BrokerId>& target_leaders);
  Result<> set_goals(const wire::ClusterMetadata& source);
  std::optional<Ending> partitions_reached_goals() const;
  std::optional<Ending> reached_goals();
  Ending end(Ending ending);
  void stop_workers();

  bool is_ours(const TopicPartition& source) const;
  int64_t slots() const;  // how many this process has
  bool leads() const {
    return slots_.contains(Partition(0));
  }  // does what one process does for all

  const FlowSettings flow_;
  const StopToken& stop_;
  const std::string instance_;
  const int64_t started_at_ms_;

  Copier copier_;
  RateLimit rate_;
  Troubles troubles_;
  std::atomic<bool> refresh_wanted_ = true;
  std::atomic<bool> ready_ = false;

  AddressBook source_brokers_;
  AddressBook target_brokers_;
  std::unique_ptr<wire::Cluster> source_;
  std::unique_ptr<wire::Cluster> target_;
  std::unique_ptr<kafkaio::TopicAdmin> source_admin_;
  std::unique_ptr<kafkaio::TopicAdmin> admin_;  // of the target; the main thread's
  std::unique_ptr<kafkaio::TopicAdmin> preparer_admin_;
  std::unique_ptr<StateTopic> state_;
  std::unique_ptr<PlanKeeper> plans_;
  std::unique_ptr<TopicKeeper> topics_;
  std::unique_ptr<kafkaio::GroupMember> member_;
  FlowRecord record_;
  std::optional<WayBack> way_back_;
  mutable std::mutex slots_mutex_;  // guards the next against the companions
  std::set<Partition> slots_;       // changed by the main thread only
  bool slots_are_new_ = false;
  Deadline next_refresh_ = Deadline::after(Duration(0));
  Deadline earliest_refresh_ = Deadline::after(Duration(0));
  std::optional<std::string> source_cluster_id_;
  std::optional<std::string> target_cluster_id_;
  std::optional<std::map<TopicPartition, SourceOffset>> goals_;  // with until_caught_up
  std::optional<int64_t> rounds_when_reached_;  // of the group sync, when the partitions were there
  mutable std::mutex status_mutex_;             // one status at a time; guards the next two
  std::optional<FlowStatus> last_status_;       // once the work has ended
  mutable RateMeter rates_;

  std::unique_ptr<Companions> companions_;
  std::unique_ptr<CutoverWatch> cutover_;
  Running<Preparer> preparer_;
  std::map<BrokerId, Running<SourceReader>> readers_;
  std::map<BrokerId, Running<TargetWriter>> writers_;
};

}  // namespace kferry::replicate
