// Finds out where each partition begins or goes on: adopts new ones, fills the offsets before their
// logs' start, and after anything uncertain reads back from the target how far it is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "replicate/copier.h"
#include "replicate/flow_state.h"
#include "replicate/head_filler.h"
#include "replicate/plan_keeper.h"
#include "replicate/target_log.h"
#include "replicate/troubles.h"
#include "replicate/way_back.h"
#include "wire/cluster.h"
#include "wire/log_range.h"

namespace kferry::replicate {

struct PreparerTools {
  Copier& copier;
  StateStore& state;
  PlanKeeper& plans;
  Troubles& troubles;
  wire::Cluster source;  // connections of its own
  wire::Cluster target;
  DeleteRecords delete_records;
  // What the state topic has of one partition.
  std::function<LoadedState(const TopicPartition&)> load;
  FlowRecord flow;
  OffsetsMode mode = OffsetsMode::kAuto;
  // Of the way back of a flow only; see way_back.h.
  std::function<Result<std::optional<ReturnPoint>>(const TopicPartition&, SourceOffset log_start,
                                                   TargetOffset log_end)>
      way_back = {};
};

// Runs in a thread of its own; but for run() and `stop`, not thread-safe.
class Preparer {
 public:
  explicit Preparer(PreparerTools tools)
      : tools_(std::move(tools)),
        filler_(tools_.target, tools_.flow.filler_id, tools_.flow.filler_epoch) {}

  // Until `stop`; then the reference points are saved once more.
  void run(const StopToken& stop);

 private:
  // What is known of one partition in a round.
  struct Case {
    TopicPartition source;
    TopicPartition target;
    wire::Uuid topic_id{};
    bool doubts_source = false;
    std::optional<SourceOffset> diverges_at;
    bool wants_translation = false;
    bool wants_new_producer = false;
    bool expects_others = false;
    std::optional<int64_t> gap_producer;
    bool started = false;
    std::string reason;
    CopyPosition confirmed;
    bool identity = true;
    OffsetMap map;
  };

  struct Beginning {
    TopicPartition source;
    PartitionCopy::Start start;
  };

  Result<> round(const Wait& wait);
  std::vector<Case> collect() const;
  Result<> read_clusters(const std::vector<Case>& cases, const Wait& wait);
  Result<> commit_round(const Wait& wait);
  void prepare(const Case& one, const Wait& wait);
  bool is_readable(const Case& one);
  // Why the source no longer has what follows; nullopt: it has.
  struct Verdict {
    std::string why;
    // False: a broker that has just started may not know better. It has to stay so for a while.
    bool certain = true;
  };
  std::optional<Verdict> verdict_on_source(const Case& one) const;
  bool condemn(const Case& one);
  void adopt(const Case& one);
  void adopt_from(const Case& one, const ReturnPoint& point);
  Result<> recall(const Case& one);
  Result<> resume(const Case& one, PartitionRecord& record, const Wait& wait);
  Result<> check_offsets(const Case& one, const LogScan& scan, const Wait& wait);
  Result<LogScan> find_position(const Case& one, const PartitionRecord& record,
                                const CopyPosition& reference, const Wait& wait);
  void begin(const Case& one, const PartitionRecord& record, const CopyPosition& position,
             OffsetMap map);
  void save(const TopicPartition& source, const PartitionRecord& record);
  void quarantine(const TopicPartition& source, std::string reason);
  void hold(const TopicPartition& source, Phase phase, std::string reason);

  Result<> fill_heads(const Wait& wait);
  std::vector<ToFill> work_left(std::map<TopicPartition, TopicPartition>& by_target,
                                std::map<TopicPartition, TopicPartition>& filled);
  Result<> trim_heads(const std::map<TopicPartition, TopicPartition>& filled, const Wait& wait);
  void give_up_filling(const TopicPartition& source, const std::string& why);

  Result<> save_references(const Wait& wait);
  void add_references(const PartitionCopy& copy, std::vector<StateStore::Entry>& entries);

  PreparerTools tools_;
  HeadFiller filler_;
  std::map<TopicPartition, PartitionRecord> records_;  // by source
  std::map<TopicPartition, size_t> runs_saved_;
  std::map<TopicPartition, OffsetMap> recalled_maps_;  // until they are begun with
  std::map<TopicPartition, Deadline> suspected_;       // until when the source may clear itself
  std::map<TopicPartition, TopicPartition> filling_;   // source -> target
  std::set<TopicPartition> deletable_;                 // of those filling: DeleteRecords is allowed
  Deadline next_save_ = Deadline::after(Duration(0));
  // Of the current round.
  wire::ClusterMetadata source_metadata_;
  wire::ClusterMetadata target_metadata_;
  std::map<TopicPartition, wire::LogRange> ranges_;
  std::map<TopicPartition, TargetEnds> ends_;
  std::vector<StateStore::Entry> to_save_;
  std::vector<Beginning> beginnings_;
};

}  // namespace kferry::replicate
