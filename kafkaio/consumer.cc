#include "kafkaio/consumer.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "kafkaio/admin.h"
#include "kafkaio/client.h"
#include "kafkaio/errors.h"

namespace kferry::kafkaio {
namespace {

// How long a new topic may be unknown to brokers.
constexpr Duration kPropagation{10'000};

std::string to_text(const void* data, size_t size) {
  return size == 0 ? std::string() : std::string(static_cast<const char*>(data), size);
}

std::optional<std::string> to_optional(const void* data, size_t size) {
  if (data == nullptr) return std::nullopt;
  return to_text(data, size);
}

TopicPartition partition_of(const rd_kafka_message_t& message) {
  return {TopicName(rd_kafka_topic_name(message.rkt)), Partition(message.partition)};
}

Record to_record(const rd_kafka_message_t& message) {
  Record record{.partition = partition_of(message), .offset = Offset(message.offset)};
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t timestamp_ms = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) record.timestamp_ms = timestamp_ms;
  record.key = to_optional(message.key, message.key_len);
  record.value = to_optional(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    record.headers.emplace_back(name, to_optional(value, size));
  return record;
}

}  // namespace

struct Consumer::Impl {
  Positions start;
  Positions positions;
  std::set<TopicPartition> not_at_end;
  std::unique_ptr<Client> client;
  std::map<TopicName, TopicHandle> topics;
  std::vector<TopicPartition> started;
  QueueHandle records;
  std::optional<Error> trouble;  // told by the next poll(), after the records that came before it
  bool connected = false;

  ~Impl() {
    for (const auto& [topic, partition] : started)
      rd_kafka_consume_stop(topics.at(topic).get(), partition.value());
  }

  std::string doing() const { return fmt::format("reading records from {}", client->servers()); }

  Result<> begin(const TopicPartition& partition, Offset offset) {
    TopicHandle& topic = topics[partition.topic];
    if (!topic)
      topic.reset(rd_kafka_topic_new(client->kafka(), partition.topic.value().c_str(), nullptr));
    if (!topic || rd_kafka_consume_start_queue(topic.get(), partition.partition.value(),
                                               offset.value(), records.get()) != 0)
      return std::unexpected(
          client->error(rd_kafka_last_error(), fmt::format("{}, {}", doing(), partition)));
    started.push_back(partition);
    return {};
  }

  // Adds the event's record to `into`, or notes what it says instead.
  Result<> take(rd_kafka_event_t* event, std::vector<Record>& into) {
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH) {
      while (const rd_kafka_message_t* const message = rd_kafka_event_message_next(event)) {
        into.push_back(to_record(*message));
        positions[into.back().partition] = Offset(message->offset + 1);
        not_at_end.insert(into.back().partition);
      }
      return {};
    }
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR) return {};
    const rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const PartitionHandle where(rd_kafka_event_topic_partition(event));
    if (!where) return {};  // not of these records; Client hears of it too
    const TopicPartition partition{TopicName(where->topic), Partition(where->partition)};
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      positions[partition] = Offset(where->offset);
      not_at_end.erase(partition);
      return {};
    }
    if (is_transient(code)) return {};  // librdkafka goes on by itself
    return std::unexpected(client->error(
        code, fmt::format("{}, {} from offset {}", doing(), partition, positions[partition]),
        rd_kafka_event_error_string(event)));
  }
};

Consumer::Consumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Consumer::~Consumer() = default;
Consumer::Consumer(Consumer&&) noexcept = default;
Consumer& Consumer::operator=(Consumer&&) noexcept = default;

const Consumer::Positions& Consumer::start() const {
  return impl_->start;
}
const Consumer::Positions& Consumer::positions() const {
  return impl_->positions;
}
bool Consumer::at_end() const {
  return impl_->not_at_end.empty();
}

Result<Consumer::Positions> Consumer::end_offsets(const Wait& wait) const {
  const std::string doing = fmt::format("asking {} for the ends of logs", impl_->client->servers());
  KFERRY_CHECK(impl_->client->await_broker(wait));
  const Deadline propagation = Deadline::after(kPropagation);
  const PartitionsHandle list(
      rd_kafka_topic_partition_list_new(static_cast<int>(impl_->start.size())));
  for (Duration slice = kStopLatency;; slice = std::min(slice * 2, Duration(2000))) {
    KFERRY_CHECK(wait.stop().check(doing));
    rd_kafka_topic_partition_list_t& all = *list;
    all.cnt = 0;
    for (const auto& [partition, offset] : impl_->start)
      rd_kafka_topic_partition_list_add(&all, partition.topic.value().c_str(),
                                        partition.partition.value())
          ->offset = RD_KAFKA_OFFSET_END;
    const Duration patience = std::max(std::min(slice, wait.deadline().remaining()), Duration(1));
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(impl_->client->kafka(), &all,
                                                          static_cast<int>(patience.count()));
    Positions ends;
    std::string where;
    for (int i = 0; i < all.cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      const rd_kafka_topic_partition_t& one = all.elems[i];
      const TopicPartition partition{TopicName(one.topic), Partition(one.partition)};
      code = one.err;
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) where = fmt::format(", {}", partition);
      ends[partition] = Offset(one.offset);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return ends;
    // A topic that was created a moment ago is not known to every broker yet.
    const bool may_come = code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && !propagation.expired();
    if ((!is_transient(code) && !may_come) || wait.deadline().expired())
      return std::unexpected(impl_->client->error(code, doing + where));
    if (code != RD_KAFKA_RESP_ERR__TIMED_OUT) wait.stop().sleep_for(kStopLatency);
  }
}

Result<Consumer> Consumer::open(const ClientProperties& properties, const Positions& start) {
  // Without a group.id: librdkafka's simple consumer, which needs no coordinator and no right to a
  // group.
  std::map<std::string, std::string> settings{{"group.id", ""},
                                              {"auto.offset.reset", "error"},
                                              {"enable.auto.commit", "false"},
                                              {"enable.partition.eof", "true"},
                                              // How long a missing topic is waited for.
                                              {"topic.metadata.propagation.max.ms", "1000"},
                                              {"check.crcs", "true"}};
  // The end of a log is seen by an empty answer: no later than after this.
  if (!properties.properties.contains("fetch.wait.max.ms")) settings["fetch.wait.max.ms"] = "100";
  auto impl = std::make_unique<Impl>();
  KFERRY_TRY(impl->client, Client::open(RD_KAFKA_CONSUMER, properties, settings));
  impl->records.reset(rd_kafka_queue_new(impl->client->kafka()));
  impl->start = start;
  impl->positions = start;
  for (const auto& [partition, offset] : start) {
    KFERRY_CHECK(impl->begin(partition, offset));
    impl->not_at_end.insert(partition);
  }
  return Consumer(std::move(impl));
}

Result<Consumer> Consumer::open_committed(const ClientProperties& properties, const GroupId& group,
                                          const std::vector<TopicPartition>& partitions,
                                          const Wait& wait) {
  KFERRY_TRY(Admin admin, Admin::connect(properties));
  KFERRY_TRY(const Admin::OffsetsByGroup committed,
             admin.committed_offsets({{group, partitions}}, wait));
  const Result<Admin::Offsets>& offsets = committed.at(group);
  if (!offsets) return std::unexpected(offsets.error());
  return open(properties, *offsets);
}

Result<std::vector<Record>> Consumer::poll(size_t most, const Wait& wait) {
  std::vector<Record> read;
  const bool was_at_end = at_end();
  if (impl_->trouble) return std::unexpected(*impl_->trouble);
  if (!impl_->connected) {
    KFERRY_CHECK(impl_->client->await_broker(wait));
    impl_->connected = true;
  }
  do {
    KFERRY_CHECK(wait.stop().check(impl_->doing()));
    Duration patience = std::min(wait.deadline().remaining(), kStopLatency);
    std::optional<Error> missing;  // one of the partitions of a topic is like the others
    while (read.size() < most) {
      const EventHandle event(
          rd_kafka_queue_poll(impl_->records.get(), static_cast<int>(patience.count())));
      if (!event) break;
      if (auto taken = impl_->take(event.get(), read);
          !taken && taken.error().kafka_code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        missing = std::move(taken).error();
      } else if (!taken) {
        impl_->trouble = std::move(taken).error();
        if (read.empty()) return std::unexpected(*impl_->trouble);
        return read;
      }
      patience = Duration(0);  // what else is there already
    }
    if (missing && read.empty()) return std::unexpected(std::move(*missing));
  } while (read.empty() && !wait.deadline().expired() && (was_at_end || !at_end()));
  return read;
}

}  // namespace kferry::kafkaio
