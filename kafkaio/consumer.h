// Reads records through librdkafka: in tests, and as the independent reader of a proof.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/interrupt.h"
#include "base/named.h"
#include "kafkaio/config.h"

namespace kferry::kafkaio {

struct Record {
  TopicPartition partition;
  Offset offset;
  int64_t timestamp_ms = -1;            // since the epoch; -1: none (before 0.10)
  std::optional<std::string> key = {};  // nullopt: null, which is not empty
  std::optional<std::string> value = {};
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};

  friend bool operator==(const Record&, const Record&) = default;
};

// Never a member of a group, and never commits. An offset that the log does not have is an error,
// not a reason to jump (auto.offset.reset=error). Not thread-safe. Isolation level as librdkafka
// has it, read_committed, unless the properties say otherwise.
class Consumer {
 public:
  using Positions = std::map<TopicPartition, Offset>;
  // As a start: wherever the log begins (RD_KAFKA_OFFSET_BEGINNING).
  static constexpr Offset kBeginning{-2};

  // Reads each partition from the given offset on. Connects in the background. kUsage.
  static Result<Consumer> open(const ClientProperties& properties, const Positions& start);

  // Where an application that takes over `group` would go on: from its committed offsets. The
  // partitions without one are not read; start() tells. kUnreachable, kNotAuthorised, kFailed.
  static Result<Consumer> open_committed(const ClientProperties& properties, const GroupId& group,
                                         const std::vector<TopicPartition>& partitions,
                                         const Wait& wait);
  ~Consumer();
  Consumer(Consumer&&) noexcept;
  Consumer& operator=(Consumer&&) noexcept;

  const Positions& start() const;
  // The offset after the last record read or skipped over, per partition.
  const Positions& positions() const;
  // Whether everything that was in the logs when we looked last has been read. The last offsets of
  // a log may be markers or aborted records, so a position alone does not tell.
  bool at_end() const;
  // Where the logs end now: all that was written before the call lies before it. kUnreachable,
  // kNotAuthorised, kFailed. Answers a stop request within 2 s when a leader is slow.
  Result<Positions> end_offsets(const Wait& wait) const;

  // At most `most` records, as soon as there are some; none when `wait` is over, or as soon as
  // at_end() becomes true. Records of one partition come in their order. kFailed, naming the
  // partition, for an offset out of range, an unknown partition or an unreadable batch: after such
  // an error every further call fails with it. kFailed with UNKNOWN_TOPIC_OR_PARTITION for an
  // unknown topic, which brokers may only not have heard of yet: the next call asks again.
  // kUnreachable when no broker answered the first call; a broker lost later only means that
  // nothing comes.
  Result<std::vector<Record>> poll(size_t most, const Wait& wait);

 private:
  struct Impl;
  explicit Consumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kferry::kafkaio
