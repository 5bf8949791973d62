// DescribeAcls and CreateAcls: who may do what.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

constexpr int8_t kAnyAclValue = 1;        // in a filter, of all four enumerations
constexpr int8_t kLiteralAclPattern = 3;  // the only one there was before 2.0

struct DescribeAclsResponse {
  static constexpr const char* kName = "DescribeAclsResponse";
  static constexpr int16_t kFlexibleSince = 2;

  struct Entry {
    std::string principal;
    std::string host;
    int8_t operation = 0;
    int8_t permission_type = 0;
    template <class Io>
    void fields(Io& io) {
      io("Principal", principal);
      io("Host", host);
      io("Operation", operation);
      io("PermissionType", permission_type);
    }
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct Resource {
    int8_t resource_type = 0;
    std::string resource_name;
    int8_t pattern_type = kLiteralAclPattern;
    std::vector<Entry> acls;
    template <class Io>
    void fields(Io& io) {
      io("ResourceType", resource_type);
      io("ResourceName", resource_name);
      io("PatternType", pattern_type,
         {.versions = since(1), .default_value = kLiteralAclPattern});
      io("Acls", acls);
    }
    friend bool operator==(const Resource&, const Resource&) = default;
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Resource> resources;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms);
    io("ErrorCode", error_code);
    io("ErrorMessage", error_message, {.nullable = since(0)});
    io("Resources", resources);
  }
};

struct DescribeAclsRequest {
  static constexpr const char* kName = "DescribeAclsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kDescribeAcls;
  static constexpr ApiVersionRange kVersions{0, 3};
  static constexpr int16_t kFlexibleSince = 2;
  using Response = DescribeAclsResponse;

  int8_t resource_type_filter = 0;
  std::optional<std::string> resource_name_filter;  // null: any
  int8_t pattern_type_filter = kLiteralAclPattern;
  std::optional<std::string> principal_filter;
  std::optional<std::string> host_filter;
  int8_t operation = 0;
  int8_t permission_type = 0;

  template <class Io>
  void fields(Io& io) {
    io("ResourceTypeFilter", resource_type_filter);
    io("ResourceNameFilter", resource_name_filter, {.nullable = since(0)});
    io("PatternTypeFilter", pattern_type_filter,
       {.versions = since(1), .default_value = kLiteralAclPattern});
    io("PrincipalFilter", principal_filter, {.nullable = since(0)});
    io("HostFilter", host_filter, {.nullable = since(0)});
    io("Operation", operation);
    io("PermissionType", permission_type);
  }
};

struct CreateAclsResponse {
  static constexpr const char* kName = "CreateAclsResponse";
  static constexpr int16_t kFlexibleSince = 2;

  struct Creation {
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    template <class Io>
    void fields(Io& io) {
      io("ErrorCode", error_code);
      io("ErrorMessage", error_message, {.nullable = since(0)});
    }
    friend bool operator==(const Creation&, const Creation&) = default;
  };

  int32_t throttle_time_ms = 0;
  std::vector<Creation> results;  // in the request's order

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms);
    io("Results", results);
  }
};

struct CreateAclsRequest {
  static constexpr const char* kName = "CreateAclsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kCreateAcls;
  static constexpr ApiVersionRange kVersions{0, 3};
  static constexpr int16_t kFlexibleSince = 2;
  using Response = CreateAclsResponse;

  struct Creation {
    int8_t resource_type = 0;
    std::string resource_name;
    int8_t resource_pattern_type = kLiteralAclPattern;
    std::string principal;
    std::string host;
    int8_t operation = 0;
    int8_t permission_type = 0;
    template <class Io>
    void fields(Io& io) {
      io("ResourceType", resource_type);
      io("ResourceName", resource_name);
      io("ResourcePatternType", resource_pattern_type,
         {.versions = since(1), .default_value = kLiteralAclPattern});
      io("Principal", principal);
      io("Host", host);
      io("Operation", operation);
      io("PermissionType", permission_type);
    }
    friend bool operator==(const Creation&, const Creation&) = default;
  };

  std::vector<Creation> creations;

  template <class Io>
  void fields(Io& io) {
    io("Creations", creations);
  }
};

}  // namespace kferry::wire
