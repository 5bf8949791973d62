// OffsetCommit and OffsetFetch. Version 0 reads and writes ZooKeeper through the broker; from
// version 1 on they speak of the offsets that Kafka keeps.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct OffsetCommitResponse {
  static constexpr const char* kName = "OffsetCommitResponse";
  static constexpr int16_t kFlexibleSince = 8;

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
      io("Name", name, {.versions = {0, 9}, .ignorable = true});
      io("Partitions", partitions);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(3), .ignorable = true});
    io("Topics", topics);
  }
};

struct OffsetCommitRequest {
  static constexpr const char* kName = "OffsetCommitRequest";
  static constexpr ApiKey kApiKey = ApiKey::kOffsetCommit;
  static constexpr ApiVersionRange kVersions{0, 9};
  static constexpr int16_t kFlexibleSince = 8;
  using Response = OffsetCommitResponse;

  struct PartitionOffset {
    Partition partition_index;
    Offset committed_offset;
    int32_t committed_leader_epoch = -1;
    // Version 1 only. -1 lets the broker use its own clock; 0 would let the offset expire at once.
    int64_t commit_timestamp = -1;
    std::optional<std::string> committed_metadata;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
      io("CommittedOffset", committed_offset);
      io("CommittedLeaderEpoch", committed_leader_epoch,
         {.versions = since(6), .ignorable = true, .default_value = -1});
      io("CommitTimestamp", commit_timestamp, {.versions = {1, 1}, .default_value = -1});
      io("CommittedMetadata", committed_metadata, {.nullable = since(0)});
    }
    friend bool operator==(const PartitionOffset&, const PartitionOffset&) = default;
  };
  struct Topic {
    TopicName name;
    std::vector<PartitionOffset> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Name", name, {.versions = {0, 9}, .ignorable = true});
      io("Partitions", partitions);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };

  GroupId group_id;
  Generation generation_id_or_member_epoch{-1};
  MemberId member_id;
  std::optional<std::string> group_instance_id;
  // How long the broker keeps the offsets, versions 2 to 4 only; -1: as the broker is configured.
  int64_t retention_time_ms = -1;
  std::vector<Topic> topics;

  template <class Io>
  void fields(Io& io) {
    io("GroupId", group_id);
    io("GenerationIdOrMemberEpoch", generation_id_or_member_epoch,
       {.versions = since(1), .ignorable = true, .default_value = -1});
    io("MemberId", member_id, {.versions = since(1), .ignorable = true});
    io("GroupInstanceId", group_instance_id, {.versions = since(7), .nullable = since(7)});
    // Kafka's definition lets a set retention be dropped. A guard against expiry must not vanish,
    // so for us it is not ignorable.
    io("RetentionTimeMs", retention_time_ms, {.versions = {2, 4}, .default_value = -1});
    io("Topics", topics);
  }
};

struct OffsetFetchResponse {
  static constexpr const char* kName = "OffsetFetchResponse";
  static constexpr int16_t kFlexibleSince = 6;

  struct PartitionOffset {
    Partition partition_index;
    int64_t committed_offset = -1;  // -1: none
    int32_t committed_leader_epoch = -1;
    std::optional<std::string> metadata;
    int16_t error_code = 0;
    template <class Io>
    void fields(Io& io) {
      io("PartitionIndex", partition_index);
      io("CommittedOffset", committed_offset);
      io("CommittedLeaderEpoch", committed_leader_epoch,
         {.versions = since(5), .ignorable = true, .default_value = -1});
      io("Metadata", metadata, {.nullable = since(0)});
      io("ErrorCode", error_code);
    }
    friend bool operator==(const PartitionOffset&, const PartitionOffset&) = default;
  };
  struct Topic {
    TopicName name;
    std::vector<PartitionOffset> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Name", name, {.versions = {0, 9}, .ignorable = true});
      io("Partitions", partitions);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };
  struct Group {
    GroupId group_id;
    std::vector<Topic> topics;
    int16_t error_code = 0;
    template <class Io>
    void fields(Io& io) {
      io("GroupId", group_id, {.versions = since(8)});
      io("Topics", topics, {.versions = since(8)});
      io("ErrorCode", error_code, {.versions = since(8)});
    }
    friend bool operator==(const Group&, const Group&) = default;
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  int16_t error_code = 0;
  std::vector<Group> groups;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(3), .ignorable = true});
    io("Topics", topics, {.versions = {0, 7}});
    io("ErrorCode", error_code, {.versions = {2, 7}, .ignorable = true});
    io("Groups", groups, {.versions = since(8)});
  }
};

struct OffsetFetchRequest {
  static constexpr const char* kName = "OffsetFetchRequest";
  static constexpr ApiKey kApiKey = ApiKey::kOffsetFetch;
  static constexpr ApiVersionRange kVersions{0, 9};
  static constexpr int16_t kFlexibleSince = 6;
  using Response = OffsetFetchResponse;

  struct Topic {
    TopicName name;
    std::vector<Partition> partition_indexes;
    template <class Io>
    void fields(Io& io) {
      io("Name", name, {.versions = {0, 9}, .ignorable = true});
      io("PartitionIndexes", partition_indexes);
    }
    friend bool operator==(const Topic&, const Topic&) = default;
  };
  struct Group {
    GroupId group_id;
    std::optional<std::string> member_id;
    int32_t member_epoch = -1;
    std::optional<std::vector<Topic>> topics;  // null: all
    template <class Io>
    void fields(Io& io) {
      io("GroupId", group_id, {.versions = since(8)});
      io("MemberId", member_id, {.versions = since(9), .nullable = since(9), .ignorable = true});
      io("MemberEpoch", member_epoch,
         {.versions = since(9), .ignorable = true, .default_value = -1});
      io("Topics", topics, {.versions = since(8), .nullable = since(8)});
    }
    friend bool operator==(const Group&, const Group&) = default;
  };

  GroupId group_id;
  std::optional<std::vector<Topic>> topics;  // null: all, versions 2 to 7
  std::vector<Group> groups;
  bool require_stable = false;

  template <class Io>
  void fields(Io& io) {
    io("GroupId", group_id, {.versions = {0, 7}});
    io("Topics", topics, {.versions = {0, 7}, .nullable = {2, 7}});
    io("Groups", groups, {.versions = since(8)});
    io("RequireStable", require_stable, {.versions = since(7)});
  }
};

}  // namespace kferry::wire
