// Topics and their configs, through librdkafka's admin calls.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "base/named.h"
#include "kafkaio/config.h"

namespace kferry::kafkaio {

// Where a value comes from, as DescribeConfigs says (KIP-226).
enum class ConfigSource {
  kTopic,           // set for this topic
  kBroker,          // set dynamically for one broker
  kClusterDefault,  // set dynamically for all brokers
  kStatic,          // the broker's properties file
  kDefault,         // Kafka's own default
  kUnknown,         // brokers before 1.1 say no more than whether it is a default
};

struct ConfigEntry {
  std::optional<std::string> value;  // nullopt: none, or sensitive
  ConfigSource source = ConfigSource::kUnknown;
  bool sensitive = false;
  bool read_only = false;

  friend bool operator==(const ConfigEntry&, const ConfigEntry&) = default;
};
using Configs = std::map<std::string, ConfigEntry>;  // by name
using ConfigValues = std::map<std::string, std::string>;
// By name; nullopt: back to the default.
using ConfigChanges = std::map<std::string, std::optional<std::string>>;

struct NewTopic {
  TopicName name;
  int32_t partitions = 1;
  int16_t replication_factor = -1;  // -1: the cluster's default.replication.factor
  ConfigValues configs = {};
};

// What became of each topic: kNotAuthorised, kUnreachable (the answer of the cluster is missing: it
// may or may not be done), kFailed. Error::kafka_code is what the broker said.
template <class T>
using ByTopic = std::map<TopicName, Result<T>>;

constexpr int kUnknownTopicCode = 3;         // UNKNOWN_TOPIC_OR_PARTITION
constexpr int kTopicAlreadyExistsCode = 36;  // TOPIC_ALREADY_EXISTS

// Not thread-safe. Every call waits for a broker first, splits what it is given into requests of a
// bearable size, repeats what failed because a broker moved or did not answer until `wait` is over,
// and answers a stop request within 100 ms (partition_counts(): 2 s). Errors of a call as a whole:
// kUnreachable, kNotAuthorised, kInterrupted, kFailed. Needs brokers from 0.11 on, but for
// partition_counts().
class TopicAdmin {
 public:
  // Starts to connect, in the background. kUsage.
  static Result<TopicAdmin> connect(const ClientProperties& properties);
  ~TopicAdmin();
  TopicAdmin(TopicAdmin&&) noexcept;
  TopicAdmin& operator=(TopicAdmin&&) noexcept;

  // All topics that we may describe, internal ones included.
  Result<std::map<TopicName, int32_t>> partition_counts(const Wait& wait);

  // kTopicAlreadyExistsCode also when an earlier attempt of the same call did it and its answer was
  // lost. Afterwards every broker may need a moment to know the topic.
  Result<ByTopic<void>> create(const std::vector<NewTopic>& topics, const Wait& wait);
  // To so many partitions in all. kFailed where the topic has as many or more.
  Result<ByTopic<void>> grow(const std::map<TopicName, int32_t>& partitions, const Wait& wait);
  Result<ByTopic<void>> remove(const std::vector<TopicName>& topics, const Wait& wait);

  // Every config that the topic has, defaults included. Brokers before 2.0 have an answer for
  // topics that do not exist, too. After a change a broker may tell the old values for a moment.
  // kFailed for each topic where brokers do not tell them (before 0.11).
  Result<ByTopic<Configs>> configs(const std::vector<TopicName>& topics, const Wait& wait);
  // The configs of one broker; needs DESCRIBE_CONFIGS on the cluster.
  Result<Configs> broker_configs(BrokerId broker, const Wait& wait);
  // Of any broker that answers: what a topic without configs of its own gets, for instance.
  Result<Configs> any_broker_configs(const Wait& wait);

  // CAUTION: AlterConfigs REPLACES. Whatever the topic had set and is not in `configs` goes back to
  // its default; an empty map resets everything. See change_configs().
  Result<ByTopic<void>> replace_configs(const std::map<TopicName, ConfigValues>& configs,
                                        const Wait& wait);
  // Changes these and keeps the rest: reads what is set, and replaces it by that with the changes.
  // For brokers before 2.3; later ones have IncrementalAlterConfigs, which librdkafka 2.0 lacks and
  // wire::change_topic_configs() has: what somebody else changes between the reading and the
  // replacing is lost here, and a KRaft broker may tell of configs some milliseconds late. kRefused
  // for a topic that has a sensitive value set, which cannot be read and would be lost. Nothing is
  // written where nothing would change.
  Result<ByTopic<void>> change_configs(const std::map<TopicName, ConfigChanges>& changes,
                                       const Wait& wait);

  // Moves the start of each log to the given offset (>= 0; kUsage otherwise, for -1 would be the
  // high watermark), unless it is there or beyond already. The start that the log has afterwards.
  // kFailed for an offset beyond the high watermark, and for a topic whose cleanup.policy lacks
  // `delete`. Needs DELETE on the topic.
  Result<std::map<TopicPartition, Result<Offset>>> delete_records(
      const std::map<TopicPartition, Offset>& before, const Wait& wait);

 private:
  struct Impl;
  explicit TopicAdmin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kferry::kafkaio
