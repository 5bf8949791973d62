// OffsetForLeaderEpoch: where the log of an epoch ends (KIP-101, KIP-320).
#pragma once

#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct OffsetForLeaderEpochResponse {
  static constexpr const char* kName = "OffsetForLeaderEpochResponse";
  static constexpr int16_t kFlexibleSince = 4;

  struct EpochEndOffset {
    int16_t error_code = 0;
    Partition partition;
    int32_t leader_epoch = -1;
    int64_t end_offset = -1;
    template <class Io>
    void fields(Io& io) {
      io("ErrorCode", error_code);
      io("Partition", partition);
      io("LeaderEpoch", leader_epoch,
         {.versions = since(1), .ignorable = true, .default_value = -1});
      io("EndOffset", end_offset, {.default_value = -1});
    }
    friend bool operator==(const EpochEndOffset&, const EpochEndOffset&) = default;
  };
  struct Topic {
    TopicName topic;
    std::vector<EpochEndOffset> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Topic", topic);
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

struct OffsetForLeaderEpochRequest {
  static constexpr const char* kName = "OffsetForLeaderEpochRequest";
  static constexpr ApiKey kApiKey = ApiKey::kOffsetForLeaderEpoch;
  static constexpr ApiVersionRange kVersions{0, 4};
  static constexpr int16_t kFlexibleSince = 4;
  using Response = OffsetForLeaderEpochResponse;

  struct PartitionEpoch {
    Partition partition;
    int32_t current_leader_epoch = -1;
    int32_t leader_epoch = 0;
    template <class Io>
    void fields(Io& io) {
      io("Partition", partition);
      io("CurrentLeaderEpoch", current_leader_epoch,
         {.versions = since(2), .ignorable = true, .default_value = -1});
      io("LeaderEpoch", leader_epoch);
    }
    friend bool operator==(const PartitionEpoch&, const PartitionEpoch&) = default;
  };
  struct Topic {
    TopicName topic;
    std::vector<PartitionEpoch> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Topic", topic);
      io("Partitions", partitions);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };

  BrokerId replica_id{-2};  // -2: a debugging consumer; -1: a consumer
  std::vector<Topic> topics;

  template <class Io>
  void fields(Io& io) {
    io("ReplicaId", replica_id, {.versions = since(3), .ignorable = true, .default_value = -2});
    io("Topics", topics);
  }
};

}  // namespace kferry::wire
