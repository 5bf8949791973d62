// The request types kferry speaks (Kafka: ApiKeys).
#pragma once

#include <cstdint>
#include <string_view>

namespace kferry::wire {

enum class ApiKey : int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kDescribeGroups = 15,
  kListGroups = 16,
  kSaslHandshake = 17,
  kApiVersions = 18,
  kInitProducerId = 22,
  kOffsetForLeaderEpoch = 23,
  kAddPartitionsToTxn = 24,
  kEndTxn = 26,
  kWriteTxnMarkers = 27,
  kDescribeAcls = 29,
  kCreateAcls = 30,
  kSaslAuthenticate = 36,
  kIncrementalAlterConfigs = 44,
  kDescribeClientQuotas = 48,
  kDescribeQuorum = 55,
  kDescribeProducers = 61,
  kConsumerGroupDescribe = 69,
};

// A broker says of each API the lowest and the highest version it speaks.
struct ApiVersionRange {
  int16_t lowest = 0;
  int16_t highest = -1;  // highest < lowest: not spoken

  friend bool operator==(const ApiVersionRange&, const ApiVersionRange&) = default;
};

}  // namespace kferry::wire
