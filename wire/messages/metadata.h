// Metadata: brokers, topics, partitions and their leaders.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct MetadataResponse {
  static constexpr const char* kName = "MetadataResponse";
  static constexpr int16_t kFlexibleSince = 9;
  // Stands for "not asked for" in the authorized-operations fields.
  static constexpr int32_t kNoOperations = std::numeric_limits<int32_t>::min();

  struct Broker {
    BrokerId node_id;
    std::string host;
    int32_t port = 0;
    std::optional<std::string> rack;
    template <class Io>
    void fields(Io& io) {
      io("NodeId", node_id);
      io("Host", host);
      io("Port", port);
      io("Rack", rack, {.versions = since(1), .nullable = since(1), .ignorable = true});
    }
    friend bool operator==(const Broker&, const Broker&) = default;
  };
  struct PartitionInfo {
    int16_t error_code = 0;
    Partition partition_index;
    BrokerId leader_id;  // -1: no leader
    int32_t leader_epoch = -1;
    std::vector<int32_t> replica_nodes;
    std::vector<int32_t> isr_nodes;
    std::vector<int32_t> offline_replicas;
    template <class Io>
    void fields(Io& io) {
      io("ErrorCode", error_code);
      io("PartitionIndex", partition_index);
      io("LeaderId", leader_id);
      io("LeaderEpoch", leader_epoch,
         {.versions = since(7), .ignorable = true, .default_value = -1});
      io("ReplicaNodes", replica_nodes);
      io("IsrNodes", isr_nodes);
      io("OfflineReplicas", offline_replicas, {.versions = since(5), .ignorable = true});
    }
    friend bool operator==(const PartitionInfo&, const PartitionInfo&) = default;
  };
  struct Topic {
    int16_t error_code = 0;
    std::optional<TopicName> name;
    Uuid topic_id{};  // all zero: the broker has none
    bool is_internal = false;
    std::vector<PartitionInfo> partitions;
    int32_t topic_authorized_operations = kNoOperations;
    template <class Io>
    void fields(Io& io) {
      io("ErrorCode", error_code);
      io("Name", name, {.nullable = since(12)});
      io("TopicId", topic_id, {.versions = since(10), .ignorable = true});
      io("IsInternal", is_internal, {.versions = since(1), .ignorable = true});
      io("Partitions", partitions);
      io("TopicAuthorizedOperations", topic_authorized_operations,
         {.versions = since(8), .default_value = kNoOperations});
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };

  int32_t throttle_time_ms = 0;
  std::vector<Broker> brokers;
  std::optional<std::string> cluster_id;
  BrokerId controller_id{-1};
  std::vector<Topic> topics;
  int32_t cluster_authorized_operations = kNoOperations;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(3), .ignorable = true});
    io("Brokers", brokers);
    io("ClusterId", cluster_id, {.versions = since(2), .nullable = since(2), .ignorable = true});
    io("ControllerId", controller_id,
       {.versions = since(1), .ignorable = true, .default_value = -1});
    io("Topics", topics);
    io("ClusterAuthorizedOperations", cluster_authorized_operations,
       {.versions = {8, 10}, .default_value = kNoOperations});
  }
};

struct MetadataRequest {
  static constexpr const char* kName = "MetadataRequest";
  static constexpr ApiKey kApiKey = ApiKey::kMetadata;
  static constexpr ApiVersionRange kVersions{0, 12};
  static constexpr int16_t kFlexibleSince = 9;
  using Response = MetadataResponse;

  struct Topic {
    Uuid topic_id{};
    std::optional<TopicName> name;
    template <class Io>
    void fields(Io& io) {
      io("TopicId", topic_id, {.versions = since(10), .ignorable = true});
      io("Name", name, {.nullable = since(10)});
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };

  // null: all topics; version 0 has no null and says "all" with an empty list.
  std::optional<std::vector<Topic>> topics;
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  template <class Io>
  void fields(Io& io) {
    io("Topics", topics, {.nullable = since(1)});
    io("AllowAutoTopicCreation", allow_auto_topic_creation,
       {.versions = since(4), .default_value = 1});
    io("IncludeClusterAuthorizedOperations", include_cluster_authorized_operations,
       {.versions = {8, 10}});
    io("IncludeTopicAuthorizedOperations", include_topic_authorized_operations,
       {.versions = since(8)});
  }
};

}  // namespace kferry::wire
