// Fetch: record data as it lies in the log, from one broker for many partitions. From version 7 on
// with sessions, in which only what changes is named (KIP-227); from version 13 on by topic id
// (KIP-516).
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct FetchResponse {
  static constexpr const char* kName = "FetchResponse";
  static constexpr int16_t kFlexibleSince = 12;

  struct EpochEnd {
    int32_t epoch = -1;
    int64_t end_offset = -1;
    template <class Io>
    void fields(Io& io) {
      io("Epoch", epoch, {.versions = since(12), .default_value = -1});
      io("EndOffset", end_offset, {.versions = since(12), .default_value = -1});
    }
    friend bool operator==(const EpochEnd&, const EpochEnd&) = default;
  };
  struct Leader {
    BrokerId leader_id{-1};
    int32_t leader_epoch = -1;
    template <class Io>
    void fields(Io& io) {
      io("LeaderId", leader_id, {.versions = since(12), .default_value = -1});
      io("LeaderEpoch", leader_epoch, {.versions = since(12), .default_value = -1});
    }
    friend bool operator==(const Leader&, const Leader&) = default;
  };
  struct SnapshotId {
    int64_t end_offset = -1;
    int32_t epoch = -1;
    template <class Io>
    void fields(Io& io) {
      io("EndOffset", end_offset, {.default_value = -1});
      io("Epoch", epoch, {.default_value = -1});
    }
    friend bool operator==(const SnapshotId&, const SnapshotId&) = default;
  };
  struct AbortedTransaction {
    int64_t producer_id = 0;
    int64_t first_offset = 0;
    template <class Io>
    void fields(Io& io) {
      io("ProducerId", producer_id, {.versions = since(4)});
      io("FirstOffset", first_offset, {.versions = since(4)});
    }
    friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
  };
  struct PartitionData {
    Partition partition_index;
    int16_t error_code = 0;
    int64_t high_watermark = 0;
    int64_t last_stable_offset = -1;
    int64_t log_start_offset = -1;
    EpochEnd diverging_epoch;  // end_offset -1: none
    Leader current_leader;
    SnapshotId snapshot_id;
    std::optional<std::vector<AbortedTransaction>> aborted_transactions;
    int32_t preferred_read_replica = -1;
    std::optional<Records> records;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
      io("ErrorCode", error_code);
      io("HighWatermark", high_watermark);
      io("LastStableOffset", last_stable_offset,
         {.versions = since(4), .ignorable = true, .default_value = -1});
      io("LogStartOffset", log_start_offset,
         {.versions = since(5), .ignorable = true, .default_value = -1});
      io("DivergingEpoch", diverging_epoch, {.versions = since(12), .tag = 0});
      io("CurrentLeader", current_leader, {.versions = since(12), .tag = 1});
      io("SnapshotId", snapshot_id, {.versions = since(12), .tag = 2});
      io("AbortedTransactions", aborted_transactions,
         {.versions = since(4), .nullable = since(4), .ignorable = true});
      io("PreferredReadReplica", preferred_read_replica,
         {.versions = since(11), .default_value = -1});
      io("Records", records, {.nullable = since(0)});
    }
    friend bool operator==(const PartitionData&, const PartitionData&) = default;
  };
  struct Topic {
    TopicName topic;
    Uuid topic_id{};
    std::vector<PartitionData> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Topic", topic, {.versions = {0, 12}, .ignorable = true});
      io("TopicId", topic_id, {.versions = since(13), .ignorable = true});
      io("Partitions", partitions);
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
      io("NodeId", node_id, {.versions = since(16)});
      io("Host", host, {.versions = since(16)});
      io("Port", port, {.versions = since(16)});
      io("Rack", rack, {.versions = since(16), .nullable = since(16)});
    }
    friend bool operator==(const NodeEndpoint&, const NodeEndpoint&) = default;
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  int32_t session_id = 0;
  std::vector<Topic> responses;
  std::vector<NodeEndpoint> node_endpoints;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(1), .ignorable = true});
    io("ErrorCode", error_code, {.versions = since(7), .ignorable = true});
    io("SessionId", session_id, {.versions = since(7)});
    io("Responses", responses);
    io("NodeEndpoints", node_endpoints, {.versions = since(16), .tag = 0});
  }
};

struct FetchRequest {
  static constexpr const char* kName = "FetchRequest";
  static constexpr ApiKey kApiKey = ApiKey::kFetch;
  static constexpr ApiVersionRange kVersions{0, 17};
  static constexpr int16_t kFlexibleSince = 12;
  using Response = FetchResponse;

  static constexpr int8_t kReadCommitted = 1;
  static constexpr int32_t kNoSession = -1;  // as session_epoch
  static constexpr int32_t kNewSession = 0;

  struct ReplicaState {
    BrokerId replica_id{-1};
    int64_t replica_epoch = -1;
    template <class Io>
    void fields(Io& io) {
      io("ReplicaId", replica_id, {.versions = since(15), .default_value = -1});
      io("ReplicaEpoch", replica_epoch, {.versions = since(15), .default_value = -1});
    }
    friend bool operator==(const ReplicaState&, const ReplicaState&) = default;
  };
  struct PartitionToFetch {
    Partition partition;
    int32_t current_leader_epoch = -1;
    int64_t fetch_offset = 0;
    // Of the record before fetch_offset: the broker then tells whether its log diverges from what
    // we have (KIP-595).
    int32_t last_fetched_epoch = -1;
    int64_t log_start_offset = -1;
    int32_t partition_max_bytes = 0;
    Uuid replica_directory_id{};
    template <class Io>
    void fields(Io& io) {
      io("Partition", partition);
      io("CurrentLeaderEpoch", current_leader_epoch,
         {.versions = since(9), .ignorable = true, .default_value = -1});
      io("FetchOffset", fetch_offset);
      io("LastFetchedEpoch", last_fetched_epoch, {.versions = since(12), .default_value = -1});
      io("LogStartOffset", log_start_offset,
         {.versions = since(5), .ignorable = true, .default_value = -1});
      io("PartitionMaxBytes", partition_max_bytes);
      io("ReplicaDirectoryId", replica_directory_id,
         {.versions = since(17), .ignorable = true, .tag = 0});
    }
    friend bool operator==(const PartitionToFetch&, const PartitionToFetch&) = default;
  };
  struct Topic {
    TopicName topic;
    Uuid topic_id{};
    std::vector<PartitionToFetch> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Topic", topic, {.versions = {0, 12}, .ignorable = true});
      io("TopicId", topic_id, {.versions = since(13), .ignorable = true});
      io("Partitions", partitions);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };
  struct ForgottenTopic {
    TopicName topic;
    Uuid topic_id{};
    std::vector<Partition> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Topic", topic, {.versions = {7, 12}, .ignorable = true});
      io("TopicId", topic_id, {.versions = since(13), .ignorable = true});
      io("Partitions", partitions, {.versions = since(7)});
    }
    friend bool operator==(const ForgottenTopic&, const ForgottenTopic&) = default;
  };

  std::optional<std::string> cluster_id;
  BrokerId replica_id{-1};
  ReplicaState replica_state;
  int32_t max_wait_ms = 0;
  int32_t min_bytes = 0;
  int32_t max_bytes = std::numeric_limits<int32_t>::max();
  int8_t isolation_level = 0;
  int32_t session_id = 0;
  int32_t session_epoch = kNoSession;
  std::vector<Topic> topics;
  std::vector<ForgottenTopic> forgotten_topics_data;
  std::string rack_id;

  template <class Io>
  void fields(Io& io) {
    io("ClusterId", cluster_id,
       {.versions = since(12), .nullable = since(12), .ignorable = true, .tag = 0});
    io("ReplicaId", replica_id, {.versions = {0, 14}, .default_value = -1});
    io("ReplicaState", replica_state, {.versions = since(15), .tag = 1});
    io("MaxWaitMs", max_wait_ms);
    io("MinBytes", min_bytes);
    io("MaxBytes", max_bytes,
       {.versions = since(3), .ignorable = true, .default_value = 0x7fffffff});
    io("IsolationLevel", isolation_level, {.versions = since(4), .ignorable = true});
    io("SessionId", session_id, {.versions = since(7), .ignorable = true});
    io("SessionEpoch", session_epoch,
       {.versions = since(7), .ignorable = true, .default_value = -1});
    io("Topics", topics);
    io("ForgottenTopicsData", forgotten_topics_data, {.versions = since(7)});
    io("RackId", rack_id, {.versions = since(11), .ignorable = true});
  }
};

}  // namespace kferry::wire
