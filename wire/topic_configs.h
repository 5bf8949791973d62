// Changes topics' configs without touching the others. librdkafka 2.0 can only replace them all,
// on the ground of what a broker tells; and a KRaft broker may not yet know what has just been
// changed.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "wire/cluster.h"

namespace kferry::wire {

// Sets (or, nullopt, resets to their defaults) these configs of each topic; all of a topic or none.
// One result for each topic. nullopt: the brokers are older than 2.3 and have no such request.
// Needs ALTER_CONFIGS on the topics. May be repeated. Brokers obey, and tell of it, a little later.
using TopicConfigChanges = std::map<TopicName, std::map<std::string, std::optional<std::string>>>;
Result<std::optional<std::map<TopicName, Result<>>>> change_topic_configs(
    Cluster& cluster, const TopicConfigChanges& changes, const Wait& wait);

}  // namespace kferry::wire
