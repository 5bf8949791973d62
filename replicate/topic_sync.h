// What has to be done so that the target's topics are as the source's: a pure comparison.
// replicate/topic_sync_apply.h does it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/named.h"
#include "kafkaio/topic_admin.h"
#include "replicate/flow.h"

namespace kferry::replicate {

struct TopicState {
  int32_t partitions = 0;
  kafkaio::Configs configs = {};  // all, defaults included; empty: they could not be read
};
using TopicStates = std::map<TopicName, TopicState>;

// What a new topic gets on the target.
struct TargetDefaults {
  // By the topic's name for it; of what decides whether a broker takes our batches, as far as it is
  // known: max.message.bytes and message.timestamp.*.
  kafkaio::ConfigValues values = {};
  // The configs that its topics have. Empty: unknown, as long as it has no topic.
  std::set<std::string> known_configs = {};
};

enum class TopicDifferenceKind {
  kCreate,
  kAddPartitions,
  kConfigs,
  // These two are for people: nothing is done about them.
  kMorePartitions,  // the target has more; Kafka takes none away
  kNotSynced,       // configs that differ and are left alone
};
std::string_view to_string(TopicDifferenceKind kind);  // "create", "add_partitions", ...

struct TopicDifference {
  TopicDifferenceKind kind = TopicDifferenceKind::kCreate;
  TopicName source = {};
  TopicName target = {};
  int32_t partitions = 0;               // kCreate, kAddPartitions: in all; else the source's
  int32_t target_partitions = 0;        // present
  int16_t replication_factor = -1;      // kCreate; -1: the target's default
  kafkaio::ConfigChanges configs = {};  // to be set or (nullopt) reset
  kafkaio::ConfigChanges present = {};  // the same names, as set on the target; nullopt: not set
  // Of kNotSynced these are the values in effect; nullopt: none, or the target does not know it.
  // kCreate: what it is created with, until finalise(). `configs` is what it will have then.
  kafkaio::ConfigValues creation_configs = {};

  friend bool operator==(const TopicDifference&, const TopicDifference&) = default;
};

bool is_warning(const TopicDifference& difference);

// "topic orders: create with 24 partitions, replication factor 3, cleanup.policy=compact". One
// line, fit for a terminal.
std::string to_text(const TopicDifference& difference);
nlohmann::json to_json(const TopicDifference& difference);

// Configs that are never synced, whatever the filter says, because the mirror would break: what
// makes a broker change or refuse the records it is sent, and what names brokers of the source.
// max.message.bytes is among them: it is raised where the source has larger batches, and never
// lowered.
bool is_held_back(const std::string& config);

// What the mirror creates a topic with, so that nothing is deleted, compacted or stamped anew until
// the offsets before the source's log start have been filled and trimmed: cleanup.policy=delete
// (DeleteRecords wants it), no retention, the producers' timestamps however old or new, and room
// for the largest batch.
kafkaio::ConfigValues creation_configs(const TopicState& source, const TargetDefaults& target);

// What the topic is to have set for itself afterwards: what is set on the source's topic, as far as
// it is selected and the target knows it, and max.message.bytes where the source's topic may have
// larger batches than `target_max_message_bytes` (nullopt: unknown).
kafkaio::ConfigValues final_configs(const FlowSettings& flow, const TopicState& source,
                                    const TargetDefaults& target,
                                    const std::optional<std::string>& target_max_message_bytes);

// From creation_configs(), or whatever the target's topic has, to final_configs(): the difference
// that finishes a topic which the mirror has created. nullopt: it is as it should be, or the
// configs of one side could not be read: then nothing is deleted from it.
std::optional<TopicDifference> finalise(const FlowSettings& flow, const TopicName& source_topic,
                                        const TopicState& source, const TopicState& target,
                                        const TargetDefaults& defaults);

// All differences, ordered by the source's name; `source` holds the selected topics only. Of the
// topics in `unfinished` (the target's names: finalise() is still to come) configs are left alone,
// as where those of one side could not be read.
std::vector<TopicDifference> compare_topics(const FlowSettings& flow, const TopicStates& source,
                                            const TopicStates& target,
                                            const TargetDefaults& defaults,
                                            const std::set<TopicName>& unfinished = {});

}  // namespace kferry::replicate
