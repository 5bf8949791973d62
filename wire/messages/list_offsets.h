// ListOffsets: where a partition's log starts and ends.
#pragma once

#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct ListOffsetsResponse {
  static constexpr const char* kName = "ListOffsetsResponse";
  static constexpr int16_t kFlexibleSince = 6;

  struct PartitionResult {
    Partition partition_index;
    int16_t error_code = 0;
    std::vector<int64_t> old_style_offsets;  // version 0: newest first
    int64_t timestamp = -1;
    int64_t offset = -1;
    int32_t leader_epoch = -1;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
      io("ErrorCode", error_code);
      io("OldStyleOffsets", old_style_offsets, {.versions = {0, 0}});
      io("Timestamp", timestamp, {.versions = since(1), .default_value = -1});
      io("Offset", offset, {.versions = since(1), .default_value = -1});
      io("LeaderEpoch", leader_epoch, {.versions = since(4), .default_value = -1});
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

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(2), .ignorable = true});
    io("Topics", topics);
  }
};

struct ListOffsetsRequest {
  static constexpr const char* kName = "ListOffsetsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kListOffsets;
  static constexpr ApiVersionRange kVersions{0, 9};
  static constexpr int16_t kFlexibleSince = 6;
  static constexpr int64_t kLatest =
      -1;  // the log end (with isolation level 0: the high watermark)
  static constexpr int64_t kEarliest = -2;  // the log start
  using Response = ListOffsetsResponse;

  struct PartitionQuery {
    Partition partition_index;
    int32_t current_leader_epoch = -1;
    int64_t timestamp = 0;
    int32_t max_num_offsets = 1;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
      io("CurrentLeaderEpoch", current_leader_epoch,
         {.versions = since(4), .ignorable = true, .default_value = -1});
      io("Timestamp", timestamp);
      io("MaxNumOffsets", max_num_offsets, {.versions = {0, 0}, .default_value = 1});
    }
    friend bool operator==(const PartitionQuery&, const PartitionQuery&) = default;
  };
  struct Topic {
    TopicName name;
    std::vector<PartitionQuery> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("Partitions", partitions);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };

  int32_t replica_id = -1;
  int8_t isolation_level = 0;
  std::vector<Topic> topics;

  template <class Io>
  void fields(Io& io) {
    io("ReplicaId", replica_id);
    io("IsolationLevel", isolation_level, {.versions = since(2)});
    io("Topics", topics);
  }
};

}  // namespace kferry::wire
