// Writes records through librdkafka: to kferry's own topics and to those that MM2's tools read.
// The mirror's records do not pass here.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/interrupt.h"
#include "base/named.h"
#include "kafkaio/config.h"

namespace kferry::kafkaio {

// Idempotent and acks=all: what is confirmed is on all in-sync replicas, once, and in the order of
// the calls within a partition. Needs a broker from 0.11 on, and before 2.8 IDEMPOTENT_WRITE on the
// cluster. A record that is not confirmed within 60 s (`message.timeout.ms`) has failed; it may
// have been written all the same. After a fatal error (librdkafka: the broker has lost track of our
// sequence) every call fails: open another. Records over 1,000,000 bytes are kFailed
// (`message.max.bytes`).
//
// Thread-safe; a thread of its own takes the confirmations. At most 10,000 records or 64 MiB wait
// for theirs. Destroying it drops what has not been sent: flush() first. No other thread may be
// inside at that time.
class Producer {
 public:
  // Connects in the background. kUsage.
  static Result<Producer> open(const ClientProperties& properties);
  ~Producer();
  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;

  // Queues a record (no value: a tombstone). Waits only while the queue is full. Its own failure,
  // when it comes to that, is told by the next flush() of any thread. The topic should exist:
  // brokers with auto.create.topics.enable create it, with their own defaults.
  Result<> send(const TopicPartition& where, const std::string& key,
                const std::optional<std::string>& value, const Wait& wait);

  // Until all that had been queued when it was called is confirmed. Otherwise the first failure
  // since the last flush(), or kUnreachable when `wait` is over: then those records are still on
  // their way. A failure is told once.
  Result<> flush(const Wait& wait);

  // Sends one record and waits for it alone; its offset. The failure is not told by flush() too.
  // After kUnreachable or kInterrupted it is unknown whether the record has been or will be
  // written.
  Result<Offset> put(const TopicPartition& where, const std::string& key,
                     const std::optional<std::string>& value, const Wait& wait);

 private:
  struct Impl;
  explicit Producer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kferry::kafkaio
