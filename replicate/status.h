// What the mirror is doing, as a value: taken at one moment by the mirror itself, or put together
// from the state topic; read by the terminal, /status, /metrics, the page and the exit code.
// Nothing in it is a secret.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/named.h"
#include "replicate/cutover_state.h"

namespace kferry::replicate {

enum class Phase {
  kWaiting,      // for the topic on the target, a leader, or our turn; `reason` says which
  kPositioning,  // reading from the target how far it is
  kFilling,      // the offsets before the source's log start are being filled
  kCopying,
  kQuarantined,  // cannot follow; `reason` says why. The other partitions go on.
};
std::string_view to_string(Phase phase);  // "waiting", ...
inline constexpr std::array kPhases{Phase::kWaiting, Phase::kPositioning, Phase::kFilling,
                                    Phase::kCopying, Phase::kQuarantined};

struct PartitionStatus {
  TopicPartition source;
  TopicName target_topic;
  Phase phase = Phase::kWaiting;
  bool identity = true;         // every record has the source's offset; false: exact translation
  std::string reason;           // why it waits, is quarantined, or is no identity; may be empty
  SourceOffset position{-1};    // the next to be copied: everything before it is on the target
  SourceOffset source_end{-1};  // high watermark; -1: not known yet
  SourceOffset source_start{-1};
  TargetOffset target_end{-1};
  // Since this process started; -1: not told.
  int64_t records = 0;
  int64_t bytes = 0;               // as they came, compressed
  int64_t last_timestamp_ms = -1;  // of the last record that was copied
  int64_t last_copied_at_ms = -1;  // when the target confirmed it; minus the one above: latency

  int64_t lag() const { return source_end < position ? 0 : source_end.value() - position.value(); }
};

struct GroupStatus {
  GroupId group;
  // "synced", "waiting for records", "live on the target", "refused", "moved" (by a cut-over), ...
  std::string state;
  std::string reason;         // in words; may be empty
  int64_t partitions = 0;     // with a committed offset on the source
  int64_t synced = 0;         // of these, exactly on the target
  int64_t synced_at_ms = -1;  // when a commit to the target was last confirmed
  int64_t latency_ms = -1;    // from seeing it on the source to its confirmation on the target

  // All of its offsets are on the target, exactly; or they are its own business there.
  bool is_complete() const {
    const bool unknown = state == "refused" || state.starts_with("unreadable");
    return state == "moved" || (!unknown && synced == partitions);
  }
};

// How fast it goes, between two moments.
struct MirrorRates {
  double records_per_second = 0;
  double bytes_per_second = 0;
  double lag_per_second = 0;        // how fast the lag shrinks; negative: it grows
  double published_per_second = 0;  // how fast the source's logs grow
};

// One process of the flow.
struct ProcessStatus {
  std::string instance;
  int64_t started_at_ms = 0;
  int64_t told_at_ms = 0;  // when it was last heard of
  int64_t slots = 0;       // of StateTopic::kSlots
  bool running = true;     // false: it has ended, or is not heard of any more
  bool ended = false;      // and it said so itself
};

struct FlowStatus {
  std::string flow;
  std::string source_alias;
  std::string target_alias;
  std::optional<std::string> source_cluster_id;
  std::optional<std::string> target_cluster_id;
  std::string instance;  // this process; from the state topic: the one that was heard of last
  int64_t started_at_ms = 0;
  int64_t taken_at_ms = 0;
  bool ready = false;   // the clusters have been reached and partitions are being copied
  int64_t records = 0;  // since this process started, of all partitions
  int64_t bytes = 0;
  int64_t max_bytes_per_second = 0;  // 0: no limit
  int64_t buffered_bytes = 0;
  std::optional<MirrorRates> rates;      // nullopt: too early to tell
  std::vector<ProcessStatus> processes;  // this one, or from the state topic all; by instance
  std::optional<CutoverView> cutover;
  std::vector<PartitionStatus> partitions;  // ordered by topic, then partition
  std::vector<GroupStatus> groups;          // ordered by name
  std::vector<std::string> troubles;        // of the flow as a whole: a cluster that is gone, ...
};

// Of the last record: from its timestamp to the target's confirmation. Never negative: the clocks
// of producers differ. nullopt: nothing was copied yet.
inline std::optional<int64_t> replication_latency_ms(const PartitionStatus& one) {
  if (one.last_timestamp_ms < 0 || one.last_copied_at_ms < 0) return std::nullopt;
  return std::max(int64_t{0}, one.last_copied_at_ms - one.last_timestamp_ms);
}

}  // namespace kferry::replicate
