// What a flow remembers, as records of its state topic (docs/mirror-state.md): plain values and
// their JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "replicate/partition_copy.h"
#include "replicate/plan_keeper.h"
#include "replicate/ports.h"

namespace kferry::replicate {

// key "flow".
struct FlowRecord {
  std::string source_cluster_id;  // empty: the source has none (before 0.10.1)
  std::string target_cluster_id;
  std::string topic_prefix;
  int64_t producer_id = -1;  // of everything that is copied, in all partitions
  int16_t producer_epoch = -1;
  int64_t filler_id = -1;  // of fillers and markers
  int16_t filler_epoch = -1;
};

// key "topic/NAME", with the source's name.
struct TopicRecord {
  std::string source_id;  // 32 hexadecimal digits; empty: none
  bool created = false;   // by us; written before it is
  bool finished = false;  // its configs are the real ones
};

// key "partition/TOPIC/P". A reference point from which the target's log is read on after a crash,
// never a position by itself.
struct PartitionRecord {
  bool identity = true;
  std::string why_not_identity;
  CopyPosition reference;
  int16_t epochs_since = 0;   // by which our epoch has been raised here (brokers before 2.5)
  int64_t copied_before = 0;  // ProducerIdentity::copied_before
  std::optional<SourceOffset> fill_to;  // the offsets before it are still being filled
  std::string topic_id;  // of the source's topic, as to_hex() has it; empty: not known (before 2.8)
  // Of the empty transactions that filled gaps, where the target refuses markers
  // (EmptyTransactions).
  std::vector<int64_t> gap_producers = {};
  // The first record that somebody else wrote, and that ended identity: before it offsets are the
  // same on both sides.
  std::optional<TargetOffset> others_from = {};
  std::optional<MixedRange> mixed = {};  // of the way back only
};

std::string topic_key(const TopicName& source);
std::string partition_key(const TopicPartition& source);
std::string plan_key(const TopicPartition& source);
// Runs of a translated partition's map are kept in chunks, the full ones never change.
std::string runs_key(const TopicPartition& source, size_t chunk);
constexpr size_t kRunsPerChunk = 1'000;

std::string to_json(const FlowRecord& record);
std::string to_json(const TopicRecord& record);
std::string to_json(const PartitionRecord& record);
std::string to_json(const SourcePlan& plan);
std::string runs_to_json(const std::vector<OffsetRun>& runs);

// What stands in the state topic, or a part of it, by key. kFailed: a record that is none of ours,
// naming its key.
class LoadedState {
 public:
  using Records = std::map<std::string, std::string>;

  LoadedState() = default;
  explicit LoadedState(Records records) : records_(std::move(records)) {}

  Result<std::optional<FlowRecord>> flow() const;
  Result<std::optional<TopicRecord>> topic(const TopicName& source) const;
  Result<std::optional<PartitionRecord>> partition(const TopicPartition& source) const;
  Result<SourcePlan> plan(const TopicPartition& source) const;
  Result<OffsetMap> map(const TopicPartition& source) const;
  const Records& records() const { return records_; }

 private:
  Records records_;
};

}  // namespace kferry::replicate
