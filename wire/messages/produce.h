// Produce: one record batch per partition, appended by the partition's leader.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct ProduceResponse {
  static constexpr const char* kName = "ProduceResponse";
  static constexpr int16_t kFlexibleSince = 9;

  struct RecordError {
    int32_t batch_index = 0;
    std::optional<std::string> batch_index_error_message;
    template <class Io>
    void fields(Io& io) {
      io("BatchIndex", batch_index, {.versions = since(8)});
      io("BatchIndexErrorMessage", batch_index_error_message,
         {.versions = since(8), .nullable = since(8)});
    }
    friend bool operator==(const RecordError&, const RecordError&) = default;
  };
  struct Leader {
    BrokerId leader_id{-1};
    int32_t leader_epoch = -1;
    template <class Io>
    void fields(Io& io) {
      io("LeaderId", leader_id, {.versions = since(10), .default_value = -1});
      io("LeaderEpoch", leader_epoch, {.versions = since(10), .default_value = -1});
    }
    friend bool operator==(const Leader&, const Leader&) = default;
  };
  struct PartitionResponse {
    Partition index;
    int16_t error_code = 0;
    int64_t base_offset = 0;  // of the batch in the log; of a duplicate, where the first one lies
    int64_t log_append_time_ms = -1;
    int64_t log_start_offset = -1;
    std::vector<RecordError> record_errors;
    std::optional<std::string> error_message;
    Leader current_leader;
    template <class Io>
    void fields(Io& io) {
      io("Index", index);
      io("ErrorCode", error_code);
      io("BaseOffset", base_offset);
      io("LogAppendTimeMs", log_append_time_ms,
         {.versions = since(2), .ignorable = true, .default_value = -1});
      io("LogStartOffset", log_start_offset,
         {.versions = since(5), .ignorable = true, .default_value = -1});
      io("RecordErrors", record_errors, {.versions = since(8), .ignorable = true});
      io("ErrorMessage", error_message,
         {.versions = since(8), .nullable = since(8), .ignorable = true});
      io("CurrentLeader", current_leader, {.versions = since(10), .tag = 0});
    }
    friend bool operator==(const PartitionResponse&, const PartitionResponse&) = default;
  };
  struct Topic {
    TopicName name;
    std::vector<PartitionResponse> partition_responses;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("PartitionResponses", partition_responses);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };
  struct NodeEndpoint {
    BrokerId node_id;
    std::string host;
    int32_t port = 0;
    std::optional<std::string> rack;
    template <class Io>
    void fields(Io& io) {
      io("NodeId", node_id, {.versions = since(10)});
      io("Host", host, {.versions = since(10)});
      io("Port", port, {.versions = since(10)});
      io("Rack", rack, {.versions = since(10), .nullable = since(10)});
    }
    friend bool operator==(const NodeEndpoint&, const NodeEndpoint&) = default;
  };

  std::vector<Topic> responses;
  int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;

  template <class Io>
  void fields(Io& io) {
    io("Responses", responses);
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(1), .ignorable = true});
    io("NodeEndpoints", node_endpoints, {.versions = since(10), .tag = 0});
  }
};

struct ProduceRequest {
  static constexpr const char* kName = "ProduceRequest";
  static constexpr ApiKey kApiKey = ApiKey::kProduce;
  static constexpr ApiVersionRange kVersions{0, 11};
  static constexpr int16_t kFlexibleSince = 9;
  using Response = ProduceResponse;

  static constexpr int16_t kAllInSyncReplicas = -1;  // as acks

  struct PartitionData {
    Partition index;
    std::optional<Records> records;
    template <class Io>
    void fields(Io& io) {
      io("Index", index);
      io("Records", records, {.nullable = since(0)});
    }
    friend bool operator==(const PartitionData&, const PartitionData&) = default;
  };
  struct Topic {
    TopicName name;
    std::vector<PartitionData> partition_data;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("PartitionData", partition_data);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };

  std::optional<std::string> transactional_id;
  int16_t acks = 0;
  int32_t timeout_ms = 0;
  std::vector<Topic> topic_data;

  template <class Io>
  void fields(Io& io) {
    io("TransactionalId", transactional_id, {.versions = since(3), .nullable = since(3)});
    io("Acks", acks);
    io("TimeoutMs", timeout_ms);
    io("TopicData", topic_data);
  }
};

}  // namespace kferry::wire
