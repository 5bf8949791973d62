// A Kafka cluster as seen from a client: brokers, topics, leaders, and a connection to each broker
// that is needed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/named.h"
#include "wire/address.h"
#include "wire/broker.h"
#include "wire/field.h"

namespace kferry::wire {

struct MetadataResponse;

struct PartitionLeader {
  int16_t error_code = 0;  // e.g. LEADER_NOT_AVAILABLE
  BrokerId leader{-1};
};

struct TopicInfo {
  int16_t error_code = 0;  // UNKNOWN_TOPIC_OR_PARTITION: does not exist
  Uuid topic_id{};         // all zero: the broker has none (before 2.8)
  std::map<Partition, PartitionLeader> partitions;
};

struct ClusterMetadata {
  std::optional<std::string> cluster_id;  // absent before 0.10.1
  BrokerId controller{-1};
  std::map<BrokerId, Address> brokers;
  std::map<TopicName, TopicInfo> topics;
};

// Not thread-safe: each worker owns one.
class Cluster {
 public:
  // Connects to the first bootstrap server that answers. kUnreachable with every server that was
  // tried.
  static Result<Cluster> connect(const std::vector<Address>& bootstrap, const ClientConfig& config,
                                 const Wait& wait);

  const ClientConfig& config() const { return config_; }

  // Asks for the brokers and for `topics` (nullopt: all), and remembers the brokers. Topics are
  // never created by asking, except by brokers before 0.11 that auto-create: there ask for all. A
  // connection that broke while it was idle is replaced.
  Result<ClusterMetadata> fetch_metadata(const std::optional<std::vector<TopicName>>& topics,
                                         const Wait& wait);

  // All topics. A broker that has just started does not know them all yet (Kafka: it waits for the
  // controller's UpdateMetadata): while one of `expected` is missing it is asked again, for
  // `patience`. What is still missing then does not exist.
  Result<ClusterMetadata> fetch_settled_metadata(const std::vector<TopicName>& expected,
                                                 Duration patience, const Wait& wait);

  // A connected broker, opened when needed and again after it broke. The pointer is valid until the
  // next call of a non-const member.
  Result<Broker*> any_broker(const Wait& wait);
  Result<Broker*> broker(BrokerId id, const Wait& wait);
  const std::map<BrokerId, Address>& brokers() const { return brokers_; }

  // Tells of a broker that some answer named (a coordinator).
  void learn_broker(BrokerId id, const Address& address) { brokers_[id] = address; }

 private:
  explicit Cluster(const std::vector<Address>& bootstrap, const ClientConfig& config)
      : bootstrap_(bootstrap), config_(config) {}

  Result<std::unique_ptr<Broker>> open(const Address& address, const Wait& wait);
  Result<MetadataResponse> ask_metadata(const std::optional<std::vector<TopicName>>& topics,
                                        const Wait& wait);

  std::vector<Address> bootstrap_;
  ClientConfig config_;
  std::map<BrokerId, Address> brokers_;
  std::map<BrokerId, std::unique_ptr<Broker>> connections_;
  std::unique_ptr<Broker> bootstrap_connection_;
};

}  // namespace kferry::wire
