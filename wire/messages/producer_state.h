// Producer ids, and what a partition's leader knows of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct InitProducerIdResponse {
  static constexpr const char* kName = "InitProducerIdResponse";
  static constexpr int16_t kFlexibleSince = 2;

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  // -1 comes with an error. A batch that is produced with it is not idempotent: check both.
  int64_t producer_id = -1;
  int16_t producer_epoch = 0;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.ignorable = true});
    io("ErrorCode", error_code);
    io("ProducerId", producer_id, {.default_value = -1});
    io("ProducerEpoch", producer_epoch);
  }
};

struct InitProducerIdRequest {
  static constexpr const char* kName = "InitProducerIdRequest";
  static constexpr ApiKey kApiKey = ApiKey::kInitProducerId;
  static constexpr ApiVersionRange kVersions{0, 5};
  static constexpr int16_t kFlexibleSince = 2;
  using Response = InitProducerIdResponse;

  std::optional<std::string> transactional_id;  // null: idempotent only
  int32_t transaction_timeout_ms = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;

  template <class Io>
  void fields(Io& io) {
    io("TransactionalId", transactional_id, {.nullable = since(0)});
    io("TransactionTimeoutMs", transaction_timeout_ms);
    io("ProducerId", producer_id, {.versions = since(3), .default_value = -1});
    io("ProducerEpoch", producer_epoch, {.versions = since(3), .default_value = -1});
  }
};

struct DescribeProducersResponse {
  static constexpr const char* kName = "DescribeProducersResponse";
  static constexpr int16_t kFlexibleSince = 0;

  struct ProducerState {
    int64_t producer_id = 0;
    int32_t producer_epoch = 0;
    int32_t last_sequence = -1;  // of its last record in the partition; -1: only markers
    int64_t last_timestamp = -1;
    int32_t coordinator_epoch = 0;
    int64_t current_txn_start_offset = -1;
    template <class Io>
    void fields(Io& io) {
      io("ProducerId", producer_id);
      io("ProducerEpoch", producer_epoch);
      io("LastSequence", last_sequence, {.default_value = -1});
      io("LastTimestamp", last_timestamp, {.default_value = -1});
      io("CoordinatorEpoch", coordinator_epoch);
      io("CurrentTxnStartOffset", current_txn_start_offset, {.default_value = -1});
    }
    friend bool operator==(const ProducerState&, const ProducerState&) = default;
  };
  struct PartitionResponse {
    Partition partition_index;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<ProducerState> active_producers;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
      io("ErrorCode", error_code);
      io("ErrorMessage", error_message, {.nullable = since(0)});
      io("ActiveProducers", active_producers);
    }
    friend bool operator==(const PartitionResponse&, const PartitionResponse&) = default;
  };
  struct Topic {
    TopicName name;
    std::vector<PartitionResponse> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("Partitions", partitions);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms);
    io("Topics", topics);
  }
};

struct DescribeProducersRequest {
  static constexpr const char* kName = "DescribeProducersRequest";
  static constexpr ApiKey kApiKey = ApiKey::kDescribeProducers;
  static constexpr ApiVersionRange kVersions{0, 0};
  static constexpr int16_t kFlexibleSince = 0;
  using Response = DescribeProducersResponse;

  struct Topic {
    TopicName name;
    std::vector<Partition> partition_indexes;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("PartitionIndexes", partition_indexes);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };

  std::vector<Topic> topics;

  template <class Io>
  void fields(Io& io) {
    io("Topics", topics);
  }
};

}  // namespace kferry::wire
