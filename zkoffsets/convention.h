// What the number in ZooKeeper means, and how it becomes the offset that Kafka wants.
#pragma once

#include <optional>
#include <string_view>

#include "base/named.h"

namespace kferry::zkoffsets {

enum class Convention {
  kNext,           // the next record to read: what Kafka commits too
  kLastProcessed,  // the last record that was read: Kafka's offset is one more
};

std::string_view to_string(Convention convention);  // "next", "last"
std::optional<Convention> parse_convention(std::string_view text);

// The one place that knows "+1". `offset` >= 0 and < INT64_MAX.
constexpr Offset to_kafka_offset(ZookeeperOffset offset, Convention convention) {
  return Offset(convention == Convention::kNext ? offset.value() : offset.value() + 1);
}

}  // namespace kferry::zkoffsets
