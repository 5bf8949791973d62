// DescribeQuorum (KIP-595, from 2.8 on, KRaft only): the state of the controllers' quorum. From
// version 1 on (3.3, KIP-836) with the leader's wall clock.
#pragma once

#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct DescribeQuorumResponse {
  static constexpr const char* kName = "DescribeQuorumResponse";
  static constexpr int16_t kFlexibleSince = 0;

  struct ReplicaState {
    BrokerId replica_id;
    int64_t log_end_offset = 0;
    int64_t last_fetch_timestamp = -1;
    int64_t last_caught_up_timestamp = -1;  // of the leader itself: its time now
    template <class Io>
    void fields(Io& io) {
      io("ReplicaId", replica_id);
      io("LogEndOffset", log_end_offset);
      io("LastFetchTimestamp", last_fetch_timestamp,
         {.versions = since(1), .ignorable = true, .default_value = -1});
      io("LastCaughtUpTimestamp", last_caught_up_timestamp,
         {.versions = since(1), .ignorable = true, .default_value = -1});
    }
    friend bool operator==(const ReplicaState&, const ReplicaState&) = default;
  };
  struct PartitionData {
    Partition partition_index;
    int16_t error_code = 0;
    BrokerId leader_id;
    int32_t leader_epoch = 0;
    int64_t high_watermark = 0;
    std::vector<ReplicaState> current_voters;
    std::vector<ReplicaState> observers;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
      io("ErrorCode", error_code);
      io("LeaderId", leader_id);
      io("LeaderEpoch", leader_epoch);
      io("HighWatermark", high_watermark);
      io("CurrentVoters", current_voters);
      io("Observers", observers);
    }
    friend bool operator==(const PartitionData&, const PartitionData&) = default;
  };
  struct TopicData {
    TopicName topic_name;
    std::vector<PartitionData> partitions;
    template <class Io>
    void fields(Io& io) {
      io("TopicName", topic_name);
      io("Partitions", partitions);
    }
    friend bool operator==(const TopicData&, const TopicData&) = default;
  };
  int16_t error_code = 0;
  std::vector<TopicData> topics;

  template <class Io>
  void fields(Io& io) {
    io("ErrorCode", error_code);
    io("Topics", topics);
  }
};

struct DescribeQuorumRequest {
  static constexpr const char* kName = "DescribeQuorumRequest";
  static constexpr ApiKey kApiKey = ApiKey::kDescribeQuorum;
  static constexpr ApiVersionRange kVersions{0, 1};
  static constexpr int16_t kFlexibleSince = 0;
  using Response = DescribeQuorumResponse;

  static constexpr const char* kMetadataTopic = "__cluster_metadata";  // of partition 0

  struct PartitionData {
    Partition partition_index;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
    }
    friend bool operator==(const PartitionData&, const PartitionData&) = default;
  };
  struct TopicData {
    TopicName topic_name;
    std::vector<PartitionData> partitions;
    template <class Io>
    void fields(Io& io) {
      io("TopicName", topic_name);
      io("Partitions", partitions);
    }
    friend bool operator==(const TopicData&, const TopicData&) = default;
  };

  std::vector<TopicData> topics;

  template <class Io>
  void fields(Io& io) {
    io("Topics", topics);
  }
};

}  // namespace kferry::wire
