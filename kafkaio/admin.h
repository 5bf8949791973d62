// Administrative calls through librdkafka. For `verify` they are the second opinion on our own
// codec, which shares no code with them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/interrupt.h"
#include "base/named.h"
#include "kafkaio/config.h"

namespace kferry::kafkaio {

// Not thread-safe. Every call waits for a broker first, and answers a stop request within 100 ms
// (offsets_retention_ms(), and any call to a broker before 0.10: within 2 s, when the broker takes
// long over its metadata). All errors name the brokers, the group and what was said: kUnreachable,
// kNotAuthorised, kInterrupted, kFailed.
class Admin {
 public:
  // Starts to connect, in the background. kUsage when librdkafka does not take the properties.
  static Result<Admin> connect(const ClientProperties& properties);
  ~Admin();
  Admin(Admin&&) noexcept;
  Admin& operator=(Admin&&) noexcept;

  using Query = std::pair<GroupId, std::vector<TopicPartition>>;
  // Only partitions that have a committed offset.
  using Offsets = std::map<TopicPartition, Offset>;
  using OffsetsByGroup = std::map<GroupId, Result<Offsets>>;

  // What Kafka keeps of the partitions named (none named: nothing is asked), up to 100 groups at a
  // time. RequireStable where the broker has it (2.5, KIP-447). One result per group: what the
  // broker says of a group or of one of its partitions concerns that group alone. The whole call
  // fails when a coordinator cannot be reached within `wait`. Works with every broker from 0.8.2
  // on, given ClientProperties::broker_version_fallback before 0.10 (ran: 0.8.2.2, 0.9.0.1, 1.1.1,
  // 2.8.2, 3.9.1).
  Result<OffsetsByGroup> committed_offsets(const std::vector<Query>& queries, const Wait& wait);

  // Afterwards `group` has no committed offset for `partitions`; those that have none are left
  // alone. The group must have no member that is subscribed to their topics. kFailed with the
  // partitions that are left and why; also where the coordinator has no OffsetDelete (before 2.4).
  Result<> delete_committed_offsets(const GroupId& group,
                                    const std::vector<TopicPartition>& partitions,
                                    const Wait& wait);

  // `offsets.retention.minutes` of the broker that answers, in milliseconds. nullopt where it
  // cannot say (DescribeConfigs came with 0.11) or denies it (needs DESCRIBE_CONFIGS on cluster).
  Result<std::optional<int64_t>> offsets_retention_ms(const Wait& wait);

  // nullopt before 0.10.1.
  Result<std::optional<std::string>> cluster_id(const Wait& wait);

 private:
  struct Impl;
  explicit Admin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kferry::kafkaio
