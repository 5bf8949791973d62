// Everything that a cut-over's next step rests on, read from both clusters and the flow's state.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "groupproto/group_offsets.h"
#include "kafkaio/topic_admin.h"
#include "replicate/cutover_state.h"
#include "replicate/flow.h"
#include "replicate/flow_progress.h"
#include "replicate/group_cluster.h"
#include "replicate/ports.h"
#include "replicate/state_topic.h"
#include "wire/cluster.h"

namespace kferry::replicate {

// One group on both sides.
struct GroupFacts {
  std::string source_state;  // as in groupproto::GroupState; "Dead" where it is unknown
  std::string target_state;
  std::string source_members;       // in words, where it has any
  groupproto::GroupOffsets source;  // of partitions that are mirrored
  // Where these stand on the target; nullopt: nothing can be said (yet).
  std::map<TopicPartition, std::optional<Translation>> translations;  // by the source's partition
  groupproto::GroupOffsets target;
  std::string trouble;  // why nothing of this can be trusted; empty: all can

  bool lives_on_source() const { return is_alive(source_state); }
  bool lives_on_target() const { return is_alive(target_state); }
  // Whether a group in this state has members.
  static bool is_alive(const std::string& state) {
    return !state.empty() && state != "Empty" && state != "Dead";
  }
};

struct CutoverFacts {
  int64_t at_ms = 0;
  int64_t took_ms = 0;                                     // to read all this
  std::map<TopicPartition, SlotProgress::One> partitions;  // by source; of processes that are alive
  std::vector<TopicPartition> unattended;  // mirrored, but no living process tells of them
  std::map<TopicPartition, SourceOffset> source_ends;  // high watermarks, just read
  int64_t seen = 0;      // the oldest version of the CutoverRecord that any process acts by
  bool complete = true;  // every slot that matters has told
  std::map<GroupId, GroupFacts> groups;
  std::map<GroupId, MovedGroup> moved;

  // Records of the source that are not on the target yet, of all partitions.
  int64_t lag() const;
};

// Translates by the flow's state, as the mirror does. Not thread-safe.
class FlowTranslator final : public OffsetTranslator {
 public:
  FlowTranslator(const StateTopic& state, const CutoverFacts& facts, std::string topic_prefix)
      : state_(state), facts_(facts), topic_prefix_(std::move(topic_prefix)) {}

  std::optional<Translation> translate(const TopicPartition& source,
                                       SourceOffset offset) const override;
  // The way back; nullopt: nothing can be said.
  std::optional<SourceOffset> to_source(const TopicPartition& source, TargetOffset offset) const;

 private:
  const StateTopic& state_;
  const CutoverFacts& facts_;
  const std::string topic_prefix_;
};

// Not thread-safe.
class CutoverObserver {
 public:
  // kRefused: the mirror of this flow has never been started, and was not within `patience`.
  // kUnreachable, kNotAuthorised.
  static Result<std::unique_ptr<CutoverObserver>> open(const FlowSettings& flow, Duration patience,
                                                       const Wait& wait);

  // kUnreachable: one of the clusters. What concerns one group or partition stands with it.
  Result<CutoverFacts> observe(const Wait& wait);

  // Where the target's logs end, by the source's partition; of those that `facts` has.
  Result<std::map<TopicPartition, TargetOffset>> target_ends(const CutoverFacts& facts,
                                                             const Wait& wait);

  StateTopic& state() { return *state_; }
  GroupCluster& source_groups() { return source_groups_; }

 private:
  explicit CutoverObserver(const FlowSettings& flow)
      : flow_(flow), source_groups_(flow.source), target_groups_(flow.target) {}

  Result<bool> find_state(const Wait& wait);
  Result<> read_source_ends(CutoverFacts& facts, const Wait& wait);
  Result<> read_progress(CutoverFacts& facts);
  Result<> read_groups(CutoverFacts& facts, const Wait& wait);
  void take_source(const TargetGroup& read, GroupFacts& facts) const;

  const FlowSettings& flow_;
  std::unique_ptr<kafkaio::TopicAdmin> admin_;
  std::unique_ptr<wire::Cluster> source_;
  std::unique_ptr<wire::Cluster> target_;  // when it is first needed
  std::unique_ptr<StateTopic> state_;
  GroupCluster source_groups_;
  GroupCluster target_groups_;
};

}  // namespace kferry::replicate
