// DescribeGroups and ListGroups: who is in a group, and which groups a broker looks after.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct DescribeGroupsResponse {
  static constexpr const char* kName = "DescribeGroupsResponse";
  static constexpr int16_t kFlexibleSince = 5;
  static constexpr int32_t kNoOperations = std::numeric_limits<int32_t>::min();

  struct Member {
    MemberId member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    Bytes member_metadata;
    Bytes member_assignment;
    template <class Io>
    void fields(Io& io) {
      io("MemberId", member_id);
      io("GroupInstanceId", group_instance_id,
         {.versions = since(4), .nullable = since(4), .ignorable = true});
      io("ClientId", client_id);
      io("ClientHost", client_host);
      io("MemberMetadata", member_metadata);
      io("MemberAssignment", member_assignment);
    }
    friend bool operator==(const Member&, const Member&) = default;
  };
  struct Group {
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    GroupId group_id;
    std::string group_state;
    std::string protocol_type;
    std::string protocol_data;
    std::vector<Member> members;
    int32_t authorized_operations = kNoOperations;
    template <class Io>
    void fields(Io& io) {
      io("ErrorCode", error_code);
      io("ErrorMessage", error_message, {.versions = since(6), .nullable = since(6)});
      io("GroupId", group_id);
      io("GroupState", group_state);
      io("ProtocolType", protocol_type);
      io("ProtocolData", protocol_data);
      io("Members", members);
      io("AuthorizedOperations", authorized_operations,
         {.versions = since(3), .default_value = kNoOperations});
    }
    friend bool operator==(const Group&, const Group&) = default;
  };

  int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(1), .ignorable = true});
    io("Groups", groups);
  }
};

struct DescribeGroupsRequest {
  static constexpr const char* kName = "DescribeGroupsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kDescribeGroups;
  static constexpr ApiVersionRange kVersions{0, 6};
  static constexpr int16_t kFlexibleSince = 5;
  using Response = DescribeGroupsResponse;

  std::vector<GroupId> groups;
  bool include_authorized_operations = false;

  template <class Io>
  void fields(Io& io) {
    io("Groups", groups);
    io("IncludeAuthorizedOperations", include_authorized_operations, {.versions = since(3)});
  }
};

struct ListGroupsResponse {
  static constexpr const char* kName = "ListGroupsResponse";
  static constexpr int16_t kFlexibleSince = 3;

  struct Group {
    GroupId group_id;
    std::string protocol_type;
    std::string group_state;
    std::string group_type;
    template <class Io>
    void fields(Io& io) {
      io("GroupId", group_id);
      io("ProtocolType", protocol_type);
      io("GroupState", group_state, {.versions = since(4), .ignorable = true});
      io("GroupType", group_type, {.versions = since(5), .ignorable = true});
    }
    friend bool operator==(const Group&, const Group&) = default;
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<Group> groups;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(1), .ignorable = true});
    io("ErrorCode", error_code);
    io("Groups", groups);
  }
};

struct ListGroupsRequest {
  static constexpr const char* kName = "ListGroupsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kListGroups;
  static constexpr ApiVersionRange kVersions{0, 5};
  static constexpr int16_t kFlexibleSince = 3;
  using Response = ListGroupsResponse;

  std::vector<std::string> states_filter;
  std::vector<std::string> types_filter;

  template <class Io>
  void fields(Io& io) {
    io("StatesFilter", states_filter, {.versions = since(4)});
    io("TypesFilter", types_filter, {.versions = since(5)});
  }
};

}  // namespace kferry::wire
