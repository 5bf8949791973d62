// What the parts of the mirror know of one another: interfaces, so that fakes, and wrappers that
// fail before or after the effect, can take their place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/interrupt.h"
#include "base/named.h"
#include "base/result.h"
#include "replicate/status.h"
#include "wire/field.h"

namespace kferry::replicate {

// One partition's share of an answer to a fetch.
struct FetchedPartition {
  struct Aborted {
    int64_t producer_id = -1;
    int64_t first_offset = -1;
  };

  TopicPartition partition;  // on the source
  int16_t error_code = 0;    // Kafka's
  SourceOffset high_watermark{-1};
  SourceOffset last_stable_offset{-1};  // transactional records are given up to here; -1: not told
  SourceOffset log_start{-1};           // -1: not told (before 0.11)
  // The log was truncated (unclean election): what we have agrees with it up to here. -1: it
  // agrees.
  SourceOffset diverges_at{-1};
  std::vector<Aborted> aborted;  // ordered by first_offset
  std::string_view records;      // entries of the log, the last one perhaps cut off
};

struct Fetched {
  std::unique_ptr<std::string> frame;  // what `records` point into
  std::vector<FetchedPartition> partitions;
};

struct FetchPosition {
  SourceOffset offset;
  int32_t last_epoch = -1;  // leader epoch of the record before it; -1: not known
  wire::Uuid topic_id{};    // all zero: the source has none (before 2.8)
};

// One broker of the source, as the leader of some partitions. Not thread-safe.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // From now on `partition` is fetched from there on.
  virtual void follow(const TopicPartition& partition, const FetchPosition& position) = 0;
  virtual void forget(const TopicPartition& partition) = 0;
  // Waits up to `patience` for something to come. An error is the connection's, and ends it.
  virtual Result<Fetched> fetch(int32_t most_bytes, Duration patience, const Wait& wait) = 0;
};

struct BatchToSend {
  TopicPartition partition;  // on the target
  std::string_view batch;    // stamped; must live until its answer was taken
};
// Control records that fill an offset each.
struct GapToFill {
  TopicPartition partition;  // on the target
  int32_t count = 0;
};
struct Ack {
  TopicPartition partition;
  int16_t error_code = 0;
  TargetOffset base_offset{-1};  // of a batch; not told of a gap
  std::string message;           // the broker's words, if any
  // Of a gap, where only the first so many of its offsets were filled.
  std::optional<int32_t> filled = std::nullopt;
  // With a refusal of markers: the producer id that the gap's control records are going to have.
  std::optional<int64_t> gap_producer = std::nullopt;
};

// One broker of the target, as the leader of some partitions. Answers come in the order of the
// requests. Not thread-safe.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // At most one batch per partition. An error of any of these is the connection's, and ends it:
  // whether what was sent arrived is then unknown.
  virtual Result<> send(const std::vector<BatchToSend>& batches, const Wait& wait) = 0;
  // CLUSTER_AUTHORIZATION_FAILED as the answer: markers are refused. The end of the partition's log
  // is to be read again; the next gap in it is filled in another way.
  virtual Result<> fill(const std::vector<GapToFill>& gaps, const Wait& wait) = 0;
  // The answer to the oldest request that has none yet.
  virtual Result<std::vector<Ack>> take_answer(const Wait& wait) = 0;
};

// Where a source offset stands on the target.
struct Translation {
  TopicPartition target;
  TargetOffset offset;
  // False: records before the source offset are still to be copied; `offset` is where the copy ends
  // now.
  bool complete = true;
  // Not complete, and waiting does not change that: see MixedRange. `offset` is the last that is
  // exact.
  bool mixed = false;
};

// Thread-safe.
class OffsetTranslator {
 public:
  virtual ~OffsetTranslator() = default;
  // nullopt: the partition is not mirrored, or nothing is known of that offset.
  virtual std::optional<Translation> translate(const TopicPartition& source,
                                               SourceOffset offset) const = 0;
};

// Who can be asked for the state of the flow. Thread-safe.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  virtual FlowStatus status() const = 0;
};

// What an operator can change while it runs. Thread-safe.
class Controls {
 public:
  virtual ~Controls() = default;
  virtual void set_max_bytes_per_second(int64_t limit) = 0;  // 0: no limit
};

// The flow's memory: small records by key, in a compacted topic on the target. Thread-safe.
class StateStore {
 public:
  virtual ~StateStore() = default;
  // Returns when all are durable (acks=all). A nullopt deletes its key.
  struct Entry {
    std::string key;
    std::optional<std::string> value;
  };
  virtual Result<> put(const std::vector<Entry>& entries, const Wait& wait) = 0;
};

}  // namespace kferry::replicate
