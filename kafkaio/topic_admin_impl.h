// What the two halves of TopicAdmin share. Internal to kafkaio/.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kafkaio/admin_call.h"
#include "kafkaio/client.h"
#include "kafkaio/topic_admin.h"

namespace kferry::kafkaio {

struct TopicAdmin::Impl {
  Impl(std::unique_ptr<Client> opened, bool of_ancient_brokers)
      : client(std::move(opened)), call(*client), ancient(of_ancient_brokers) {}

  std::unique_ptr<Client> client;  // a producer: nothing that concerns groups
  AdminCall call;
  // Before 0.10 nobody says who the controller is, and librdkafka would wait for that.
  bool ancient;

  rd_kafka_t* kafka() const { return client->kafka(); }

  // Nothing for RD_KAFKA_RESP_ERR_NO_ERROR. `hint`: what to do when it was denied.
  Result<> outcome(rd_kafka_resp_err_t code, const std::string& doing, const char* said,
                   const char* hint) const {
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    Error error = to_error(code, doing, said == nullptr ? "" : said);
    if (error.kind == ErrorKind::kNotAuthorised) error.hint = hint;
    return std::unexpected(std::move(error));
  }

  // topic_admin.cc
  ByTopic<void> read_topics(const rd_kafka_topic_result_t** topics, size_t count,
                            const std::string& doing, const char* hint) const;
  Result<ByTopic<void>> create_once(const std::vector<NewTopic>& topics, const std::string& doing,
                                    const Wait& wait);
  Result<std::map<TopicPartition, Result<Offset>>> delete_once(
      const std::map<TopicPartition, Offset>& before, const std::string& doing, const Wait& wait);

  // topic_configs.cc
  // Puts the cluster's default into the topics that ask for it.
  Result<> with_default_replication(std::map<TopicName, NewTopic>& topics, const Wait& wait);
  // By the names of topics, or the one of a broker.
  Result<std::map<std::string, Result<Configs>>> describe(rd_kafka_ResourceType_t type,
                                                          const std::vector<std::string>& names,
                                                          const std::string& doing,
                                                          const Wait& wait);
  Result<ByTopic<void>> alter_once(const std::map<TopicName, ConfigValues>& configs,
                                   const std::string& doing, const Wait& wait);
};

// Parts of at most `most` items, at least one item each.
template <class T>
std::vector<std::vector<T>> in_parts(const std::vector<T>& items, size_t most) {
  std::vector<std::vector<T>> parts;
  for (const T& item : items) {
    if (parts.empty() || parts.back().size() == most) parts.emplace_back();
    parts.back().push_back(item);
  }
  return parts;
}

template <class Map>
std::vector<typename Map::key_type> keys_of(const Map& map) {
  std::vector<typename Map::key_type> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

}  // namespace kferry::kafkaio
