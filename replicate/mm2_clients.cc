#include "replicate/mm2_clients.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "replicate/cluster_settings.h"
#include "replicate/mm2_keys.h"

namespace kferry::replicate {
namespace {

constexpr std::array kRoles{"consumer", "producer", "admin"};

// Settings of one cluster, those of its roles behind "consumer." and so on (clusterProps of
// MirrorMakerConfig: what the cluster says goes over what is said for all).
Mm2Properties cluster_properties(const Mm2Properties& all, const std::string& alias) {
  Mm2Properties own = with_prefix_stripped(all, alias + ".");
  const auto spread = [&](const Mm2Properties& from) {
    for (const auto& [key, value] : from) {
      if (!is_mm2_connection_key(key)) continue;
      for (const char* const role : kRoles) own.emplace(fmt::format("{}.{}", role, key), value);
      own.emplace(key, value);
    }
  };
  spread(Mm2Properties(own));
  spread(all);
  return own;
}

// What the client of one role is told on one side ("source" or "target"): sourceConsumerConfig and
// its sisters in MirrorConnectorConfig.
Mm2Properties role_properties(const Mm2Properties& connector, const std::string& side,
                              const std::string& role) {
  Mm2Properties properties;
  for (const auto& [key, value] : with_prefix_stripped(connector, side + ".cluster."))
    if (is_mm2_connection_key(key)) properties[key] = value;
  for (const std::string& prefix : {role + ".", side + "." + role + "."})
    for (const auto& [key, value] : with_prefix_stripped(connector, prefix))
      properties[key] = value;
  return properties;
}

// connectorBaseConfig of MirrorMakerConfig, as far as clients are concerned.
Mm2Properties connector_properties(const Mm2Properties& all, const Mm2Pair& pair,
                                   const std::string& side) {
  Mm2Properties connector;
  const std::string& alias = side == "source" ? pair.source : pair.target;
  for (const auto& [key, value] : cluster_properties(all, alias)) {
    bool of_role = false;
    for (const char* const role : kRoles) of_role = of_role || key.starts_with(role);
    connector[of_role ? side + "." + key : side + ".cluster." + key] = value;
  }
  for (const auto& [key, value] : with_prefix_stripped(all, pair.name() + "."))
    connector[key] = value;
  return connector;
}

Result<ClusterSettings> read_side(const Mm2Input& input, const Mm2Pair& pair,
                                  const std::string& side,
                                  const std::array<const char*, 3>& roles) {
  const std::string& alias = side == "source" ? pair.source : pair.target;
  const Mm2Properties connector = connector_properties(input.properties, pair, side);
  ClusterInput cluster{
      alias, "", {}, fmt::format("{}, cluster {}", input.origin, alias), input.request_timeout};
  std::map<std::string, std::string> said_by;
  for (const std::string role : roles) {
    for (const auto& [key, value] : role_properties(connector, side, role)) {
      if (!is_mm2_connection_key(key) && key != "client.id") continue;
      const auto [known, is_new] = cluster.properties.emplace(key, value);
      if (is_new) said_by[key] = role;
      if (is_new || known->second == value || key == "client.id") continue;
      return fail(ErrorKind::kUsage,
                  fmt::format("{}: {} is not the same for the {} and the {}", cluster.origin, key,
                              said_by[key], role),
                  "kferry is one client to each cluster: give it one set of rights");
    }
  }
  auto servers = cluster.properties.extract("bootstrap.servers");
  if (servers.empty())
    return fail(ErrorKind::kUsage, fmt::format("{}: no {}.bootstrap.servers", input.origin, alias),
                "name the brokers: HOST:PORT,HOST:PORT");
  cluster.bootstrap_servers = std::move(servers.mapped());
  if (const auto addresses = wire::parse_bootstrap_servers(cluster.bootstrap_servers); !addresses)
    return std::unexpected(in_context(addresses.error(), cluster.origin));
  return make_cluster_settings(std::move(cluster));
}

}  // namespace

Mm2Properties with_prefix_stripped(const Mm2Properties& properties, const std::string& prefix) {
  Mm2Properties found;
  for (auto it = properties.lower_bound(prefix);
       it != properties.end() && it->first.starts_with(prefix); ++it)
    if (it->first.size() > prefix.size()) found[it->first.substr(prefix.size())] = it->second;
  return found;
}

Result<ClusterSettings> mm2_source(const Mm2Input& input, const Mm2Pair& pair) {
  return read_side(input, pair, "source", {"consumer", "admin", "producer"});
}

Result<ClusterSettings> mm2_target(const Mm2Input& input, const Mm2Pair& pair) {
  return read_side(input, pair, "target", {"producer", "admin", "consumer"});
}

std::string mm2_client_objection(const std::string& key, const std::string& value) {
  if (key == "interceptor.classes" && !value.empty())
    return "kferry has no interceptors, and copies every record as it is";
  if (key == "auto.offset.reset" && value != "earliest")
    return "kferry copies a partition from its beginning, and stops where records were lost";
  return {};
}

}  // namespace kferry::replicate
