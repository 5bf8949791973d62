#include "doctor/zookeeper_probe.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "zkoffsets/connect_string.h"
#include "zkoffsets/zk_client.h"

namespace kferry::doctor {
namespace {

using zkoffsets::NodeState;
using zkoffsets::ZkClient;

constexpr Duration kServerTimeout{5'000};
constexpr Duration kRequestTimeout{10'000};
constexpr size_t kMostServers = 15;
// What lies between the two clocks' readings: the broker writes its time into the node, and
// ZooKeeper stamps it when it arrives.
constexpr int64_t kRegistrationMs = 1'000;

using Login = std::optional<zkoffsets::ZkLogin>;

Result<ZkClient> open(const std::string& connect, const Login& login, const StopToken& stop) {
  return ZkClient::connect({.connect = connect,
                            .connect_timeout = kServerTimeout,
                            .request_timeout = kRequestTimeout,
                            .login = login},
                           stop);
}

std::string address_of(const zkoffsets::ZkServer& server) {
  return wire::to_string(wire::Address{server.host, server.port});
}

// All at once; what the first one that answers says of the others goes to `advertised`.
std::vector<ZooKeeperServerFacts> reach(const std::vector<std::string>& addresses,
                                        const Login& login, std::vector<std::string>& advertised,
                                        const StopToken& stop) {
  std::vector<ZooKeeperServerFacts> servers;
  for (const std::string& address : addresses) servers.push_back({address, {}});
  std::vector<std::string> configs(servers.size());
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < servers.size(); ++i)
      threads.emplace_back([&, i] {
        auto client = open(servers[i].address, login, stop);
        if (!client) {
          servers[i].reached = std::unexpected(client.error());
          return;
        }
        const auto config = client->get({"/zookeeper/config"}, stop);
        if (config && config->front().state == NodeState::kFound) configs[i] = config->front().data;
      });
  }
  for (const std::string& config : configs)
    for (std::string& address : client_addresses(config))
      if (std::ranges::find(advertised, address) == advertised.end())
        advertised.push_back(std::move(address));
  return servers;
}

// A broker's registration has its own time in it, and ZooKeeper's time on it.
std::optional<ClockFacts> clock_of(const std::string& broker, const zkoffsets::NodeData& node) {
  const auto json = nlohmann::json::parse(node.data, nullptr, false);
  if (!json.is_object() || !json.contains("timestamp")) return std::nullopt;
  const auto& stamp = json["timestamp"];
  int64_t at_ms = 0;
  if (stamp.is_string()) {
    const std::string text = stamp.get<std::string>();
    std::from_chars(text.data(), text.data() + text.size(), at_ms);
  } else if (stamp.is_number_integer()) {
    at_ms = stamp.get<int64_t>();
  }
  if (at_ms <= 0 || node.version.mtime_ms <= 0) return std::nullopt;
  return ClockFacts{"broker " + broker, at_ms - node.version.mtime_ms, "ZooKeeper", kRegistrationMs,
                    fmt::format("by its registration in ZooKeeper, /brokers/ids/{} of {}: the "
                                "broker's time in it, and ZooKeeper's time on it",
                                broker, to_rfc3339(node.version.mtime_ms))};
}

Result<> read_tree(ZkClient& client, ZooKeeperAnswer& answer, const StopToken& stop) {
  KFERRY_TRY(const auto children, client.children({"/consumers", "/brokers/ids"}, stop));
  if (children[0].state == NodeState::kDenied)
    return fail(
        ErrorKind::kNotAuthorised,
        fmt::format("listing /consumers is denied by its ACL; kferry is {}", client.login_text()),
        "name the groups with --groups, or give a login that may: "
        "--zookeeper-auth-file FILE");
  answer.facts.consumers_exist = children[0].state == NodeState::kFound;
  for (const std::string& group : children[0].names) answer.groups.insert(GroupId(group));
  std::vector<std::string> paths;
  for (const std::string& id : children[1].names) {
    int32_t number = -1;
    std::from_chars(id.data(), id.data() + id.size(), number);
    answer.facts.broker_ids.insert(number);
    paths.push_back("/brokers/ids/" + id);
  }
  if (paths.empty()) return {};
  KFERRY_TRY(const auto nodes, client.get(paths, stop));
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].state == NodeState::kFound)
      if (auto clock = clock_of(children[1].names[i], nodes[i]))
        answer.clocks.push_back(std::move(*clock));
  return {};
}

}  // namespace

std::vector<std::string> client_addresses(std::string_view config) {
  std::vector<std::string> found;
  while (!config.empty()) {
    const std::string_view line = config.substr(0, config.find('\n'));
    config.remove_prefix(std::min(config.size(), line.size() + 1));
    const size_t equals = line.find('=');
    const size_t semicolon = line.find(';');
    if (!line.starts_with("server.") || equals == line.npos || semicolon == line.npos) continue;
    const std::string_view server = line.substr(equals + 1, semicolon - equals - 1);
    std::string_view client = line.substr(semicolon + 1);
    while (client.ends_with('\r') || client.ends_with(' ')) client.remove_suffix(1);
    const size_t colon = client.rfind(':');
    const std::string_view port = colon == client.npos ? client : client.substr(colon + 1);
    std::string_view host = colon == client.npos ? std::string_view() : client.substr(0, colon);
    if (host.empty() || host == "0.0.0.0" || host == "[::]")
      host = server.substr(0, server.find(':'));
    if (!host.empty() && !port.empty()) found.push_back(fmt::format("{}:{}", host, port));
  }
  return found;
}

ZooKeeperAnswer probe_zookeeper(const std::string& connect, const Login& login,
                                const StopToken& stop) {
  ZooKeeperAnswer answer;
  answer.facts.connect = connect;
  const auto parsed = zkoffsets::parse_connect_string(connect);
  if (!parsed) {
    answer.facts.trouble = parsed.error();
    return answer;
  }
  std::vector<std::string> addresses;
  for (const auto& server : parsed->servers) addresses.push_back(address_of(server));
  std::vector<std::string> advertised;
  answer.facts.servers = reach(addresses, login, advertised, stop);
  std::erase_if(advertised, [&](const std::string& one) {
    return std::ranges::find(addresses, one) != addresses.end();
  });
  if (advertised.size() > kMostServers) advertised.resize(kMostServers);
  std::vector<std::string> ignored;
  std::ranges::move(reach(advertised, login, ignored, stop),
                    std::back_inserter(answer.facts.servers));
  auto client = open(connect, login, stop);
  const auto read =
      client ? read_tree(*client, answer, stop) : Result<>(std::unexpected(client.error()));
  if (!read) answer.facts.trouble = read.error();
  return answer;
}

}  // namespace kferry::doctor
