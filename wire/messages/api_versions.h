// ApiVersions and the headers of every request and response.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

struct ApiVersionsResponse {
  static constexpr const char* kName = "ApiVersionsResponse";
  static constexpr int16_t kFlexibleSince = 3;

  struct Api {
    int16_t api_key = 0;
    int16_t min_version = 0;
    int16_t max_version = 0;
    template <class Io>
    void fields(Io& io) {
      io("ApiKey", api_key);
      io("MinVersion", min_version);
      io("MaxVersion", max_version);
    }
    friend bool operator==(const Api&, const Api&) = default;
  };
  struct SupportedFeature {
    std::string name;
    int16_t min_version = 0;
    int16_t max_version = 0;
    template <class Io>
    void fields(Io& io) {
      io("Name", name, {.versions = since(3)});
      io("MinVersion", min_version, {.versions = since(3)});
      io("MaxVersion", max_version, {.versions = since(3)});
    }
    friend bool operator==(const SupportedFeature&, const SupportedFeature&) = default;
  };
  struct FinalizedFeature {
    std::string name;
    int16_t max_version_level = 0;
    int16_t min_version_level = 0;
    template <class Io>
    void fields(Io& io) {
      io("Name", name, {.versions = since(3)});
      io("MaxVersionLevel", max_version_level, {.versions = since(3)});
      io("MinVersionLevel", min_version_level, {.versions = since(3)});
    }
    friend bool operator==(const FinalizedFeature&, const FinalizedFeature&) = default;
  };

  int16_t error_code = 0;
  std::vector<Api> api_keys;
  int32_t throttle_time_ms = 0;
  std::vector<SupportedFeature> supported_features;
  int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeature> finalized_features;
  bool zk_migration_ready = false;

  template <class Io>
  void fields(Io& io) {
    io("ErrorCode", error_code);
    io("ApiKeys", api_keys);
    io("ThrottleTimeMs", throttle_time_ms, {.versions = since(1), .ignorable = true});
    io("SupportedFeatures", supported_features,
       {.versions = since(3), .ignorable = true, .tag = 0});
    io("FinalizedFeaturesEpoch", finalized_features_epoch,
       {.versions = since(3), .ignorable = true, .tag = 1, .default_value = -1});
    io("FinalizedFeatures", finalized_features,
       {.versions = since(3), .ignorable = true, .tag = 2});
    io("ZkMigrationReady", zk_migration_ready, {.versions = since(3), .ignorable = true, .tag = 3});
  }
};

struct ApiVersionsRequest {
  static constexpr const char* kName = "ApiVersionsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kApiVersions;
  static constexpr ApiVersionRange kVersions{0, 4};
  static constexpr int16_t kFlexibleSince = 3;
  using Response = ApiVersionsResponse;

  std::string client_software_name;
  std::string client_software_version;

  template <class Io>
  void fields(Io& io) {
    io("ClientSoftwareName", client_software_name, {.versions = since(3), .ignorable = true});
    io("ClientSoftwareVersion", client_software_version, {.versions = since(3), .ignorable = true});
  }
};

}  // namespace kferry::wire
