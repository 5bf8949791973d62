// Judging: topics and their configs, side by side.
#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "doctor/config_values.h"
#include "doctor/judge.h"
#include "replicate/topic_sync.h"

namespace kferry::doctor {
namespace {

// A broker's names for the default of a topic's config, the first that is set counts (Kafka:
// ServerTopicConfigSynonyms, LogConfig).
struct Synonym {
  const char* topics_name;
  const char* brokers_name;
  int64_t factor;  // of a number: to the topic's unit
};
constexpr Synonym kSynonyms[] = {
    {"max.message.bytes", "message.max.bytes", 1},
    {"retention.ms", "log.retention.ms", 1},
    {"retention.ms", "log.retention.minutes", 60'000},
    {"retention.ms", "log.retention.hours", 3'600'000},
    {"retention.bytes", "log.retention.bytes", 1},
    {"cleanup.policy", "log.cleanup.policy", 1},
    {"message.timestamp.type", "log.message.timestamp.type", 1},
    {"min.insync.replicas", "min.insync.replicas", 1},
};

std::optional<std::string> default_of(const ClusterFacts& cluster, const std::string& name) {
  for (const Synonym& one : kSynonyms) {
    if (name != one.topics_name) continue;
    const auto value = effective(cluster.broker_configs, one.brokers_name);
    if (!value || value->empty()) continue;
    const auto number = to_number(value);
    return number && *number > 0 ? fmt::to_string(*number * one.factor) : *value;
  }
  return std::nullopt;
}

// One topic on both sides.
class Pair {
 public:
  Pair(const DoctorFacts& facts, const TopicFacts& source, const TopicFacts* target)
      : facts_(facts), source_(source), target_(target) {}

  const TopicFacts& source() const { return source_; }
  const TopicFacts* target() const { return target_; }

  std::optional<std::string> here(const std::string& name) const {
    return effective(source_.configs, name);
  }
  // What the target's topic has now, or will be created with.
  std::optional<std::string> there_now(const std::string& name) const {
    return target_ != nullptr ? effective(target_->configs, name)
                              : default_of(*facts_.target, name);
  }
  // What it will have once the mirror has brought the configs over.
  std::optional<std::string> there_later(const std::string& name) const {
    const auto& flow = facts_.scope.flow;
    const bool synced = flow.sync_topic_configs && !replicate::is_held_back(name) &&
                        flow.config_properties.selects(name);
    const auto set_here = own(source_.configs, name);
    if (set_here && (synced || target_ == nullptr)) return set_here;
    if (synced && target_ != nullptr && own(target_->configs, name) &&
        there_now(name) != here(name))
      return default_of(*facts_.target, name);
    return there_now(name);
  }

 private:
  const DoctorFacts& facts_;
  const TopicFacts& source_;
  const TopicFacts* target_;
};

// Findings that differ in the topic alone are told once.
class Gathered {
 public:
  explicit Gathered(std::string side) : side_(std::move(side)) {}
  void add(const TopicName& topic, Level level, std::string what, std::string why,
           std::string next) {
    topics_[{level, std::move(what), std::move(why), std::move(next)}].push_back(topic.value());
  }
  void tell(const char* check, Findings& findings) const {
    for (const auto& [said, topics] : topics_) {
      const auto& [level, what, why, next] = said;
      findings.push_back({level, check,
                          fmt::format("{}, topic{} {}", side_, topics.size() == 1 ? "" : "s",
                                      names_in_short(topics)),
                          what, why, next});
    }
  }
  bool any_above(Level level) const {
    return std::ranges::any_of(topics_,
                               [&](const auto& one) { return std::get<0>(one.first) > level; });
  }

 private:
  const std::string side_;
  std::map<std::tuple<Level, std::string, std::string, std::string>, std::vector<std::string>>
      topics_;
};

void judge_message_size(const DoctorFacts& facts, const TopicName& topic, const Pair& pair,
                        Gathered& found) {
  const auto here = to_number(pair.here("max.message.bytes"));
  const auto there = to_number(pair.there_now("max.message.bytes"));
  if (!here || !there) return;
  if (*there < *here) {
    const std::string what =
        fmt::format("max.message.bytes is {} on the target, {} on the source", *there, *here);
    if (facts.scope.flow.sync_topic_configs || pair.target() == nullptr)
      found.add(topic, Level::kNote, what, "the mirror raises it to the source's", "");
    else
      found.add(topic, Level::kAttention, what,
                "a batch that the target refuses ends the mirror of its partition",
                "raise it on the target, or let the mirror sync configs (without "
                "--no-sync-configs)");
  }
  const auto request =
      to_number(effective(facts.target->broker_configs, "socket.request.max.bytes"));
  if (request && *request <= *here)
    found.add(topic, Level::kAttention,
              fmt::format("max.message.bytes is {} on the source, and the target's brokers take "
                          "requests of {} bytes at most (socket.request.max.bytes)",
                          *here, *request),
              "a batch that the target refuses ends the mirror of its partition",
              "raise socket.request.max.bytes on the target");
}

void judge_retention(const TopicName& topic, const Pair& pair, Gathered& found) {
  const auto policy = pair.there_later("cleanup.policy");
  if (!policy || !policy->contains("delete")) return;
  const auto shorter = [](const std::optional<int64_t>& here, const std::optional<int64_t>& there) {
    return here && there && *there >= 0 && (*here < 0 || *there < *here);
  };
  constexpr const char* kWhy =
      "the target deletes records that the source still has, before their consumers are there";
  const auto here = to_number(pair.here("retention.ms"));
  const auto there = to_number(pair.there_later("retention.ms"));
  if (shorter(here, there))
    found.add(topic, Level::kAttention,
              fmt::format("retention.ms will be {} on the target, it is {} on the source",
                          time_words(*there), time_words(*here)),
              kWhy,
              "set retention.ms on the source's topic: the mirror copies what is set, not a "
              "broker's default; or change it on the target");
  const auto bytes_here = to_number(pair.here("retention.bytes"));
  const auto bytes_there = to_number(pair.there_later("retention.bytes"));
  if (shorter(bytes_here, bytes_there))
    found.add(topic, Level::kAttention,
              fmt::format("retention.bytes will be {} on the target, it is {} on the source",
                          *bytes_there, *bytes_here),
              kWhy, "set retention.bytes on the source's topic, or change it on the target");
}

void judge_timestamps(const TopicName& topic, const Pair& pair, Gathered& found) {
  constexpr const char* kAppendTime = "LogAppendTime";
  if (pair.target() != nullptr && pair.there_now("message.timestamp.type") == kAppendTime)
    found.add(topic, Level::kAttention, "message.timestamp.type is LogAppendTime on the target",
              "the target stamps every mirrored record anew: retention and searches by time begin "
              "with the copy",
              "set it to CreateTime until the producers have moved");
  if (pair.here("message.timestamp.type") == kAppendTime)
    found.add(topic, Level::kNote, "message.timestamp.type is LogAppendTime on the source",
              "the mirror keeps the stamps, but not the config: with it the target would stamp "
              "anew",
              "set it on the target once the producers have moved");
  if (pair.target() == nullptr) return;
  const auto retention = to_number(pair.here("retention.ms"));
  for (const char* const name :
       {"message.timestamp.before.max.ms", "message.timestamp.difference.max.ms"}) {
    const auto limit = to_number(pair.there_now(name));
    if (limit && retention && (*retention < 0 || *limit < *retention))
      found.add(topic, Level::kAttention,
                fmt::format("{} is {} on the target, and the source has records of {}", name,
                            time_words(*limit), time_words(*retention)),
                "the target refuses older records", fmt::format("reset {} on the target", name));
  }
}

int32_t fewest_replicas(const TopicFacts& topic) {
  int32_t fewest = 0;
  for (const auto& [partition, one] : topic.partitions)
    fewest = fewest == 0 ? one.replicas : std::min(fewest, one.replicas);
  return fewest;
}

void judge_replication(const DoctorFacts& facts, const TopicName& topic, const Pair& pair,
                       Gathered& found) {
  const auto& flow = facts.scope.flow;
  std::optional<int64_t> replicas;
  if (pair.target() != nullptr)
    replicas = fewest_replicas(*pair.target());
  else if (flow.replication_factor > 0)
    replicas = flow.replication_factor;
  else
    replicas = to_number(effective(facts.target->broker_configs, "default.replication.factor"));
  if (!replicas) return;
  const auto brokers = static_cast<int64_t>(facts.target->brokers.size());
  if (pair.target() == nullptr && *replicas > brokers)
    found.add(topic, Level::kAttention,
              fmt::format("it will be created with {} replicas, and the target has {} brokers",
                          *replicas, brokers),
              "the target refuses to create it", "give --replication-factor, or add brokers");
  const auto needed = to_number(pair.there_later("min.insync.replicas"));
  if (needed && *needed > *replicas)
    found.add(topic, Level::kAttention,
              fmt::format("min.insync.replicas is {}, with {} replicas", *needed, *replicas),
              "nothing can be written to it: NOT_ENOUGH_REPLICAS",
              "lower min.insync.replicas on the target, or give it more replicas");
}

void judge_partitions(const TopicName& topic, const Pair& pair, Gathered& source,
                      Gathered& target) {
  const auto leaderless = [](const TopicFacts& facts) {
    return std::ranges::count_if(facts.partitions,
                                 [](const auto& one) { return !one.second.has_leader; });
  };
  constexpr const char* kWhy = "it can be neither read nor written";
  constexpr const char* kNext = "see why its leader is missing";
  if (const auto count = leaderless(pair.source()); count > 0)
    source.add(topic, Level::kAttention, fmt::format("partitions without a leader: {}", count),
               kWhy, kNext);
  if (pair.target() == nullptr) return;
  if (const auto count = leaderless(*pair.target()); count > 0)
    target.add(topic, Level::kAttention, fmt::format("partitions without a leader: {}", count),
               kWhy, kNext);
  const size_t here = pair.source().partitions.size();
  const size_t there = pair.target()->partitions.size();
  if (there > here)
    target.add(topic, Level::kAttention,
               fmt::format("it has {} partitions, the source has {}", there, here),
               "Kafka takes none away: they stay empty, and producers that move put keys "
               "elsewhere than before",
               "delete the topic on the target, where that is possible, and let the mirror create "
               "it");
}

}  // namespace

void judge_topics(const DoctorFacts& facts, Findings& findings) {
  if (!facts.has_flow || facts.source.trouble || !facts.target || facts.target->trouble) return;
  if (facts.source.topics.empty()) {
    findings.push_back({Level::kAttention, "topic", "source", "no topic is selected",
                        "the mirror would copy nothing",
                        "check --topics, and that kferry may DESCRIBE them"});
    return;
  }
  Gathered source("source");
  Gathered target("target");
  for (const auto& [topic, here] : facts.source.topics) {
    const auto found = facts.target->topics.find(target_topic(facts.scope.flow, topic));
    const TopicFacts* const there = found == facts.target->topics.end() ? nullptr : &found->second;
    const Pair pair(facts, here, there);
    judge_partitions(topic, pair, source, target);
    const bool unread_there = there != nullptr && !there->configs;
    if (!here.configs || unread_there) {
      const Error& error = here.configs ? there->configs.error() : here.configs.error();
      (here.configs ? target : source)
          .add(topic, Level::kUnknown, "its configs cannot be read: " + error.message,
               "what would bite is not seen", error.hint);
      continue;
    }
    judge_message_size(facts, topic, pair, target);
    judge_retention(topic, pair, target);
    judge_timestamps(topic, pair, target);
    judge_replication(facts, topic, pair, target);
  }
  source.tell("topic", findings);
  target.tell("topic", findings);
  if (!source.any_above(Level::kNote) && !target.any_above(Level::kNote))
    findings.push_back(
        {Level::kFine, "topic", "target",
         fmt::format("settings of {} topics: nothing would bite", facts.source.topics.size()), "",
         ""});
}

}  // namespace kferry::doctor
