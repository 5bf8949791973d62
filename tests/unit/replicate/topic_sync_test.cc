#include "replicate/topic_sync.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "replicate/topic_sync_apply.h"

namespace kferry::replicate {
namespace {

using kafkaio::ConfigEntry;
using kafkaio::Configs;
using kafkaio::ConfigSource;
using kafkaio::ConfigValues;
using Kind = TopicDifferenceKind;

const TopicName kOrders("orders");

// A topic as DescribeConfigs tells of it, with these configs of its own.
TopicState topic(int32_t partitions, const ConfigValues& own = {}) {
  TopicState state{.partitions = partitions};
  for (const auto& [name, value] : ConfigValues{{"cleanup.policy", "delete"},
                                                {"retention.ms", "604800000"},
                                                {"retention.bytes", "-1"},
                                                {"max.message.bytes", "1048588"},
                                                {"min.insync.replicas", "1"},
                                                {"message.timestamp.type", "CreateTime"}})
    state.configs[name] = {.value = value, .source = ConfigSource::kDefault};
  for (const auto& [name, value] : own)
    state.configs[name] = {.value = value, .source = ConfigSource::kTopic};
  return state;
}

TopicState with(TopicState state, const std::string& name, const std::string& value,
                ConfigSource source) {
  state.configs[name] = {.value = value, .source = source};
  return state;
}

FlowSettings flow() {
  FlowSettings settings;
  settings.topics.include.emplace_back(".*");
  settings.config_properties.include.emplace_back(".*");
  settings.config_properties.exclude.emplace_back("min\\.insync\\.replicas");
  return settings;
}

TargetDefaults defaults() {
  TargetDefaults target{.values = {{"max.message.bytes", "1048588"}}};
  for (const auto& [name, entry] : topic(1).configs) target.known_configs.insert(name);
  return target;
}

std::vector<std::string> texts(const TopicStates& source, const TopicStates& target,
                               const FlowSettings& settings = flow(),
                               const std::set<TopicName>& unfinished = {}) {
  std::vector<std::string> lines;
  for (const auto& one : compare_topics(settings, source, target, defaults(), unfinished))
    lines.push_back(to_text(one));
  return lines;
}

TEST(TopicSync, NothingIsDifferent) {
  const TopicState same =
      topic(3, {{"cleanup.policy", "compact,delete"}, {"retention.ms", "1000"}});
  EXPECT_EQ(texts({{kOrders, same}}, {{kOrders, same}}), std::vector<std::string>{});
  const TopicState spelled =
      topic(3, {{"cleanup.policy", "delete, compact"}, {"retention.ms", "1000"}});
  EXPECT_EQ(texts({{kOrders, same}}, {{kOrders, spelled}}), std::vector<std::string>{});
  // Topics of the target alone are its own affair.
  EXPECT_EQ(texts({}, {{kOrders, same}}), std::vector<std::string>{});
}

TEST(TopicSync, AMissingTopicIsCreatedSafeAndFinishedLater) {
  FlowSettings settings = flow();
  settings.replication_factor = 3;
  settings.topic_prefix = "old.";
  const TopicState source =
      topic(24, {{"cleanup.policy", "compact"}, {"min.insync.replicas", "2"}});
  const auto differences = compare_topics(settings, {{kOrders, source}}, {}, defaults());
  ASSERT_EQ(differences.size(), 1U);
  const TopicDifference& create = differences[0];
  EXPECT_EQ(to_text(create),
            "topic old.orders: create with 24 partitions, replication factor 3, "
            "cleanup.policy=compact");
  EXPECT_EQ(create.target, TopicName("old.orders"));
  EXPECT_EQ(create.creation_configs, (ConfigValues{{"cleanup.policy", "delete"},
                                                   {"retention.ms", "-1"},
                                                   {"retention.bytes", "-1"},
                                                   {"message.timestamp.type", "CreateTime"}}));

  const TopicState created = topic(24, create.creation_configs);
  EXPECT_EQ(texts({{kOrders, source}}, {{create.target, created}}, settings, {create.target}),
            std::vector<std::string>{});
  const auto finish = finalise(settings, kOrders, source, created, defaults());
  ASSERT_TRUE(finish);
  EXPECT_EQ(to_text(*finish),
            "topic old.orders: set cleanup.policy=compact (now delete), reset retention.ms "
            "(now -1)");
  // retention.bytes is -1 on the source anyhow.
  const TopicState finished = topic(
      24, {{"cleanup.policy", "compact"}, {"message.timestamp.type", "CreateTime"},
           {"retention.bytes", "-1"}});
  EXPECT_FALSE(finalise(settings, kOrders, source, finished, defaults()));
}

TEST(TopicSync, WithoutConfigSyncATopicIsFinishedToTheTargetsDefaults) {
  FlowSettings settings = flow();
  settings.sync_topic_configs = false;
  const TopicState source = topic(1, {{"retention.ms", "5"}});
  const TopicState created = topic(1, creation_configs(source, defaults()));
  const auto finish = finalise(settings, kOrders, source, created, defaults());
  ASSERT_TRUE(finish);
  EXPECT_EQ(to_text(*finish),
            "topic orders: reset cleanup.policy (now delete), reset retention.bytes (now -1), "
            "reset retention.ms (now -1)");
  EXPECT_EQ(texts({{kOrders, source}}, {{kOrders, topic(1)}}, settings),
            std::vector<std::string>{"topic orders: left alone: retention.ms is 5 on the source, "
                                     "604800000 on the target"});
}

TEST(TopicSync, TimestampsAreTakenHoweverOldOrNew) {
  TargetDefaults target = defaults();
  target.known_configs.insert("message.timestamp.after.max.ms");
  target.known_configs.insert("message.timestamp.before.max.ms");
  target.values["message.timestamp.after.max.ms"] = "3600000";
  target.values["message.timestamp.before.max.ms"] = "9223372036854775807";
  const ConfigValues configs = creation_configs(topic(1), target);
  EXPECT_EQ(configs.at("message.timestamp.after.max.ms"), "9223372036854775807");
  EXPECT_FALSE(configs.contains("message.timestamp.before.max.ms"));
  // Of its own doing the mirror does not complain later on.
  const TopicState source =
      with(topic(1), "message.timestamp.after.max.ms", "3600000", ConfigSource::kDefault);
  EXPECT_EQ(texts({{kOrders, source}},
                  {{kOrders, topic(1, {{"message.timestamp.after.max.ms",
                                        "9223372036854775807"}})}}),
            std::vector<std::string>{});
}

TEST(TopicSync, PartitionsAreAddedAndNeverTaken) {
  EXPECT_EQ(texts({{kOrders, topic(6)}}, {{kOrders, topic(4)}}),
            std::vector<std::string>{"topic orders: add partitions: 6 instead of 4"});
  // Also while the topic is unfinished.
  EXPECT_EQ(texts({{kOrders, topic(6)}}, {{kOrders, topic(4)}}, flow(), {kOrders}).size(), 1U);
  const auto more = compare_topics(flow(), {{kOrders, topic(4)}}, {{kOrders, topic(6)}}, {});
  ASSERT_EQ(more.size(), 1U);
  EXPECT_TRUE(is_warning(more[0]));
  EXPECT_EQ(to_text(more[0]),
            "topic orders: has 6 partitions on the target, 4 on the source: the others stay "
            "empty");
}

TEST(TopicSync, ConfigsAreSetAndReset) {
  EXPECT_EQ(texts({{kOrders, topic(1, {{"retention.ms", "5"}})}},
                  {{kOrders, topic(1, {{"cleanup.policy", "compact"}})}}),
            std::vector<std::string>{"topic orders: reset cleanup.policy (now compact), set "
                                     "retention.ms=5"});
  // What the target has set to what the source has anyhow may stay.
  EXPECT_EQ(texts({{kOrders, topic(1)}}, {{kOrders, topic(1, {{"retention.ms", "604800000"}})}}),
            std::vector<std::string>{});
  // So may what the source does not even know.
  EXPECT_EQ(texts({{kOrders, topic(1)}},
                  {{kOrders, topic(1, {{"remote.storage.enable", "true"}})}}),
            std::vector<std::string>{});
}

TEST(TopicSync, WhatIsExcludedHeldBackOrUnknownIsToldOf) {
  const TopicState source = topic(1, {{"min.insync.replicas", "2"},
                                      {"message.timestamp.type", "LogAppendTime"},
                                      {"message.downconversion.enable", "false"}});
  const auto left = compare_topics(flow(), {{kOrders, source}}, {{kOrders, topic(1)}}, defaults());
  ASSERT_EQ(left.size(), 1U);
  EXPECT_TRUE(is_warning(left[0]));
  EXPECT_EQ(to_text(left[0]),
            "topic orders: left alone: message.downconversion.enable is false on the source, "
            "unknown or unset on the target; message.timestamp.type is LogAppendTime on the "
            "source, CreateTime on the target; min.insync.replicas is 2 on the source, 1 on the "
            "target");
  EXPECT_TRUE(final_configs(flow(), source, defaults(), std::nullopt).empty());
  EXPECT_TRUE(is_held_back("follower.replication.throttled.replicas"));
  EXPECT_FALSE(is_held_back("retention.ms"));
}

TEST(TopicSync, RoomForTheLargestBatchIsMadeAndNeverTaken) {
  // By the source's brokers, not by the topic.
  const TopicState larger =
      with(topic(1), "max.message.bytes", "5000000", ConfigSource::kStatic);
  EXPECT_EQ(texts({{kOrders, larger}}, {}),
            std::vector<std::string>{"topic orders: create with 1 partition, the target's "
                                     "default replication factor, max.message.bytes=5000000"});
  EXPECT_EQ(creation_configs(larger, defaults()).at("max.message.bytes"), "5000000");
  EXPECT_EQ(texts({{kOrders, larger}}, {{kOrders, topic(1)}}),
            std::vector<std::string>{"topic orders: set max.message.bytes=5000000"});
  EXPECT_EQ(texts({{kOrders, larger}}, {{kOrders, topic(1, {{"max.message.bytes", "9000000"}})}}),
            std::vector<std::string>{});
  const TopicState smaller = topic(1, {{"max.message.bytes", "1000"}});
  EXPECT_FALSE(creation_configs(smaller, defaults()).contains("max.message.bytes"));
  EXPECT_EQ(texts({{kOrders, smaller}}, {{kOrders, topic(1)}}),
            std::vector<std::string>{"topic orders: left alone: max.message.bytes is 1000 on the "
                                     "source, 1048588 on the target"});
  FlowSettings no_configs = flow();
  no_configs.sync_topic_configs = false;
  EXPECT_EQ(texts({{kOrders, larger}}, {{kOrders, topic(1)}}, no_configs),
            std::vector<std::string>{"topic orders: left alone: max.message.bytes is 5000000 on "
                                     "the source, 1048588 on the target"});
}

TEST(TopicSync, UnreadConfigsAreLeftAlone) {
  const TopicState unread{.partitions = 3};
  EXPECT_TRUE(texts({{kOrders, unread}}, {{kOrders, topic(3, {{"retention.ms", "5"}})}}).empty());
  EXPECT_TRUE(texts({{kOrders, topic(3, {{"retention.ms", "5"}})}}, {{kOrders, unread}}).empty());
  EXPECT_FALSE(finalise(flow(), kOrders, unread, topic(3, {{"retention.ms", "-1"}}), {}));
}

TEST(TopicSync, NamesCannotForgeALineAndJsonSaysItAll) {
  const auto differences = compare_topics(flow(), {{TopicName("a\nb"), topic(2)}}, {}, {});
  EXPECT_EQ(to_text(differences.at(0)),
            "topic a\\x0Ab: create with 2 partitions, the target's default replication factor");
  const auto configs = compare_topics(flow(), {{kOrders, topic(1, {{"retention.ms", "5"}})}},
                                      {{kOrders, topic(1, {{"cleanup.policy", "compact"}})}}, {});
  EXPECT_EQ(to_json(configs.at(0)), nlohmann::json::parse(R"({
      "kind": "configs", "warning": false, "source_topic": "orders", "target_topic": "orders",
      "configs": {"cleanup.policy": null, "retention.ms": "5"},
      "present_configs": {"cleanup.policy": "compact", "retention.ms": null},
      "text": "topic orders: reset cleanup.policy (now compact), set retention.ms=5"})"));
  const auto create = compare_topics(flow(), {{kOrders, topic(4)}}, {}, {});
  EXPECT_EQ(to_json(create.at(0)), nlohmann::json::parse(R"({
      "kind": "create", "warning": false, "source_topic": "orders", "target_topic": "orders",
      "partitions": 4, "target_partitions": 0, "replication_factor": -1,
      "text": "topic orders: create with 4 partitions, the target's default replication factor"
      })"));
}

TEST(TopicSync, OnlySelectedTopicsAreMirrored) {
  EXPECT_TRUE(is_mirrored(flow(), kOrders));
  EXPECT_FALSE(is_mirrored(flow(), TopicName("__consumer_offsets")));
  FlowSettings settings = flow();
  settings.topics.exclude.emplace_back("ord.*");
  EXPECT_FALSE(is_mirrored(settings, kOrders));
}

// Notes what it is asked for; fails for one topic.
class FakeChanger : public TopicChanger {
 public:
  Outcome create(const std::vector<kafkaio::NewTopic>& topics, const Wait&) override {
    kafkaio::ByTopic<void> results;
    for (const auto& topic : topics) {
      created[topic.name] = topic.configs;
      results.emplace(topic.name, Result<>());
    }
    results.at(TopicName("raced")) = std::unexpected(
        Error{ErrorKind::kFailed, "exists", "", kafkaio::kTopicAlreadyExistsCode});
    results.at(TopicName("refused")) = fail(ErrorKind::kNotAuthorised, "no");
    return results;
  }
  Outcome grow(const std::map<TopicName, int32_t>& partitions, const Wait&) override {
    grown = partitions;
    return kafkaio::ByTopic<void>{};
  }
  Outcome change_configs(const std::map<TopicName, kafkaio::ConfigChanges>&,
                         const Wait&) override {
    return fail(ErrorKind::kFailed, "nobody asked for that");
  }

  std::map<TopicName, ConfigValues> created;
  std::map<TopicName, int32_t> grown;
};

TEST(TopicSync, EachDifferenceHasItsOutcome) {
  const StopToken stop;
  const Wait wait(Deadline::after(Duration(1000)), stop);
  const TopicStates source{{TopicName("new"), topic(1)},     {TopicName("raced"), topic(1)},
                           {TopicName("refused"), topic(1)}, {TopicName("small"), topic(5)},
                           {TopicName("wide"), topic(1)}};
  const TopicStates target{{TopicName("small"), topic(2)}, {TopicName("wide"), topic(2)}};
  const auto differences = compare_topics(flow(), source, target, defaults());
  FakeChanger changer;
  const auto applied = apply(differences, changer, wait);
  ASSERT_TRUE(applied);
  ASSERT_EQ(applied->size(), 5U);
  EXPECT_TRUE(applied->at(0).outcome);
  EXPECT_TRUE(applied->at(1).outcome);
  EXPECT_EQ(applied->at(2).outcome.error().kind, ErrorKind::kNotAuthorised);
  EXPECT_FALSE(applied->at(3).outcome);  // it said nothing of it
  EXPECT_TRUE(applied->at(4).outcome);   // a warning
  EXPECT_EQ(changer.created.at(TopicName("new")).at("retention.ms"), "-1");
  EXPECT_EQ(changer.grown, (std::map<TopicName, int32_t>{{TopicName("small"), 5}}));

  NoTopicChanger dry;
  const auto nothing = apply(differences, dry, wait);
  ASSERT_TRUE(nothing);
  for (const AppliedDifference& one : *nothing) EXPECT_TRUE(one.outcome) << to_text(one.difference);
}

}  // namespace
}  // namespace kferry::replicate
