#include "replicate/cluster_settings.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

namespace kferry::replicate {

Result<ClusterSettings> make_cluster_settings(ClusterInput input) {
  ClusterSettings settings;
  settings.alias = std::move(input.alias);
  settings.bootstrap_servers = std::move(input.bootstrap_servers);
  KFERRY_TRY(settings.addresses, wire::parse_bootstrap_servers(settings.bootstrap_servers));
  settings.client.request_timeout = input.request_timeout;
  settings.properties.bootstrap_servers = settings.bootstrap_servers;
  settings.properties.properties = std::move(input.properties);
  settings.properties.origin = std::move(input.origin);

  // Properties that are about our own connections too.
  const auto value_of = [&](const char* key) {
    const auto& properties = settings.properties.properties;
    const auto found = properties.find(key);
    return found == properties.end() ? std::string() : found->second;
  };
  if (const std::string id = value_of("client.id"); !id.empty()) settings.client.client_id = id;
  const std::string protocol = value_of("security.protocol");
  std::string upper = protocol;
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (!upper.empty() && upper != "PLAINTEXT")
    return fail(ErrorKind::kUsage,
                fmt::format("{}: security.protocol={}: this version of kferry speaks PLAINTEXT "
                            "only",
                            settings.properties.origin, protocol),
                "use a PLAINTEXT listener; TLS and SASL are planned (issue 6)");
  return settings;
}

}  // namespace kferry::replicate
