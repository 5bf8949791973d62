// IncrementalAlterConfigs (KIP-339, from 2.3 on): changes some configs and keeps the others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct IncrementalAlterConfigsResponse {
  static constexpr const char* kName = "IncrementalAlterConfigsResponse";
  static constexpr int16_t kFlexibleSince = 1;

  struct Resource {
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    int8_t resource_type = 0;
    std::string resource_name;
    template <class Io>
    void fields(Io& io) {
      io("ErrorCode", error_code);
      io("ErrorMessage", error_message, {.nullable = since(0)});
      io("ResourceType", resource_type);
      io("ResourceName", resource_name);
    }
    friend bool operator==(const Resource&, const Resource&) = default;
  };

  int32_t throttle_time_ms = 0;
  std::vector<Resource> responses;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms);
    io("Responses", responses);
  }
};

struct IncrementalAlterConfigsRequest {
  static constexpr const char* kName = "IncrementalAlterConfigsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kIncrementalAlterConfigs;
  static constexpr ApiVersionRange kVersions{0, 1};
  static constexpr int16_t kFlexibleSince = 1;
  using Response = IncrementalAlterConfigsResponse;

  static constexpr int8_t kTopic = 2;  // Kafka: ConfigResource.Type
  static constexpr int8_t kSet = 0;    // Kafka: AlterConfigOp.OpType
  static constexpr int8_t kDelete = 1;

  struct Config {
    std::string name;
    int8_t config_operation = kSet;
    std::optional<std::string> value;
    template <class Io>
    void fields(Io& io) {
      io("Name", name);
      io("ConfigOperation", config_operation);
      io("Value", value, {.nullable = since(0)});
    }
    friend bool operator==(const Config&, const Config&) = default;
  };
  struct Resource {
    int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;
    template <class Io>
    void fields(Io& io) {
      io("ResourceType", resource_type);
      io("ResourceName", resource_name);
      io("Configs", configs);
    }
    friend bool operator==(const Resource&, const Resource&) = default;
  };

  std::vector<Resource> resources;
  bool validate_only = false;

  template <class Io>
  void fields(Io& io) {
    io("Resources", resources);
    io("ValidateOnly", validate_only);
  }
};

}  // namespace kferry::wire
