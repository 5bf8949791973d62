// ConsumerGroupDescribe (KIP-848, from 3.7 on): who is in a group of the consumer protocol. Such
// groups are unknown to DescribeGroups.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct ConsumerGroupDescribeResponse {
  static constexpr const char* kName = "ConsumerGroupDescribeResponse";
  static constexpr int16_t kFlexibleSince = 0;
  static constexpr int32_t kNoOperations = std::numeric_limits<int32_t>::min();

  struct TopicPartitions {
    Uuid topic_id{};
    TopicName topic_name;
    std::vector<Partition> partitions;
    template <class Io>
    void fields(Io& io) {
      io("TopicId", topic_id);
      io("TopicName", topic_name);
      io("Partitions", partitions);
    }
    friend bool operator==(const TopicPartitions&, const TopicPartitions&) = default;
  };
  struct Assignment {
    std::vector<TopicPartitions> topic_partitions;
    template <class Io>
    void fields(Io& io) {
      io("TopicPartitions", topic_partitions);
    }
    friend bool operator==(const Assignment&, const Assignment&) = default;
  };
  struct Member {
    MemberId member_id;
    std::optional<std::string> instance_id;
    std::optional<std::string> rack_id;
    int32_t member_epoch = 0;
    std::string client_id;
    std::string client_host;
    std::vector<TopicName> subscribed_topic_names;
    std::optional<std::string> subscribed_topic_regex;
    Assignment assignment;
    Assignment target_assignment;
    template <class Io>
    void fields(Io& io) {
      io("MemberId", member_id);
      io("InstanceId", instance_id, {.nullable = since(0)});
      io("RackId", rack_id, {.nullable = since(0)});
      io("MemberEpoch", member_epoch);
      io("ClientId", client_id);
      io("ClientHost", client_host);
      io("SubscribedTopicNames", subscribed_topic_names);
      io("SubscribedTopicRegex", subscribed_topic_regex, {.nullable = since(0)});
      io("Assignment", assignment);
      io("TargetAssignment", target_assignment);
    }
    friend bool operator==(const Member&, const Member&) = default;
  };
  struct Group {
    int16_t error_code = 0;  // GROUP_ID_NOT_FOUND: of no group, or a classic one
    std::optional<std::string> error_message;
    GroupId group_id;
    std::string group_state;  // "Empty", "Assigning", "Reconciling", "Stable", "Dead"
    int32_t group_epoch = 0;
    int32_t assignment_epoch = 0;
    std::string assignor_name;
    std::vector<Member> members;
    int32_t authorized_operations = kNoOperations;
    template <class Io>
    void fields(Io& io) {
      io("ErrorCode", error_code);
      io("ErrorMessage", error_message, {.nullable = since(0)});
      io("GroupId", group_id);
      io("GroupState", group_state);
      io("GroupEpoch", group_epoch);
      io("AssignmentEpoch", assignment_epoch);
      io("AssignorName", assignor_name);
      io("Members", members);
      io("AuthorizedOperations", authorized_operations, {.default_value = kNoOperations});
    }
    friend bool operator==(const Group&, const Group&) = default;
  };

  int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms);
    io("Groups", groups);
  }
};

struct ConsumerGroupDescribeRequest {
  static constexpr const char* kName = "ConsumerGroupDescribeRequest";
  static constexpr ApiKey kApiKey = ApiKey::kConsumerGroupDescribe;
  static constexpr ApiVersionRange kVersions{0, 0};
  static constexpr int16_t kFlexibleSince = 0;
  using Response = ConsumerGroupDescribeResponse;

  std::vector<GroupId> group_ids;
  bool include_authorized_operations = false;

  template <class Io>
  void fields(Io& io) {
    io("GroupIds", group_ids);
    io("IncludeAuthorizedOperations", include_authorized_operations);
  }
};

}  // namespace kferry::wire
