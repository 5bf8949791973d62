// JoinGroup, SyncGroup, Heartbeat, LeaveGroup: being a member of a group.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct JoinGroupResponse {
  static constexpr const char* kName = "JoinGroupResponse";
  static constexpr int16_t kFlexibleSince = 6;

  struct Member {
    MemberId member_id;
    std::optional<std::string> group_instance_id;
    Bytes metadata;
    template <class Io>
    void fields(Io& io) {
      io("MemberId", member_id);
      io("GroupInstanceId", group_instance_id,
         {.versions = since(5), .nullable = since(5), .ignorable = true});
      io("Metadata", metadata);
    }
    friend bool operator==(const Member&, const Member&) = default;
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  Generation generation_id{-1};
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  MemberId leader;
  bool skip_assignment = false;
  MemberId member_id;
  std::vector<Member> members;  // to the leader only; of everybody else it is empty

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(2), .ignorable = true});
    io("ErrorCode", error_code);
    io("GenerationId", generation_id, {.default_value = -1});
    io("ProtocolType", protocol_type,
       {.versions = since(7), .nullable = since(7), .ignorable = true});
    io("ProtocolName", protocol_name, {.nullable = since(7)});
    io("Leader", leader);
    io("SkipAssignment", skip_assignment, {.versions = since(9)});
    io("MemberId", member_id);
    io("Members", members);
  }
};

struct JoinGroupRequest {
  static constexpr const char* kName = "JoinGroupRequest";
  static constexpr ApiKey kApiKey = ApiKey::kJoinGroup;
  static constexpr ApiVersionRange kVersions{0, 9};
  static constexpr int16_t kFlexibleSince = 6;
  using Response = JoinGroupResponse;

  struct Protocol {
    std::string name;
    Bytes metadata;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("Metadata", metadata);
    }
    friend bool operator==(const Protocol&, const Protocol&) = default;
  };

  GroupId group_id;
  int32_t session_timeout_ms = 0;
  int32_t rebalance_timeout_ms = -1;
  MemberId member_id;
  std::optional<std::string> group_instance_id;
  std::string protocol_type;
  std::vector<Protocol> protocols;
  std::optional<std::string> reason;

  template <class Io>
  void fields(Io& io) {
    io("GroupId", group_id);
    io("SessionTimeoutMs", session_timeout_ms);
    io("RebalanceTimeoutMs", rebalance_timeout_ms,
       {.versions = since(1), .ignorable = true, .default_value = -1});
    io("MemberId", member_id);
    io("GroupInstanceId", group_instance_id, {.versions = since(5), .nullable = since(5)});
    io("ProtocolType", protocol_type);
    io("Protocols", protocols);
    io("Reason", reason, {.versions = since(8), .nullable = since(8), .ignorable = true});
  }
};

struct SyncGroupResponse {
  static constexpr const char* kName = "SyncGroupResponse";
  static constexpr int16_t kFlexibleSince = 4;

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  Bytes assignment;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(1), .ignorable = true});
    io("ErrorCode", error_code);
    io("ProtocolType", protocol_type,
       {.versions = since(5), .nullable = since(5), .ignorable = true});
    io("ProtocolName", protocol_name,
       {.versions = since(5), .nullable = since(5), .ignorable = true});
    io("Assignment", assignment);
  }
};

struct SyncGroupRequest {
  static constexpr const char* kName = "SyncGroupRequest";
  static constexpr ApiKey kApiKey = ApiKey::kSyncGroup;
  static constexpr ApiVersionRange kVersions{0, 5};
  static constexpr int16_t kFlexibleSince = 4;
  using Response = SyncGroupResponse;

  struct Assignment {
    MemberId member_id;
    Bytes assignment;
    template <class Io>
    void fields(Io& io) {
      io("MemberId", member_id);
      io("Assignment", assignment);
    }
    friend bool operator==(const Assignment&, const Assignment&) = default;
  };

  GroupId group_id;
  Generation generation_id;
  MemberId member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<Assignment> assignments;

  template <class Io>
  void fields(Io& io) {
    io("GroupId", group_id);
    io("GenerationId", generation_id);
    io("MemberId", member_id);
    io("GroupInstanceId", group_instance_id, {.versions = since(3), .nullable = since(3)});
    io("ProtocolType", protocol_type,
       {.versions = since(5), .nullable = since(5), .ignorable = true});
    io("ProtocolName", protocol_name,
       {.versions = since(5), .nullable = since(5), .ignorable = true});
    io("Assignments", assignments);
  }
};

struct HeartbeatResponse {
  static constexpr const char* kName = "HeartbeatResponse";
  static constexpr int16_t kFlexibleSince = 4;

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(1), .ignorable = true});
    io("ErrorCode", error_code);
  }
};

struct HeartbeatRequest {
  static constexpr const char* kName = "HeartbeatRequest";
  static constexpr ApiKey kApiKey = ApiKey::kHeartbeat;
  static constexpr ApiVersionRange kVersions{0, 4};
  static constexpr int16_t kFlexibleSince = 4;
  using Response = HeartbeatResponse;

  GroupId group_id;
  Generation generation_id;
  MemberId member_id;
  std::optional<std::string> group_instance_id;

  template <class Io>
  void fields(Io& io) {
    io("GroupId", group_id);
    io("GenerationId", generation_id);
    io("MemberId", member_id);
    io("GroupInstanceId", group_instance_id, {.versions = since(3), .nullable = since(3)});
  }
};

struct LeaveGroupResponse {
  static constexpr const char* kName = "LeaveGroupResponse";
  static constexpr int16_t kFlexibleSince = 4;

  struct Member {
    MemberId member_id;
    std::optional<std::string> group_instance_id;
    int16_t error_code = 0;
    template <class Io>
    void fields(Io& io) {
      io("MemberId", member_id, {.versions = since(3)});
      io("GroupInstanceId", group_instance_id, {.versions = since(3), .nullable = since(3)});
      io("ErrorCode", error_code, {.versions = since(3)});
    }
    friend bool operator==(const Member&, const Member&) = default;
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<Member> members;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(1), .ignorable = true});
    io("ErrorCode", error_code);
    io("Members", members, {.versions = since(3)});
  }
};

struct LeaveGroupRequest {
  static constexpr const char* kName = "LeaveGroupRequest";
  static constexpr ApiKey kApiKey = ApiKey::kLeaveGroup;
  static constexpr ApiVersionRange kVersions{0, 5};
  static constexpr int16_t kFlexibleSince = 4;
  using Response = LeaveGroupResponse;

  struct Member {
    MemberId member_id;
    std::optional<std::string> group_instance_id;
    std::optional<std::string> reason;
    template <class Io>
    void fields(Io& io) {
      io("MemberId", member_id, {.versions = since(3)});
      io("GroupInstanceId", group_instance_id, {.versions = since(3), .nullable = since(3)});
      io("Reason", reason, {.versions = since(5), .nullable = since(5), .ignorable = true});
    }
    friend bool operator==(const Member&, const Member&) = default;
  };

  GroupId group_id;
  MemberId member_id;  // up to version 2
  std::vector<Member> members;

  template <class Io>
  void fields(Io& io) {
    io("GroupId", group_id);
    io("MemberId", member_id, {.versions = {0, 2}});
    io("Members", members, {.versions = since(3)});
  }
};

}  // namespace kferry::wire
