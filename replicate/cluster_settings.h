// From what a person writes about a cluster to what our own connections and librdkafka's are made
// from.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "replicate/flow.h"

namespace kferry::replicate {

struct ClusterInput {
  std::string alias;
  std::string bootstrap_servers;                  // HOST:PORT,…
  std::map<std::string, std::string> properties;  // Java's keys or librdkafka's
  std::string origin;                             // where the properties come from, for messages
  Duration request_timeout{30'000};
};

// No I/O. kUsage: an address is malformed, or a security.protocol that this version does not speak.
Result<ClusterSettings> make_cluster_settings(ClusterInput input);

}  // namespace kferry::replicate
