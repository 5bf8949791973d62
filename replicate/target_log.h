// Reading back from the target how far it is: what its leaders know of our producer id, where its
// logs end, and what their last batches are.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "replicate/partition_copy.h"
#include "replicate/plan_keeper.h"
#include "wire/cluster.h"
#include "wire/record_batch.h"

namespace kferry::replicate {

struct TargetEnds {
  int16_t error_code = 0;  // Kafka's; the rest means nothing then
  TargetOffset start{-1};
  TargetOffset committed{-1};  // high watermark
  TargetOffset end{-1};        // where the leader would append; committed where it does not tell
  // Of our producer id, by the leader's memory. nullopt: it has none, or cannot be asked (before
  // 2.8).
  std::optional<int32_t> last_sequence;
};

// In this order, so that a request of an earlier connection that arrives in between is noticed: the
// producer's sequence, then the ends. If the log has grown in between, our next batch has a
// sequence number that is taken. Partitions without a leader come back with LEADER_NOT_AVAILABLE.
// kUnreachable: no broker at all answers.
Result<std::map<TopicPartition, TargetEnds>> read_target_ends(
    wire::Cluster& target, const wire::ClusterMetadata& metadata,
    const std::vector<TopicPartition>& partitions, int64_t producer_id, const Wait& wait);

// What a log holds from a reference point on.
struct LogScan {
  CopyPosition position;                // where it leads
  std::vector<OffsetRun> runs;          // of the records that we copied
  std::optional<TargetOffset> foreign;  // the first offset that neither of our producer ids wrote
  std::optional<TargetOffset> last_ours = {};     // the last record that we copied
  bool has_fillers = false;                       // anywhere
  std::optional<TargetOffset> fillers_from = {};  // the first one behind last_ours
};

struct ScanIdentities {
  ProducerIdentity producer;
  int64_t filler_id = -1;
  std::vector<int64_t> gap_producers = {};  // PartitionRecord::gap_producers
};

// Walks the headers of the batches from `reference` up to `end`: how many records are ours follows
// from their sequence numbers, which source offsets they are from the identity of offsets, or from
// the plan. In an identity partition ours lie behind foreign ones by as many offsets as those take.
// kFailed: a batch that cannot be read, or the log does not reach back to `reference`.
class LogScanner {
 public:
  LogScanner(const CopyPosition& reference, const ScanIdentities& ids, bool identity,
             const SourcePlan& plan)
      : ids_(ids), identity_(identity), plan_(plan), reference_(reference) {
    scan_.position = reference;
  }

  // One more piece of the log. kFailed: it cannot be read.
  Result<> add(std::string_view records);
  const LogScan& scan() const { return scan_; }

 private:
  SourceOffset source_of(int64_t copied, bool as_record) const;
  void add_ours(int64_t base_offset, int32_t base_sequence, int64_t count);
  bool fills_gaps(int64_t producer_id) const;
  void add_others(const wire::BatchHeader& header);

  const ScanIdentities ids_;
  const bool identity_;
  const SourcePlan& plan_;
  const CopyPosition reference_;
  LogScan scan_;
  int64_t shift_ = 0;          // of an identity partition: offsets that foreign records take
  bool shift_is_told_ = true;  // by the last run
};

struct RawLog {
  std::string bytes;                               // whole batches, and the beginning of another
  std::vector<FetchedPartition::Aborted> aborted;  // with kCommitted: by first_offset
};
enum class Isolation : int8_t { kUncommitted = 0, kCommitted = 1 };
// A log as it lies there from the batch on that holds `from`, or from the next one on. Empty: there
// is nothing yet. An error of the broker is one here.
Result<RawLog> fetch_raw(wire::Broker& leader, const TopicPartition& partition, int64_t from,
                         Isolation isolation, const Wait& wait);

Result<LogScan> scan_target_log(wire::Broker& leader, const TopicPartition& partition,
                                LogScanner& scanner, TargetOffset end, const Wait& wait);

}  // namespace kferry::replicate
