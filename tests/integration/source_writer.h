// Writes to a real cluster what the mirror has to copy: batches of an exact shape, and
// transactions.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kafkaio/topic_admin.h"
#include "tests/support/records.h"
#include "wire/cluster.h"

struct rd_kafka_s;

namespace kferry::mirror {

using test::TestRecord;

TopicPartition at(const std::string& topic, int32_t partition);

// Records as in test::some_records (null keys, null values, headers), offsets from 0 on and
// timestamps that no retention deletes. The same `seed` and `count` give the same.
std::vector<TestRecord> recent_records(int count, int64_t seed, size_t value_bytes = 60);

// Batches as a producer without an id sends them, in plain Produce requests: their limits do not
// depend on timing. Also creates, trims and deletes topics. Throws. Not thread-safe.
class SourceWriter {
 public:
  explicit SourceWriter(const std::string& bootstrap_servers);

  void create(const std::string& topic, int32_t partitions,
              const kafkaio::ConfigValues& configs = {});
  void remove(const std::string& topic);  // returns when it is gone
  void set_configs(const std::string& topic, const kafkaio::ConfigChanges& changes);
  // Deletes the records before it.
  void trim(const TopicPartition& partition, int64_t offset);

  // One batch; the offset that its first record got.
  int64_t append(const TopicPartition& partition, const std::vector<TestRecord>& records,
                 wire::Codec codec = wire::Codec::kNone);
  // Several, of so many records each, of `seed`.
  void append_some(const TopicPartition& partition, const std::vector<int>& batches, int64_t seed,
                   wire::Codec codec = wire::Codec::kNone);
  // Empty records up to `end`, which must be fewer than 2^31.
  void append_filler(const TopicPartition& partition, int64_t end);

  struct Range {
    int64_t start = 0;
    int64_t end = 0;
  };
  Range range_of(const TopicPartition& partition);

  // Of groups that nobody is in. -1: there is none.
  void commit(const std::string& group, const TopicPartition& partition, int64_t offset);
  int64_t committed(const std::string& group, const TopicPartition& partition);

  kafkaio::TopicAdmin& admin() { return admin_; }
  wire::Cluster& cluster() { return cluster_; }

 private:
  wire::Broker& leader_of(const TopicPartition& partition);

  kafkaio::TopicAdmin admin_;
  wire::Cluster cluster_;
  std::map<TopicPartition, BrokerId> leaders_;
};

// librdkafka's transactional producer. What is neither committed nor aborted stays open. Throws.
class TransactionWriter {
 public:
  TransactionWriter(const std::string& bootstrap_servers, const std::string& transactional_id,
                    const std::string& codec = "none");
  ~TransactionWriter();
  TransactionWriter(const TransactionWriter&) = delete;
  TransactionWriter& operator=(const TransactionWriter&) = delete;

  void begin();
  // In the log when it returns.
  void write(const TopicPartition& partition, const std::vector<TestRecord>& records);
  void commit();
  void abort();

 private:
  rd_kafka_s* kafka_ = nullptr;
};

}  // namespace kferry::mirror
