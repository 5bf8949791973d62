// A compacted topic as the map that it stands for.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "base/named.h"
#include "kafkaio/consumer.h"

namespace kferry::kafkaio {

// Reads whole partitions: of equal keys the last record counts, a record without a value deletes
// its key. Records without a key mean nothing here and are passed over. One key should be written
// to one partition only: between partitions there is no order. Everything is kept in memory. Not
// thread-safe.
class CompactedReader {
 public:
  using Entries = std::map<std::string, std::string>;
  struct Change {
    std::string key;
    std::optional<std::string> value;  // nullopt: deleted

    friend bool operator==(const Change&, const Change&) = default;
  };

  // These partitions; connects in the background. kUsage.
  static Result<CompactedReader> open(const ClientProperties& properties,
                                      const std::vector<TopicPartition>& partitions);
  // All partitions that the topic has now. kFailed with kafka_code 3 when it does not exist.
  static Result<CompactedReader> open(const ClientProperties& properties, const TopicName& topic,
                                      const Wait& wait);

  // Reads until entries() holds everything that was confirmed to a producer before this call. An
  // error as Consumer::poll() has them; kUnreachable when `wait` is over before.
  Result<> catch_up(const Wait& wait);

  // What has come since: at most `most` changes, as soon as there are some; none when `wait` is
  // over. entries() has them already.
  Result<std::vector<Change>> poll(size_t most, const Wait& wait);

  const Entries& entries() const { return entries_; }

 private:
  explicit CompactedReader(Consumer consumer) : consumer_(std::move(consumer)) {}

  Consumer consumer_;
  Entries entries_;
};

}  // namespace kferry::kafkaio
