#include "kafkaio/topic_admin.h"

#include <array>

#include "kafkaio/topic_admin_impl.h"

namespace kferry::kafkaio {
namespace {

// A KRaft controller refuses a request that makes more than 10,000 records, of which each partition
// and each config is one (Kafka: QuorumController.MAX_RECORDS_PER_USER_OP).
constexpr int64_t kMostRecords = 2'000;
constexpr size_t kMostTopics = 200;
constexpr size_t kMostPartitions = 1'000;
constexpr int16_t kClusterDefault = -1;

constexpr const char* kCreateHint =
    "grant CREATE on the topics or on the cluster to kferry's principal";
constexpr const char* kAlterHint = "grant ALTER on the topics to kferry's principal";
constexpr const char* kDeleteHint = "grant DELETE on the topics to kferry's principal";

// Topics that together do not make too many records.
std::vector<std::vector<TopicName>> in_parts_by_weight(
    const std::map<TopicName, int64_t>& weights) {
  std::vector<std::vector<TopicName>> parts;
  int64_t weight = 0;
  for (const auto& [topic, its_weight] : weights) {
    if (parts.empty() || weight + its_weight > kMostRecords || parts.back().size() >= kMostTopics) {
      parts.emplace_back();
      weight = 0;
    }
    parts.back().push_back(topic);
    weight += its_weight;
  }
  return parts;
}

Result<NewTopicHandle> make_new_topic(const NewTopic& topic, const std::string& doing) {
  std::array<char, 512> text{};
  NewTopicHandle made(rd_kafka_NewTopic_new(topic.name.value().c_str(), topic.partitions,
                                            topic.replication_factor, text.data(), text.size()));
  if (!made)
    return fail(ErrorKind::kFailed, fmt::format("{} {}: {}", doing, topic.name, text.data()));
  for (const auto& [name, value] : topic.configs)
    rd_kafka_NewTopic_set_config(made.get(), name.c_str(), value.c_str());
  return made;
}

}  // namespace

TopicAdmin::TopicAdmin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TopicAdmin::~TopicAdmin() = default;
TopicAdmin::TopicAdmin(TopicAdmin&&) noexcept = default;
TopicAdmin& TopicAdmin::operator=(TopicAdmin&&) noexcept = default;

Result<TopicAdmin> TopicAdmin::connect(const ClientProperties& properties) {
  KFERRY_TRY(auto client, Client::open(RD_KAFKA_PRODUCER, properties));
  const bool ancient = properties.broker_version_fallback.has_value();
  return TopicAdmin(std::make_unique<Impl>(std::move(client), ancient));
}

ByTopic<void> TopicAdmin::Impl::read_topics(const rd_kafka_topic_result_t** topics, size_t count,
                                            const std::string& doing, const char* hint) const {
  ByTopic<void> results;
  for (size_t i = 0; i < count; ++i) {
    const char* const name = rd_kafka_topic_result_name(topics[i]);
    results.emplace(TopicName(name), outcome(rd_kafka_topic_result_error(topics[i]),
                                             fmt::format("{} {}", doing, name),
                                             rd_kafka_topic_result_error_string(topics[i]), hint));
  }
  return results;
}

Result<std::map<TopicName, int32_t>> TopicAdmin::partition_counts(const Wait& wait) {
  Client& client = *impl_->client;
  const std::string doing = fmt::format("listing the topics of {}", client.servers());
  KFERRY_CHECK(client.await_broker(wait));
  for (Duration slice = kStopLatency;; slice = std::min(slice * 2, Duration(2000))) {
    KFERRY_CHECK(wait.stop().check(doing));
    const Duration patience = std::max(std::min(slice, wait.deadline().remaining()), Duration(1));
    const rd_kafka_metadata_t* metadata = nullptr;
    // All topics: asking for one by its name could create it.
    const rd_kafka_resp_err_t code = rd_kafka_metadata(client.kafka(), 1, nullptr, &metadata,
                                                       static_cast<int>(patience.count()));
    const MetadataHandle owned(metadata);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::map<TopicName, int32_t> counts;
      for (int i = 0; i < metadata->topic_cnt; ++i)
        if (metadata->topics[i].partition_cnt > 0)
          counts[TopicName(metadata->topics[i].topic)] = metadata->topics[i].partition_cnt;
      return counts;
    }
    if (!is_transient(code) || wait.deadline().expired())
      return std::unexpected(client.error(code, doing));
  }
}

Result<ByTopic<void>> TopicAdmin::create(const std::vector<NewTopic>& topics, const Wait& wait) {
  const std::string doing = fmt::format("creating on {} topic", impl_->client->servers());
  std::map<TopicName, NewTopic> by_name;
  std::map<TopicName, int64_t> weights;
  for (const NewTopic& topic : topics) {
    by_name[topic.name] = topic;
    weights[topic.name] = topic.partitions + static_cast<int64_t>(topic.configs.size()) + 1;
  }
  const auto ask = [&](const std::vector<TopicName>& names) {
    std::vector<NewTopic> some;
    for (const TopicName& name : names) some.push_back(by_name.at(name));
    return impl_->create_once(some, doing, wait);
  };
  return ask_in_parts<void>(in_parts_by_weight(weights), wait, [&](const auto& names) {
    auto created = ask(names);
    // Before 2.4 (KIP-464) a broker has no default for this, but tells it.
    if (created || created.error().message.find("2.4") == std::string::npos) return created;
    if (auto told = impl_->with_default_replication(by_name, wait); !told)
      created = std::unexpected(std::move(told).error());
    else
      created = ask(names);
    return created;
  });
}

Result<ByTopic<void>> TopicAdmin::Impl::create_once(const std::vector<NewTopic>& topics,
                                                    const std::string& doing, const Wait& wait) {
  std::vector<NewTopicHandle> handles;
  for (const NewTopic& topic : topics) {
    KFERRY_TRY(NewTopicHandle handle, make_new_topic(topic, doing));
    handles.push_back(std::move(handle));
  }
  auto raw = pointers(handles);
  KFERRY_TRY(const EventHandle event,
             call.run(RD_KAFKA_ADMIN_OP_CREATETOPICS, RD_KAFKA_EVENT_CREATETOPICS_RESULT, doing,
                      wait, [&](const rd_kafka_AdminOptions_t* options) {
                        rd_kafka_CreateTopics(kafka(), raw.data(), raw.size(), options,
                                              client->queue());
                      }));
  size_t count = 0;
  const rd_kafka_topic_result_t** const results = rd_kafka_CreateTopics_result_topics(
      rd_kafka_event_CreateTopics_result(event.get()), &count);
  return read_topics(results, count, doing, kCreateHint);
}

Result<ByTopic<void>> TopicAdmin::grow(const std::map<TopicName, int32_t>& partitions,
                                       const Wait& wait) {
  const std::string doing =
      fmt::format("adding on {} partitions to topic", impl_->client->servers());
  std::map<TopicName, int64_t> weights;
  for (const auto& [topic, count] : partitions) weights[topic] = count;
  return ask_in_parts<void>(
      in_parts_by_weight(weights), wait,
      [&](const std::vector<TopicName>& names) -> Result<ByTopic<void>> {
        std::vector<NewPartitionsHandle> handles;
        std::array<char, 512> text{};
        for (const TopicName& name : names) {
          handles.emplace_back(rd_kafka_NewPartitions_new(
              name.value().c_str(), static_cast<size_t>(std::max(partitions.at(name), 0)),
              text.data(), text.size()));
          if (!handles.back())
            return fail(ErrorKind::kFailed, fmt::format("{} {}: {}", doing, name, text.data()));
        }
        auto raw = pointers(handles);
        KFERRY_TRY(const EventHandle event,
                   impl_->call.run(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
                                   RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT, doing, wait,
                                   [&](const rd_kafka_AdminOptions_t* options) {
                                     rd_kafka_CreatePartitions(impl_->kafka(), raw.data(),
                                                               raw.size(), options,
                                                               impl_->client->queue());
                                   }));
        size_t count = 0;
        const rd_kafka_topic_result_t** const results = rd_kafka_CreatePartitions_result_topics(
            rd_kafka_event_CreatePartitions_result(event.get()), &count);
        return impl_->read_topics(results, count, doing, kAlterHint);
      });
}

Result<ByTopic<void>> TopicAdmin::remove(const std::vector<TopicName>& topics, const Wait& wait) {
  const std::string doing = fmt::format("deleting on {} topic", impl_->client->servers());
  return ask_in_parts<void>(
      in_parts(topics, kMostTopics), wait,
      [&](const std::vector<TopicName>& names) -> Result<ByTopic<void>> {
        std::vector<DeleteTopicHandle> handles;
        for (const TopicName& name : names)
          handles.emplace_back(rd_kafka_DeleteTopic_new(name.value().c_str()));
        auto raw = pointers(handles);
        KFERRY_TRY(const EventHandle event,
                   impl_->call.run(RD_KAFKA_ADMIN_OP_DELETETOPICS,
                                   RD_KAFKA_EVENT_DELETETOPICS_RESULT, doing, wait,
                                   [&](const rd_kafka_AdminOptions_t* options) {
                                     rd_kafka_DeleteTopics(impl_->kafka(), raw.data(), raw.size(),
                                                           options, impl_->client->queue());
                                   }));
        size_t count = 0;
        const rd_kafka_topic_result_t** const results = rd_kafka_DeleteTopics_result_topics(
            rd_kafka_event_DeleteTopics_result(event.get()), &count);
        return impl_->read_topics(results, count, doing, kDeleteHint);
      });
}

Result<std::map<TopicPartition, Result<Offset>>> TopicAdmin::delete_records(
    const std::map<TopicPartition, Offset>& before, const Wait& wait) {
  const std::string doing = fmt::format("deleting on {} records of", impl_->client->servers());
  for (const auto& [partition, offset] : before)
    if (offset < Offset(0))
      return fail(ErrorKind::kUsage,
                  fmt::format("{} {}: before offset {}", doing, partition, offset));
  return ask_in_parts<Offset>(
      in_parts(keys_of(before), kMostPartitions), wait,
      [&](const std::vector<TopicPartition>& partitions) {
        std::map<TopicPartition, Offset> some;
        for (const TopicPartition& partition : partitions)
          some.emplace(partition, before.at(partition));
        return impl_->delete_once(some, doing, wait);
      });
}

Result<std::map<TopicPartition, Result<Offset>>> TopicAdmin::Impl::delete_once(
    const std::map<TopicPartition, Offset>& before, const std::string& doing, const Wait& wait) {
  const PartitionsHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(before.size())));
  for (const auto& [partition, offset] : before)
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.value().c_str(),
                                      partition.partition.value())
        ->offset = offset.value();
  const DeleteRecordsHandle request(rd_kafka_DeleteRecords_new(list.get()));
  rd_kafka_DeleteRecords_t* requests = request.get();
  KFERRY_TRY(const EventHandle event,
             call.run(RD_KAFKA_ADMIN_OP_DELETERECORDS, RD_KAFKA_EVENT_DELETERECORDS_RESULT, doing,
                      wait, [&](const rd_kafka_AdminOptions_t* options) {
                        rd_kafka_DeleteRecords(kafka(), &requests, 1, options, client->queue());
                      }));
  const rd_kafka_topic_partition_list_t* const offsets = rd_kafka_DeleteRecords_result_offsets(
      rd_kafka_event_DeleteRecords_result(event.get()));
  std::map<TopicPartition, Result<Offset>> results;
  for (int i = 0; offsets != nullptr && i < offsets->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = offsets->elems[i];
    const TopicPartition partition{TopicName(one.topic), Partition(one.partition)};
    Result<Offset> start = Offset(one.offset);
    if (auto done = outcome(one.err, fmt::format("{} {} before offset {}", doing, partition,
                                                 before.at(partition)),
                            nullptr, kDeleteHint);
        !done)
      start = std::unexpected(std::move(done).error());
    results.emplace(partition, std::move(start));
  }
  return results;
}

}  // namespace kferry::kafkaio
