#include "replicate/mm2_keys.h"

#include <algorithm>
#include <array>

namespace kferry::replicate {
namespace {

using enum Mm2Treatment;

constexpr std::string_view kNoWorker = "kferry has no Connect worker";
constexpr std::string_view kStateTopic = "kferry keeps its state in one topic on the target";
constexpr std::string_view kOneFactor = "the topics that kferry adds take replication.factor";
constexpr std::string_view kOwnTimeouts = "kferry has time-outs of its own (--request-timeout)";
constexpr std::string_view kOwnMetrics = "kferry has metrics of its own (--listen, --mm2-metrics)";
constexpr std::string_view kExactlyOnce = "kferry copies exactly once in any case";
constexpr std::string_view kByteArrays = "org.apache.kafka.connect.converters.ByteArrayConverter";

constexpr auto kKeys = std::to_array<Mm2Key>({
    {"clusters", kApplied, ""},
    {"enabled", kApplied, ""},
    {"topics", kApplied, ""},
    {"topics.exclude", kApplied, ""},
    {"topics.blacklist", kApplied, ""},
    {"groups", kApplied, ""},
    {"groups.exclude", kApplied, ""},
    {"groups.blacklist", kApplied, ""},
    {"config.properties.exclude", kApplied, ""},
    {"config.properties.blacklist", kApplied, ""},
    {"replication.factor", kApplied, ""},
    {"replication.policy.class", kApplied, ""},
    {"replication.policy.separator", kApplied, ""},
    {"refresh.topics.interval.seconds", kApplied, ""},
    {"sync.topic.configs.enabled", kApplied, ""},
    {"sync.topic.acls.enabled", kApplied, ""},
    {"sync.group.offsets.enabled", kApplied, ""},
    {"sync.group.offsets.interval.seconds", kApplied, ""},
    {"emit.checkpoints.enabled", kApplied, ""},
    {"emit.checkpoints.interval.seconds", kApplied, ""},
    {"emit.heartbeats.enabled", kApplied, ""},
    {"emit.heartbeats.interval.seconds", kApplied, ""},
    {"emit.offset-syncs.enabled", kApplied, ""},
    {"offset-syncs.topic.location", kApplied, ""},

    {"refresh.topics.enabled", kOnly, "true"},
    {"refresh.groups.enabled", kOnly, "true"},
    {"use.defaults.from", kOnly, "target"},
    {"topic.filter.class", kOnly, "org.apache.kafka.connect.mirror.DefaultTopicFilter"},
    {"group.filter.class", kOnly, "org.apache.kafka.connect.mirror.DefaultGroupFilter"},
    {"config.property.filter.class", kOnly,
     "org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter"},
    {"forwarding.admin.class", kOnly, "org.apache.kafka.clients.admin.ForwardingAdmin"},
    {"key.converter", kOnly, kByteArrays},
    {"value.converter", kOnly, kByteArrays},
    {"header.converter", kOnly, kByteArrays},
    {"transforms", kOnly, ""},
    {"predicates", kOnly, ""},

    {"offset.lag.max", kNotNeeded, "kferry's translation is exact for every offset"},
    {"refresh.groups.interval.seconds", kNotNeeded, "groups are listed whenever offsets are read"},
    {"sync.topic.configs.interval.seconds", kNotNeeded,
     "configurations are compared every refresh.topics.interval.seconds"},
    {"sync.topic.acls.interval.seconds", kNotNeeded,
     "ACLs are compared every refresh.topics.interval.seconds"},
    {"heartbeats.replication.enabled", kNotNeeded,
     "kferry copies a heartbeats topic only where `topics` selects it and the target's name for it "
     "is another"},
    {"replication.policy.internal.topic.separator.enabled", kNotNeeded,
     "kferry names MM2's own topics with '.', as `false` does"},
    {"offset-syncs.topic.replication.factor", kNotNeeded, kOneFactor},
    {"checkpoints.topic.replication.factor", kNotNeeded, kOneFactor},
    {"heartbeats.topic.replication.factor", kNotNeeded, kOneFactor},
    {"consumer.poll.timeout.ms", kNotNeeded, kOwnTimeouts},
    {"admin.timeout.ms", kNotNeeded, kOwnTimeouts},
    {"tasks.max", kNotNeeded, "one process copies all; more processes share the partitions"},
    {"metric.reporters", kNotNeeded, kOwnMetrics},
    {"metrics.*", kNotNeeded, kOwnMetrics},
    {"auto.include.jmx.reporter", kNotNeeded, kOwnMetrics},
    {"exactly.once.*", kNotNeeded, kExactlyOnce},
    {"transaction.boundary*", kNotNeeded, kExactlyOnce},
    {"errors.*", kNotNeeded, "nothing is converted, so that no record can fail; see /status"},
    {"topic.creation.*", kNotNeeded, "topics are created as they are on the source"},
    {"transforms.*", kNotNeeded, "`transforms` is empty"},
    {"predicates.*", kNotNeeded, "`predicates` is empty"},
    {"key.converter.*", kNotNeeded, "nothing is converted"},
    {"value.converter.*", kNotNeeded, "nothing is converted"},
    {"header.converter.*", kNotNeeded, "nothing is converted"},
    {"config.providers*", kNotNeeded,
     "kferry resolves no ${...}; a setting that has one is an error"},
    {"offset.storage.*", kNotNeeded, kStateTopic},
    {"config.storage.*", kNotNeeded, kStateTopic},
    {"status.storage.*", kNotNeeded, kStateTopic},
    {"offsets.storage.topic", kNotNeeded, kStateTopic},
    {"name", kNotNeeded, kNoWorker},
    {"connector.class", kNotNeeded, kNoWorker},
    {"connector.client.config.override.policy", kNotNeeded, kNoWorker},
    {"config.action.reload", kNotNeeded, kNoWorker},
    {"dedicated.mode.enable.internal.rest", kNotNeeded, kNoWorker},
    {"listeners*", kNotNeeded, "kferry's own server: --listen"},
    {"rest.*", kNotNeeded, "kferry's own server: --listen"},
    {"admin.listeners*", kNotNeeded, "kferry's own server: --listen"},
    {"access.control.*", kNotNeeded, "kferry's own server: --listen"},
    {"response.http.*", kNotNeeded, "kferry's own server: --listen"},
    {"plugin.*", kNotNeeded, kNoWorker},
    {"worker.*", kNotNeeded, kNoWorker},
    {"task.*", kNotNeeded, kNoWorker},
    {"inter.worker.*", kNotNeeded, kNoWorker},
    {"offset.flush.*", kNotNeeded, "the position is read from the target itself"},
    {"scheduled.rebalance.max.delay.ms", kNotNeeded, kNoWorker},
    {"connect.protocol", kNotNeeded, kNoWorker},
    {"group.id", kNotNeeded, kNoWorker},
    {"client.id", kNotNeeded, "set A.consumer.client.id and B.producer.client.id"},
    {"client.dns.lookup", kNotNeeded, kNoWorker},
    {"session.timeout.ms", kNotNeeded, kNoWorker},
    {"heartbeat.interval.ms", kNotNeeded, kNoWorker},
    {"rebalance.timeout.ms", kNotNeeded, kNoWorker},
    {"request.timeout.ms", kNotNeeded, kOwnTimeouts},
    {"retry.backoff.ms", kNotNeeded, kOwnTimeouts},
    {"metadata.max.age.ms", kNotNeeded, kNoWorker},
});

// "errors.*" and "listeners*" stand for what begins with the text before the asterisk.
bool stands_for(const Mm2Key& entry, std::string_view key) {
  if (!entry.name.ends_with('*')) return entry.name == key;
  return key.starts_with(entry.name.substr(0, entry.name.size() - 1));
}

struct ClientKey {
  std::string_view key;
  std::string_view why;
};
constexpr auto kClientKeys = std::to_array<ClientKey>({
    {"compression.type", "batches keep the compression that they came with"},
    {"isolation.level", "kferry copies what is committed, and nothing else"},
    {"client.rack", "kferry reads from the leaders"},
    {"acks", "kferry waits for all in-sync replicas"},
    {"enable.idempotence", kExactlyOnce},
    {"transactional.id", kExactlyOnce},
    {"request.timeout.ms", kOwnTimeouts},
    {"delivery.timeout.ms", kOwnTimeouts},
    {"default.api.timeout.ms", kOwnTimeouts},
    {"auto.offset.reset", "kferry begins at the log's start"},
    {"metric.reporters", kOwnMetrics},
});

}  // namespace

std::span<const Mm2Key> mm2_keys() {
  return kKeys;
}

const Mm2Key* find_mm2_key(std::string_view key) {
  const auto exact = std::ranges::find(kKeys, key, &Mm2Key::name);
  if (exact != kKeys.end()) return &*exact;
  const auto found =
      std::ranges::find_if(kKeys, [&](const Mm2Key& entry) { return stands_for(entry, key); });
  return found == kKeys.end() ? nullptr : &*found;
}

bool is_mm2_connection_key(std::string_view key) {
  return key == "bootstrap.servers" || key.starts_with("security.") || key.starts_with("ssl.") ||
         key.starts_with("sasl.");
}

std::string_view why_not_client_key(std::string_view key) {
  const auto found = std::ranges::find(kClientKeys, key, &ClientKey::key);
  return found != kClientKeys.end() ? found->why
                                    : "a setting of a Java client; kferry tunes itself";
}

}  // namespace kferry::replicate
