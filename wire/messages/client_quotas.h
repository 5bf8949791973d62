// DescribeClientQuotas (KIP-546, from 2.6 on): how fast users and clients may be.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/api_key.h"
#include "wire/field.h"

namespace kferry::wire {

// A float64 as its bits (std::bit_cast): the codec knows whole numbers only, and this is the one
// fraction in all that we read.
using Float64Bits = Named<int64_t, struct Float64BitsTag>;

struct DescribeClientQuotasResponse {
  static constexpr const char* kName = "DescribeClientQuotasResponse";
  static constexpr int16_t kFlexibleSince = 1;

  struct Entity {
    std::string entity_type;                 // "user", "client-id" or "ip"
    std::optional<std::string> entity_name;  // null: the default
    template <class Io>
    void fields(Io& io) {
      io("EntityType", entity_type);
      io("EntityName", entity_name, {.nullable = since(0)});
    }
    friend bool operator==(const Entity&, const Entity&) = default;
  };
  struct Value {
    std::string key;  // "producer_byte_rate", "consumer_byte_rate", "request_percentage", ...
    Float64Bits value;
    template <class Io>
    void fields(Io& io) {
      io("Key", key);
      io("Value", value);
    }
    friend bool operator==(const Value&, const Value&) = default;
  };
  struct Entry {
    std::vector<Entity> entity;
    std::vector<Value> values;
    template <class Io>
    void fields(Io& io) {
      io("Entity", entity);
      io("Values", values);
    }
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::optional<std::vector<Entry>> entries;

  template <class Io>
  void fields(Io& io) {
    io("ThrottleTimeMs", throttle_time_ms);
    io("ErrorCode", error_code);
    io("ErrorMessage", error_message, {.nullable = since(0)});
    io("Entries", entries, {.nullable = since(0)});
  }
};

// Without components it asks for all quotas.
struct DescribeClientQuotasRequest {
  static constexpr const char* kName = "DescribeClientQuotasRequest";
  static constexpr ApiKey kApiKey = ApiKey::kDescribeClientQuotas;
  static constexpr ApiVersionRange kVersions{0, 1};
  static constexpr int16_t kFlexibleSince = 1;
  using Response = DescribeClientQuotasResponse;

  struct Component {
    std::string entity_type;
    int8_t match_type = 0;             // 0: this name, 1: the default, 2: any name
    std::optional<std::string> match;  // null: unused for the type of match
    template <class Io>
    void fields(Io& io) {
      io("EntityType", entity_type);
      io("MatchType", match_type);
      io("Match", match, {.nullable = since(0)});
    }
    friend bool operator==(const Component&, const Component&) = default;
  };

  std::vector<Component> components;
  bool strict = false;

  template <class Io>
  void fields(Io& io) {
    io("Components", components);
    io("Strict", strict);
  }
};

}  // namespace kferry::wire
