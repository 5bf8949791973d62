// The embedded "consumer" protocol: what a member says of its subscription and is told as its
// assignment (Kafka: ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json, version
// 0).
#pragma once

#include <string>
#include <vector>

#include "base/named.h"

namespace kferry::groupproto {

// Topics in the order of `partitions`, each once.
std::string encode_subscription(const std::vector<TopicPartition>& partitions);
std::string encode_assignment(const std::vector<TopicPartition>& partitions);

}  // namespace kferry::groupproto
