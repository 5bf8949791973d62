// Transactions (KIP-98), as far as we need them to write control records that fill an offset each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct WriteTxnMarkersResponse {
  static constexpr const char* kName = "WriteTxnMarkersResponse";
  static constexpr int16_t kFlexibleSince = 1;

  struct PartitionResult {
    Partition partition_index;
    int16_t error_code = 0;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
      io("ErrorCode", error_code);
    }
    friend bool operator==(const PartitionResult&, const PartitionResult&) = default;
  };
  struct Topic {
    TopicName name;
    std::vector<PartitionResult> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("Partitions", partitions);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };
  struct Marker {
    int64_t producer_id = 0;
    std::vector<Topic> topics;
    template <class Io>
    void fields(Io& io) {
      io("ProducerId", producer_id);
      io("Topics", topics);
    }
    friend bool operator==(const Marker&, const Marker&) = default;
  };

  std::vector<Marker> markers;

  template <class Io>
  void fields(Io& io) {
    io("Markers", markers);
  }
};

// What a transaction coordinator sends to partition leaders. Needs CLUSTER_ACTION (or, as of
// KIP-664, ALTER) on the cluster.
struct WriteTxnMarkersRequest {
  static constexpr const char* kName = "WriteTxnMarkersRequest";
  static constexpr ApiKey kApiKey = ApiKey::kWriteTxnMarkers;
  static constexpr ApiVersionRange kVersions{0, 1};
  static constexpr int16_t kFlexibleSince = 1;
  using Response = WriteTxnMarkersResponse;

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
  struct Marker {
    int64_t producer_id = 0;
    int16_t producer_epoch = 0;
    bool transaction_result = false;  // true: commit
    std::vector<Topic> topics;
    // A partition's leader refuses markers of a lower epoch than it has seen (Kafka:
    // ProducerAppendInfo.checkCoordinatorEpoch).
    int32_t coordinator_epoch = 0;
    template <class Io>
    void fields(Io& io) {
      io("ProducerId", producer_id);
      io("ProducerEpoch", producer_epoch);
      io("TransactionResult", transaction_result);
      io("Topics", topics);
      io("CoordinatorEpoch", coordinator_epoch);
    }
    friend bool operator==(const Marker&, const Marker&) = default;
  };

  std::vector<Marker> markers;

  template <class Io>
  void fields(Io& io) {
    io("Markers", markers);
  }
};

struct AddPartitionsToTxnResponse {
  static constexpr const char* kName = "AddPartitionsToTxnResponse";
  static constexpr int16_t kFlexibleSince = 3;

  struct PartitionResult {
    Partition partition_index;
    int16_t partition_error_code = 0;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
      io("PartitionErrorCode", partition_error_code);
    }
    friend bool operator==(const PartitionResult&, const PartitionResult&) = default;
  };
  struct TopicResult {
    TopicName name;
    std::vector<PartitionResult> results_by_partition;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("ResultsByPartition", results_by_partition);
    }
    friend bool operator==(const TopicResult&, const TopicResult&) = default;
  };
  struct TransactionResult {
    std::string transactional_id;
    std::vector<TopicResult> topic_results;
    template <class Io>
    void fields(Io& io) {
      io("TransactionalId", transactional_id, {.versions = since(4)});
      io("TopicResults", topic_results, {.versions = since(4)});
    }
    friend bool operator==(const TransactionResult&, const TransactionResult&) = default;
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<TransactionResult> results_by_transaction;
  std::vector<TopicResult> results_by_topic_v3_and_below;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms);
    io("ErrorCode", error_code, {.versions = since(4), .ignorable = true});
    io("ResultsByTransaction", results_by_transaction, {.versions = since(4)});
    io("ResultsByTopicV3AndBelow", results_by_topic_v3_and_below, {.versions = {0, 3}});
  }
};

// Versions 4 and later are for brokers; clients use 0 to 3 (KIP-890).
struct AddPartitionsToTxnRequest {
  static constexpr const char* kName = "AddPartitionsToTxnRequest";
  static constexpr ApiKey kApiKey = ApiKey::kAddPartitionsToTxn;
  static constexpr ApiVersionRange kVersions{0, 5};
  static constexpr ApiVersionRange kClientVersions{0, 3};
  static constexpr int16_t kFlexibleSince = 3;
  using Response = AddPartitionsToTxnResponse;

  struct Topic {
    TopicName name;
    std::vector<Partition> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("Partitions", partitions);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };
  struct Transaction {
    std::string transactional_id;
    int64_t producer_id = 0;
    int16_t producer_epoch = 0;
    bool verify_only = false;
    std::vector<Topic> topics;
    template <class Io>
    void fields(Io& io) {
      io("TransactionalId", transactional_id, {.versions = since(4)});
      io("ProducerId", producer_id, {.versions = since(4)});
      io("ProducerEpoch", producer_epoch, {.versions = since(4)});
      io("VerifyOnly", verify_only, {.versions = since(4)});
      io("Topics", topics, {.versions = since(4)});
    }
    friend bool operator==(const Transaction&, const Transaction&) = default;
  };

  std::vector<Transaction> transactions;
  std::string transactional_id;
  int64_t producer_id = 0;
  int16_t producer_epoch = 0;
  std::vector<Topic> topics;

  template <class Io>
  void fields(Io& io) {
    io("Transactions", transactions, {.versions = since(4)});
    io("V3AndBelowTransactionalId", transactional_id, {.versions = {0, 3}});
    io("V3AndBelowProducerId", producer_id, {.versions = {0, 3}});
    io("V3AndBelowProducerEpoch", producer_epoch, {.versions = {0, 3}});
    io("V3AndBelowTopics", topics, {.versions = {0, 3}});
  }
};

struct EndTxnResponse {
  static constexpr const char* kName = "EndTxnResponse";
  static constexpr int16_t kFlexibleSince = 3;

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms);
    io("ErrorCode", error_code);
  }
};

struct EndTxnRequest {
  static constexpr const char* kName = "EndTxnRequest";
  static constexpr ApiKey kApiKey = ApiKey::kEndTxn;
  static constexpr ApiVersionRange kVersions{0, 4};
  static constexpr int16_t kFlexibleSince = 3;
  using Response = EndTxnResponse;

  std::string transactional_id;
  int64_t producer_id = 0;
  int16_t producer_epoch = 0;
  bool committed = false;

  template <class Io>
  void fields(Io& io) {
    io("TransactionalId", transactional_id);
    io("ProducerId", producer_id);
    io("ProducerEpoch", producer_epoch);
    io("Committed", committed);
  }
};

}  // namespace kferry::wire
