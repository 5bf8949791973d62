// Where the old consumers' offsets are read: --offset-source.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kferry::cli {

enum class OffsetReads {
  kBoth,       // in ZooKeeper, and a second time through a broker
  kZookeeper,  // in ZooKeeper only
  kBroker,     // through the brokers only, without any connection to ZooKeeper
};

inline constexpr std::string_view kOffsetReadsNames = "both, zookeeper or broker";
std::optional<OffsetReads> parse_offset_reads(const std::string& text);

}  // namespace kferry::cli
