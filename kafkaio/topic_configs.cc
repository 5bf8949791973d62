// TopicAdmin's configs.
#include <charconv>

#include "kafkaio/topic_admin_impl.h"

namespace kferry::kafkaio {
namespace {

constexpr size_t kMostTopics = 200;
constexpr const char* kDescribeHint = "grant DESCRIBE_CONFIGS on the topics to kferry's principal";
constexpr const char* kNoConfigs = "Kafka before 0.11 does not tell them";
constexpr const char* kDescribeBrokerHint =
    "grant DESCRIBE_CONFIGS on the cluster to kferry's principal";
constexpr const char* kAlterHint = "grant ALTER_CONFIGS on the topics to kferry's principal";

ConfigSource source_of(const rd_kafka_ConfigEntry_t* entry) {
  switch (rd_kafka_ConfigEntry_source(entry)) {
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG:
      return ConfigSource::kTopic;
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG:
      return ConfigSource::kBroker;
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG:
      return ConfigSource::kClusterDefault;
    case RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG:
      return ConfigSource::kStatic;
    case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG:
      return ConfigSource::kDefault;
    default:
      return ConfigSource::kUnknown;
  }
}

Configs read_configs(const rd_kafka_ConfigResource_t* resource) {
  size_t count = 0;
  const rd_kafka_ConfigEntry_t** const entries = rd_kafka_ConfigResource_configs(resource, &count);
  Configs configs;
  for (size_t i = 0; i < count; ++i) {
    ConfigEntry entry{.value = std::nullopt,
                      .source = source_of(entries[i]),
                      .sensitive = rd_kafka_ConfigEntry_is_sensitive(entries[i]) == 1,
                      .read_only = rd_kafka_ConfigEntry_is_read_only(entries[i]) == 1};
    const char* const value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value != nullptr && !entry.sensitive) entry.value = value;
    // Brokers before 1.1: of a topic's values, those that are no defaults are its own.
    if (entry.source == ConfigSource::kUnknown &&
        rd_kafka_ConfigEntry_is_default(entries[i]) == 0 &&
        rd_kafka_ConfigResource_type(resource) == RD_KAFKA_RESOURCE_TOPIC)
      entry.source = ConfigSource::kTopic;
    configs.emplace(rd_kafka_ConfigEntry_name(entries[i]), std::move(entry));
  }
  return configs;
}

std::string text_of(const char* text) {
  return text == nullptr ? "" : text;
}

}  // namespace

Result<std::map<std::string, Result<Configs>>> TopicAdmin::Impl::describe(
    rd_kafka_ResourceType_t type, const std::vector<std::string>& names, const std::string& doing,
    const Wait& wait) {
  std::vector<ConfigResourceHandle> handles;
  for (const std::string& name : names)
    handles.emplace_back(rd_kafka_ConfigResource_new(type, name.c_str()));
  auto raw = pointers(handles);
  KFERRY_TRY(const EventHandle event,
             call.run(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT,
                      doing, wait, [&](const rd_kafka_AdminOptions_t* options) {
                        rd_kafka_DescribeConfigs(kafka(), raw.data(), raw.size(), options,
                                                 client->queue());
                      }));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** const resources = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  std::map<std::string, Result<Configs>> results;
  for (size_t i = 0; i < count; ++i) {
    const std::string name = text_of(rd_kafka_ConfigResource_name(resources[i]));
    Result<> done =
        outcome(rd_kafka_ConfigResource_error(resources[i]), fmt::format("{} {}", doing, name),
                rd_kafka_ConfigResource_error_string(resources[i]),
                type == RD_KAFKA_RESOURCE_TOPIC ? kDescribeHint : kDescribeBrokerHint);
    Result<Configs> configs;
    if (done)
      configs = read_configs(resources[i]);
    else
      configs = std::unexpected(std::move(done).error());
    results.emplace(name, std::move(configs));
  }
  return results;
}

Result<ByTopic<Configs>> TopicAdmin::configs(const std::vector<TopicName>& topics,
                                             const Wait& wait) {
  const std::string doing =
      fmt::format("reading from {} the configs of topic", impl_->client->servers());
  return ask_in_parts<Configs>(
      in_parts(topics, kMostTopics), wait,
      [&](const std::vector<TopicName>& some) -> Result<ByTopic<Configs>> {
        std::vector<std::string> names;
        for (const TopicName& topic : some) names.push_back(topic.value());
        ByTopic<Configs> results;
        const auto none = [&] {
          for (const TopicName& topic : some)
            results.emplace(topic, fail(ErrorKind::kFailed, kNoConfigs));
          return results;
        };
        if (impl_->ancient) return none();
        auto described = impl_->describe(RD_KAFKA_RESOURCE_TOPIC, names, doing, wait);
        if (!described && described.error().kafka_code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION)
          return none();
        if (!described) return std::unexpected(std::move(described).error());
        for (auto& [name, configs] : *described) results.emplace(name, std::move(configs));
        return results;
      });
}

Result<Configs> TopicAdmin::broker_configs(BrokerId broker, const Wait& wait) {
  const std::string doing =
      fmt::format("reading from {} the configs of broker", impl_->client->servers());
  const std::vector<std::vector<std::string>> one{{fmt::to_string(broker.value())}};
  KFERRY_TRY(auto results,
             ask_in_parts<Configs>(one, wait, [&](const std::vector<std::string>& names) {
               return impl_->describe(RD_KAFKA_RESOURCE_BROKER, names, doing, wait);
             }));
  if (results.empty())
    return fail(ErrorKind::kFailed, fmt::format("{} {}: no answer", doing, broker));
  return std::move(results.begin()->second);
}

Result<Configs> TopicAdmin::any_broker_configs(const Wait& wait) {
  KFERRY_TRY(const BrokerId broker, impl_->client->find_broker(wait));
  return broker_configs(broker, wait);
}

Result<> TopicAdmin::Impl::with_default_replication(std::map<TopicName, NewTopic>& topics,
                                                    const Wait& wait) {
  const std::string doing = fmt::format("reading from {} the configs of broker", client->servers());
  KFERRY_TRY(const BrokerId broker, client->find_broker(wait));
  KFERRY_TRY(auto described,
             describe(RD_KAFKA_RESOURCE_BROKER, {fmt::to_string(broker.value())}, doing, wait));
  int16_t factor = 1;  // Kafka's own default
  for (auto& [name, configs] : described) {
    if (!configs) return std::unexpected(std::move(configs).error());
    const auto found = configs->find("default.replication.factor");
    if (found == configs->end() || !found->second.value) continue;
    const std::string& text = *found->second.value;
    std::from_chars(text.data(), text.data() + text.size(), factor);
  }
  for (auto& [name, topic] : topics)
    if (topic.replication_factor < 0) topic.replication_factor = factor;
  return {};
}

Result<ByTopic<void>> TopicAdmin::Impl::alter_once(const std::map<TopicName, ConfigValues>& configs,
                                                   const std::string& doing, const Wait& wait) {
  std::vector<ConfigResourceHandle> handles;
  for (const auto& [topic, values] : configs) {
    handles.emplace_back(
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.value().c_str()));
    for (const auto& [name, value] : values)
      rd_kafka_ConfigResource_set_config(handles.back().get(), name.c_str(), value.c_str());
  }
  auto raw = pointers(handles);
  KFERRY_TRY(const EventHandle event,
             call.run(RD_KAFKA_ADMIN_OP_ALTERCONFIGS, RD_KAFKA_EVENT_ALTERCONFIGS_RESULT, doing,
                      wait, [&](const rd_kafka_AdminOptions_t* options) {
                        rd_kafka_AlterConfigs(kafka(), raw.data(), raw.size(), options,
                                              client->queue());
                      }));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** const resources = rd_kafka_AlterConfigs_result_resources(
      rd_kafka_event_AlterConfigs_result(event.get()), &count);
  ByTopic<void> results;
  for (size_t i = 0; i < count; ++i) {
    const std::string name = text_of(rd_kafka_ConfigResource_name(resources[i]));
    results.emplace(
        TopicName(name),
        outcome(rd_kafka_ConfigResource_error(resources[i]), fmt::format("{} {}", doing, name),
                rd_kafka_ConfigResource_error_string(resources[i]), kAlterHint));
  }
  return results;
}

Result<ByTopic<void>> TopicAdmin::replace_configs(const std::map<TopicName, ConfigValues>& configs,
                                                  const Wait& wait) {
  const std::string doing =
      fmt::format("changing on {} the configs of topic", impl_->client->servers());
  return ask_in_parts<void>(in_parts(keys_of(configs), kMostTopics), wait,
                            [&](const std::vector<TopicName>& topics) {
                              std::map<TopicName, ConfigValues> some;
                              for (const TopicName& topic : topics)
                                some.emplace(topic, configs.at(topic));
                              return impl_->alter_once(some, doing, wait);
                            });
}

Result<ByTopic<void>> TopicAdmin::change_configs(const std::map<TopicName, ConfigChanges>& changes,
                                                 const Wait& wait) {
  KFERRY_TRY(const ByTopic<Configs> present, configs(keys_of(changes), wait));
  ByTopic<void> results;
  std::map<TopicName, ConfigValues> wanted;
  for (const auto& [topic, configs] : present) {
    if (!configs) {
      results.emplace(topic, std::unexpected(configs.error()));
      continue;
    }
    ConfigValues before;
    bool hidden = false;
    for (const auto& [name, entry] : *configs) {
      if (entry.source != ConfigSource::kTopic) continue;
      hidden = hidden || !entry.value;
      if (entry.value) before[name] = *entry.value;
    }
    if (hidden) {
      results.emplace(topic, fail(ErrorKind::kRefused,
                                  fmt::format("changing on {} the configs of topic {}: it has a "
                                              "value that cannot be read and would be lost",
                                              impl_->client->servers(), topic),
                                  "change the topic's configs with kafka-configs.sh"));
      continue;
    }
    ConfigValues after = before;
    for (const auto& [name, value] : changes.at(topic)) {
      if (value)
        after[name] = *value;
      else
        after.erase(name);
    }
    if (after == before)
      results.emplace(topic, Result<>());
    else
      wanted.emplace(topic, std::move(after));
  }
  if (wanted.empty()) return results;
  KFERRY_TRY(ByTopic<void> replaced, replace_configs(wanted, wait));
  results.merge(replaced);
  return results;
}

}  // namespace kferry::kafkaio
