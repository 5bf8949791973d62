// One partition on its way: what has been fetched and not yet sent, what has been sent and not yet
// confirmed, and how far the target is. No I/O: readers, writers and the preparer call it under the
// Copier's lock.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/named.h"
#include "replicate/copy_item.h"
#include "replicate/flow.h"
#include "replicate/intake.h"
#include "replicate/offset_map.h"
#include "replicate/ports.h"
#include "replicate/status.h"

namespace kferry::replicate {

// Whose batches they are. The sequence number of a record is how many records of its partition were
// copied before it, less `copied_before`, modulo 2^31: the target rejects what it has already
// (KIP-98).
struct ProducerIdentity {
  int64_t id = -1;
  int16_t epoch = -1;
  // Records that were copied before this id and epoch began. Not 0 only for brokers before 2.5,
  // where a new one has to begin at sequence 0.
  int64_t copied_before = 0;

  friend bool operator==(const ProducerIdentity&, const ProducerIdentity&) = default;
};

// How far a partition is: everything before `source` is on the target, whose log ends at `target`.
struct CopyPosition {
  SourceOffset source{0};
  TargetOffset target{0};
  int64_t copied = 0;  // records, since the flow began with this partition

  friend bool operator==(const CopyPosition&, const CopyPosition&) = default;
};

// Why a partition is identical no longer once producers have moved.
std::string others_write_from(TargetOffset offset);

// The invariants, while the phase is kCopying: in_flight_, then waiting_, hold what follows on
// confirmed_.source without holes; the batches in flight have been stamped with consecutive
// sequence numbers that follow on confirmed_.copied; at most kMostInFlight are in flight, and a gap
// is alone in flight. So is a batch, while the target's broker may not know our producer id.
class PartitionCopy {
 public:
  static constexpr size_t kMostInFlight = 5;  // batches that a broker remembers (KIP-98)
  static constexpr int32_t kMarkersPerRequest = 1'000;
  // A larger gap ends identity: by markers (77 ms for 1,000), and by empty transactions where the
  // target refuses markers (a few ms each).
  static constexpr int64_t kMostMarkers = 1'000'000;
  static constexpr int64_t kMostTransactions = 10'000;
  // Far below producer.id.expiration.ms (a day, unless it is changed).
  static constexpr int64_t kLongQuietMs = 60'000;

  PartitionCopy(TopicPartition source, const wire::Uuid& topic_id, TopicPartition target,
                OffsetsMode mode)
      : source_(std::move(source)), topic_id_(topic_id), target_(std::move(target)), mode_(mode) {}

  const TopicPartition& source() const { return source_; }
  const wire::Uuid& topic_id() const { return topic_id_; }  // of the source's topic
  const TopicPartition& target() const { return target_; }
  Phase phase() const { return phase_; }
  const std::string& reason() const { return reason_; }
  bool identity() const { return identity_; }
  bool started() const { return started_; }
  const CopyPosition& confirmed() const { return confirmed_; }  // once it was started
  const OffsetMap& map() const { return map_; }

  // --- The preparer.
  struct Start {
    CopyPosition position;
    ProducerIdentity producer;
    bool identity = true;
    std::string why_not_identity;
    OffsetMap map = {};  // of a translated partition
    std::optional<MixedRange> mixed = {};
  };
  void start(Start start);
  void set_phase(Phase phase, std::string reason = {});
  void quarantine(std::string reason);
  // Something happened that makes it unknown how far the target is.
  void reposition(std::string reason);
  bool wants_position() const { return phase_ == Phase::kPositioning && in_flight_.empty(); }
  // Identity came to an end (see reason()); to be made durable before start().
  bool wants_translation() const { return wants_translation_; }
  bool doubts_source() const { return doubts_source_; }
  std::optional<SourceOffset> source_diverges_at() const { return diverges_at_; }
  // The broker does not know our producer id any more, and takes it only from sequence 0 on.
  bool wants_new_producer() const { return wants_new_producer_; }

  // Who fills gaps where the target refuses markers; to be made durable before start().
  std::optional<int64_t> gap_producer() const { return gap_producer_; }

  // Producers move to the target: records of others there end a partition's identity, and no longer
  // quarantine it.
  void expect_other_writers() { expects_others_ = true; }
  bool expects_other_writers() const { return expects_others_; }

  // --- The reader of the source.
  bool fetching() const { return phase_ == Phase::kCopying; }
  // Changes whenever what has been fetched was thrown away.
  int64_t generation() const { return generation_; }
  SourceOffset fetch_position() const { return fetch_position_; }
  int32_t last_epoch() const { return last_epoch_; }
  int64_t waiting_bytes() const { return waiting_bytes_; }
  // Of a translated partition: which records, counted as CopyPosition::copied is, do not follow on
  // the one before them. To be made durable before accept().
  std::vector<std::pair<int64_t, SourceOffset>> plan_of(const TakenIn& taken) const;
  void accept(TakenIn taken);
  void note_source(SourceOffset log_start, SourceOffset end);
  // The source does not have what follows: retention was faster, the topic was created anew, or an
  // unclean election has truncated its log at `diverges_at`. The preparer finds out which.
  void doubt_source(std::optional<SourceOffset> diverges_at);

  // --- The writer to the target.
  bool has_waiting() const { return phase_ == Phase::kCopying && !waiting_.empty() && !failure_; }
  // One gap, one batch, or several tiny batches to be merged; empty: nothing can be sent now. They
  // are no longer waiting; sent() must follow.
  std::vector<CopyItem> next_work(int64_t now_ms);
  // Puts a batch in flight: stamps it. Or a gap. nullptr: what was taken at another `generation`
  // must not be sent any more.
  const CopyItem* sent(CopyItem item, int64_t generation);
  void on_ack(const Ack& ack, int64_t now_ms);
  void connection_lost(const std::string& why);

  // --- Anybody.
  std::optional<Translation> translate(SourceOffset offset) const;
  PartitionStatus status() const;

 private:
  bool is_tiny(const CopyItem& item) const;
  size_t most_in_flight(int64_t now_ms) const;
  void drop_everything();
  void accept_gap(const CopyItem& gap);
  void confirm(const CopyItem& item, const Ack& ack, int64_t now_ms);
  void confirm_gap(const CopyItem& gap, const Ack& ack);
  bool settle_refused_gap(const Ack& refusal);
  void settle_failure();
  void end_identity(std::string reason);

  const TopicPartition source_;
  const wire::Uuid topic_id_;
  const TopicPartition target_;
  const OffsetsMode mode_;

  Phase phase_ = Phase::kWaiting;
  std::string reason_;
  bool started_ = false;  // confirmed_ means something
  bool identity_ = true;
  std::string why_not_identity_;
  bool wants_translation_ = false;
  bool wants_new_producer_ = false;
  bool doubts_source_ = false;
  bool expects_others_ = false;
  int64_t most_filled_ = kMostMarkers;  // of one gap
  std::optional<int64_t> gap_producer_;
  std::optional<SourceOffset> diverges_at_;
  ProducerIdentity producer_;
  OffsetMap map_;
  std::optional<MixedRange> mixed_;

  CopyPosition confirmed_;
  bool confirmed_since_start_ = false;  // a batch, by the target
  std::deque<CopyItem> in_flight_;
  std::deque<CopyItem> waiting_;
  int64_t waiting_bytes_ = 0;
  int64_t copied_when_sent_ = 0;   // confirmed_.copied plus the records in flight
  int64_t copied_when_taken_ = 0;  // and those waiting
  // Behind the last record that was taken in; nullopt: none was since the last start. What the
  // durable plan says of the next one is then not known here.
  std::optional<SourceOffset> follows_;
  SourceOffset fetch_position_{0};
  int32_t last_epoch_ = -1;
  int64_t generation_ = 0;
  std::optional<Ack> failure_;  // the first one since the last start
  int failures_without_progress_ = 0;

  PartitionStatus counters_;  // source_start, source_end, records, bytes, times
};

}  // namespace kferry::replicate
