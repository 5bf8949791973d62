// What MirrorMaker 2 would tell the clients of its two clusters.
#pragma once

#include <string>
#include <vector>

#include "replicate/mm2_properties.h"

namespace kferry::replicate {

// The two sides of a flow, by their aliases.
struct Mm2Pair {
  std::string source;
  std::string target;

  std::string name() const { return source + "->" + target; }
};

// The entries that begin with `prefix`, without it.
Mm2Properties with_prefix_stripped(const Mm2Properties& properties, const std::string& prefix);

// One set of properties for each cluster, as MirrorConnectorConfig puts them together for its
// consumer, producer and admin client. kUsage: they would be told different things about who they
// are (kferry is one client to a cluster), no bootstrap.servers, an unresolved ${...}.
Result<ClusterSettings> mm2_source(const Mm2Input& input, const Mm2Pair& pair);
Result<ClusterSettings> mm2_target(const Mm2Input& input, const Mm2Pair& pair);

// What a client's setting would change that kferry cannot do; empty: nothing.
std::string mm2_client_objection(const std::string& key, const std::string& value);

}  // namespace kferry::replicate
