// Strong types: a value with a name of its own, so that a group cannot be passed for a topic and a
// source offset not for a target offset.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace kferry {

template <class T, class Tag>
class Named {
 public:
  using value_type = T;

  constexpr Named() = default;
  constexpr explicit Named(T value) : value_(std::move(value)) {}

  constexpr const T& value() const { return value_; }
  constexpr T& mutable_value() { return value_; }

  friend constexpr auto operator<=>(const Named&, const Named&) = default;
  friend constexpr bool operator==(const Named&, const Named&) = default;

 private:
  T value_{};
};

using GroupId = Named<std::string, struct GroupIdTag>;
using TopicName = Named<std::string, struct TopicNameTag>;
using MemberId = Named<std::string, struct MemberIdTag>;  // empty: not a member yet
using Generation = Named<int32_t, struct GenerationTag>;  // -1: outside any generation
using Partition = Named<int32_t, struct PartitionTag>;    // >= 0
using BrokerId = Named<int32_t, struct BrokerIdTag>;      // >= 0; -1: unknown

// The offset of the next record to be read, in the Kafka log. >= 0 where it stands for a position.
using Offset = Named<int64_t, struct OffsetTag>;

// The number as it stands in ZooKeeper. What it means (next record, last processed record) depends
// on the client that wrote it: zkoffsets/convention.h turns it into an Offset.
using ZookeeperOffset = Named<int64_t, struct ZookeeperOffsetTag>;

// The same on the two sides of the mirror: a record's offset in the source's log and in the
// target's. Equal in an identity partition, and still not the same thing: replicate/offset_map.h
// turns one into the other.
using SourceOffset = Named<int64_t, struct SourceOffsetTag>;
using TargetOffset = Named<int64_t, struct TargetOffsetTag>;

struct TopicPartition {
  TopicName topic;
  Partition partition;

  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
  friend bool operator==(const TopicPartition&, const TopicPartition&) = default;
};

}  // namespace kferry

template <class T, class Tag>
struct std::hash<kferry::Named<T, Tag>> {
  size_t operator()(const kferry::Named<T, Tag>& named) const {
    return std::hash<T>{}(named.value());
  }
};

template <class T, class Tag>
struct fmt::formatter<kferry::Named<T, Tag>> : fmt::formatter<T> {
  template <class Context>
  auto format(const kferry::Named<T, Tag>& named, Context& context) const {
    return fmt::formatter<T>::format(named.value(), context);
  }
};

template <>
struct fmt::formatter<kferry::TopicPartition> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const kferry::TopicPartition& tp, Context& context) const {
    return fmt::format_to(context.out(), "{}-{}", tp.topic, tp.partition);
  }
};
