// From what a person writes about a cluster to what our own connections and librdkafka's are made
// from.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "replicate/flow.h"
#include "wire/cluster.h"

namespace kferry::replicate {

struct ClusterInput {
  std::string alias;
  std::string bootstrap_servers;                  // HOST:PORT,…
  std::map<std::string, std::string> properties;  // Java's keys or librdkafka's
  std::string origin;                             // where the properties come from, for messages
  Duration request_timeout{30'000};
};

// Reads the files and runs the commands that the properties name; no network. kUsage: an address is
// malformed, a file cannot be read, a setting that kferry does not know or cannot follow.
Result<ClusterSettings> make_cluster_settings(ClusterInput input);

// The same cluster by other addresses. kUsage: one is malformed.
Result<> set_bootstrap_servers(ClusterSettings& settings, const std::string& bootstrap_servers);

// librdkafka's settings for this cluster: brokers before 0.10 do not say what they speak, and
// librdkafka has to be told.
Result<kafkaio::ClientProperties> client_properties(kafkaio::ClientProperties properties,
                                                    wire::Cluster& cluster, const Wait& wait);

}  // namespace kferry::replicate
