#include "wire/cluster.h"

#include <algorithm>

#include "base/backoff.h"
#include "wire/error_code.h"
#include "wire/messages/metadata.h"

namespace kferry::wire {

Result<Cluster> Cluster::connect(const std::vector<Address>& bootstrap, const ClientConfig& config,
                                 const Wait& wait) {
  Cluster cluster(bootstrap, config);
  KFERRY_CHECK(cluster.any_broker(wait));
  return cluster;
}

// Finding out that a broker is ancient takes seconds: what holds for one holds for the others.
Result<std::unique_ptr<Broker>> Cluster::open(const Address& address, const Wait& wait) {
  const bool ancient = bootstrap_connection_ && bootstrap_connection_->version_if_ancient();
  KFERRY_TRY(Broker broker, Broker::connect(address, config_, wait, !ancient));
  return std::make_unique<Broker>(std::move(broker));
}

Result<Broker*> Cluster::any_broker(const Wait& wait) {
  if (bootstrap_connection_ && bootstrap_connection_->is_open()) return bootstrap_connection_.get();
  std::vector<Address> candidates;
  const auto add = [&](const Address& address) {
    if (std::ranges::find(candidates, address) == candidates.end()) candidates.push_back(address);
  };
  for (const Address& address : bootstrap_) add(address);
  for (const auto& [id, address] : brokers_) add(address);
  std::string tried;
  std::optional<std::string> hint;  // when all say the same
  for (const Address& address : candidates) {
    auto broker = open(address, wait);
    if (broker) {
      bootstrap_connection_ = std::move(*broker);
      return bootstrap_connection_.get();
    }
    if (broker.error().kind != ErrorKind::kUnreachable) return std::unexpected(broker.error());
    tried += (tried.empty() ? "" : "; ") + broker.error().message;
    if (!hint) hint = broker.error().hint;
    if (hint != broker.error().hint) hint = std::string();
  }
  // A refused connection has a hint for any broker; of these the operator has given the addresses.
  if (!hint || hint->empty() || hint->starts_with("check that the broker is up"))
    hint = "check --bootstrap-server, and that the brokers are up";
  return fail(ErrorKind::kUnreachable, fmt::format("no bootstrap server can be reached: {}", tried),
              std::move(*hint));
}

Result<Broker*> Cluster::broker(BrokerId id, const Wait& wait) {
  auto& connection = connections_[id];
  const auto known = brokers_.find(id);
  if (known == brokers_.end())
    return fail(ErrorKind::kUnreachable,
                fmt::format("broker {} is not in the cluster's metadata", id));
  const bool usable = connection && connection->is_open() && connection->address() == known->second;
  if (usable) return connection.get();
  connection.reset();
  auto made = open(known->second, wait);
  if (!made) return std::unexpected(in_context(made.error(), fmt::format("broker id {}", id)));
  connection = std::move(*made);
  return connection.get();
}

Result<MetadataResponse> Cluster::ask_metadata(const std::optional<std::vector<TopicName>>& topics,
                                               const Wait& wait) {
  KFERRY_TRY(Broker* const broker, any_broker(wait));
  KFERRY_TRY(const int16_t version, broker->version_of<MetadataRequest>());
  MetadataRequest request;
  request.allow_auto_topic_creation = version < 4;
  if (topics || version == 0) request.topics.emplace();
  for (const TopicName& topic : topics.value_or(std::vector<TopicName>{}))
    request.topics->push_back({{}, topic});
  return broker->call(request, version, wait);
}

Result<ClusterMetadata> Cluster::fetch_metadata(const std::optional<std::vector<TopicName>>& topics,
                                                const Wait& wait) {
  const bool was_connected = bootstrap_connection_ && bootstrap_connection_->is_open();
  auto response = ask_metadata(topics, wait);
  if (!response && response.error().kind == ErrorKind::kUnreachable && was_connected)
    response = ask_metadata(topics, wait);
  if (!response) {
    // It has told its versions, but nothing more: Kafka closes the connection of who has to log in.
    if (!config_.sasl && bootstrap_connection_ && !bootstrap_connection_->is_open())
      response.error().hint = "does the broker demand a login? See security.protocol";
    return std::unexpected(response.error());
  }

  ClusterMetadata metadata;
  metadata.cluster_id = response->cluster_id;
  metadata.controller = response->controller_id;
  for (const auto& one : response->brokers)
    if (one.port > 0 && one.port <= 65535)
      metadata.brokers[one.node_id] = Address{one.host, static_cast<uint16_t>(one.port)};
  if (metadata.brokers.empty())
    return fail(ErrorKind::kUnreachable,
                fmt::format("broker {}: its metadata names no broker",
                            to_string(bootstrap_connection_->address())),
                "the cluster is still starting, or its advertised listeners are wrong");
  brokers_ = metadata.brokers;
  for (const auto& topic : response->topics) {
    if (!topic.name) continue;
    TopicInfo& info = metadata.topics[*topic.name];
    info.error_code = topic.error_code;
    info.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions)
      info.partitions[partition.partition_index] = {partition.error_code, partition.leader_id};
  }
  return metadata;
}

Result<ClusterMetadata> Cluster::fetch_settled_metadata(const std::vector<TopicName>& expected,
                                                        Duration patience, const Wait& wait) {
  ClusterMetadata metadata;
  const auto ask = [&]() -> Result<> {
    KFERRY_TRY(metadata, fetch_metadata(std::nullopt, wait));
    for (const TopicName& topic : expected)
      if (!metadata.topics.contains(topic))
        return std::unexpected(kafka_error(kUnknownTopicOrPartition, topic.value()));
    return {};
  };
  const auto is_missing = [](const Error& error) {
    return error.kafka_code == kUnknownTopicOrPartition;
  };
  const auto settled = with_retry({}, wait.at_most(patience), ask, is_missing);
  if (!settled) KFERRY_CHECK(wait.stop().check("asking which topics there are"));
  if (!settled && !is_missing(settled.error())) return std::unexpected(settled.error());
  return metadata;
}

}  // namespace kferry::wire
