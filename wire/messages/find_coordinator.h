// FindCoordinator: which broker looks after a group.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct FindCoordinatorResponse {
  static constexpr const char* kName = "FindCoordinatorResponse";
  static constexpr int16_t kFlexibleSince = 3;

  struct Coordinator {
    std::string key;
    BrokerId node_id;
    std::string host;
    int32_t port = 0;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    template <class Io>
    void fields(Io& io) {
      io("Key", key, {.versions = since(4)});
      io("NodeId", node_id, {.versions = since(4)});
      io("Host", host, {.versions = since(4)});
      io("Port", port, {.versions = since(4)});
      io("ErrorCode", error_code, {.versions = since(4)});
      io("ErrorMessage", error_message,
         {.versions = since(4), .nullable = since(4), .ignorable = true});
    }
    friend bool operator==(const Coordinator&, const Coordinator&) = default;
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  BrokerId node_id;
  std::string host;
  int32_t port = 0;
  std::vector<Coordinator> coordinators;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(1), .ignorable = true});
    io("ErrorCode", error_code, {.versions = {0, 3}});
    io("ErrorMessage", error_message, {.versions = {1, 3}, .nullable = {1, 3}, .ignorable = true});
    io("NodeId", node_id, {.versions = {0, 3}});
    io("Host", host, {.versions = {0, 3}});
    io("Port", port, {.versions = {0, 3}});
    io("Coordinators", coordinators, {.versions = since(4)});
  }
};

struct FindCoordinatorRequest {
  static constexpr const char* kName = "FindCoordinatorRequest";
  static constexpr ApiKey kApiKey = ApiKey::kFindCoordinator;
  static constexpr ApiVersionRange kVersions{0, 6};
  static constexpr int16_t kFlexibleSince = 3;
  using Response = FindCoordinatorResponse;

  std::string key;
  int8_t key_type = 0;  // 0: group, 1: transaction
  std::vector<std::string> coordinator_keys;

  template <class Io>
  void fields(Io& io) {
    io("Key", key, {.versions = {0, 3}});
    io("KeyType", key_type, {.versions = since(1)});
    io("CoordinatorKeys", coordinator_keys, {.versions = since(4)});
  }
};

}  // namespace kferry::wire
