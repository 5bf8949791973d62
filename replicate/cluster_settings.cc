#include "replicate/cluster_settings.h"

#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "kafkaio/config_values.h"
#include "kafkaio/security.h"
#include "wire/key_store.h"
#include "wire/tls_context.h"

namespace kferry::replicate {
namespace {

// For all the commands and files that the properties name.
constexpr Duration kResolveTimeout{60'000};

// librdkafka's connections are made as our own are: one way in is enough, and librdkafka before
// 2.6.1 (Debian 12 has 2.0) cannot log in by SCRAM to brokers from 3.8.1 on (its issue 4895).
kafkaio::Carrier make_carrier(const wire::ClientConfig& config) {
  return [config](const std::string& name, int descriptor, const StopToken& stop) -> Result<> {
    const auto connect = [&]() -> Result<wire::Broker> {
      KFERRY_TRY(const auto addresses, wire::parse_bootstrap_servers(name));
      return wire::Broker::connect(addresses.front(), config,
                                   Wait(Deadline::after(config.connect_timeout), stop));
    };
    auto broker = connect();
    if (!broker) {
      close(descriptor);
      return std::unexpected(std::move(broker).error());
    }
    broker->carry(descriptor, stop);
    return {};
  };
}

// What the properties say about security.
Result<> secure(ClusterSettings& settings) {
  kafkaio::ClientProperties& client = settings.properties;
  KFERRY_CHECK(kafkaio::resolve_values(client.properties, client.origin,
                                       Wait::uninterruptible(kResolveTimeout)));
  KFERRY_TRY(ClientSecurity security, kafkaio::take_security(client.properties, client.origin));
  settings.client.sasl = std::move(security.sasl);
  if (!security.tls) return {};
  const auto tls = wire::unpack_stores(std::move(*security.tls));
  if (!tls) return std::unexpected(in_context(tls.error(), client.origin));
  auto context = wire::TlsContext::make(*tls);
  if (!context) return std::unexpected(in_context(std::move(context).error(), client.origin));
  settings.client.tls = std::move(*context);
  return {};
}

}  // namespace

Result<> set_bootstrap_servers(ClusterSettings& settings, const std::string& bootstrap_servers) {
  KFERRY_TRY(settings.addresses, wire::parse_bootstrap_servers(bootstrap_servers));
  settings.bootstrap_servers = settings.properties.bootstrap_servers = bootstrap_servers;
  return {};
}

Result<ClusterSettings> make_cluster_settings(ClusterInput input) {
  ClusterSettings settings;
  settings.alias = std::move(input.alias);
  KFERRY_CHECK(set_bootstrap_servers(settings, input.bootstrap_servers));
  settings.client.request_timeout = input.request_timeout;
  settings.properties.properties = std::move(input.properties);
  settings.properties.origin = std::move(input.origin);
  KFERRY_CHECK(secure(settings));
  // The one other property that is about our own connections too.
  const auto id = settings.properties.properties.find("client.id");
  if (id != settings.properties.properties.end() && !id->second.empty())
    settings.client.client_id = id->second;
  if (settings.client.tls || settings.client.sasl)
    settings.properties.carrier = make_carrier(settings.client);
  return settings;
}

Result<kafkaio::ClientProperties> client_properties(kafkaio::ClientProperties properties,
                                                    wire::Cluster& cluster, const Wait& wait) {
  KFERRY_TRY(wire::Broker* const broker, cluster.any_broker(wait));
  properties.broker_version_fallback = broker->version_if_ancient();
  return properties;
}

}  // namespace kferry::replicate
