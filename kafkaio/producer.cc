#include "kafkaio/producer.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "kafkaio/client.h"
#include "kafkaio/errors.h"

namespace kferry::kafkaio {
namespace {

using Ticket = uint64_t;  // of a record, rising in the order of the calls

// What put() waits for.
struct Delivery {
  std::optional<Result<Offset>> outcome = {};
};

std::string doing_write(const std::string& servers, const TopicPartition& where) {
  return fmt::format("writing to {} on {}", where, servers);
}

}  // namespace

struct Producer::Impl {
  std::unique_ptr<Client> client;  // but for producing, the thread's alone

  std::mutex mutex;  // guards the next six
  std::condition_variable changed;
  std::map<Ticket, Delivery*> unconfirmed;  // null: nobody waits for this one alone
  Ticket next_ticket = 1;
  std::optional<Error> failure;  // the first that flush() has to tell
  int64_t more_failures = 0;
  std::optional<Error> trouble;  // why nothing may come

  std::jthread thread;  // last, so that it ends first

  void take_confirmations(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const EventHandle event = client->poll(kStopLatency);
      if (!event) {
        const Error late = client->error(RD_KAFKA_RESP_ERR__TIMED_OUT,
                                         fmt::format("writing to {}", client->servers()),
                                         "the records have not been confirmed in time");
        const std::lock_guard lock(mutex);
        trouble = late;
        continue;
      }
      if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_DR) continue;
      const std::lock_guard lock(mutex);
      while (const rd_kafka_message_t* const message = rd_kafka_event_message_next(event.get()))
        settle(*message);
      changed.notify_all();
    }
  }

  // Under the lock.
  void settle(const rd_kafka_message_t& message) {
    const auto found = unconfirmed.find(reinterpret_cast<uintptr_t>(message._private));
    if (found == unconfirmed.end()) return;
    Result<Offset> outcome = Offset(message.offset);
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) outcome = std::unexpected(failed(message));
    if (Delivery* const waiting = found->second) {
      waiting->outcome = std::move(outcome);
    } else if (!outcome) {
      if (failure)
        ++more_failures;
      else
        failure = std::move(outcome).error();
    }
    unconfirmed.erase(found);
  }

  Error failed(const rd_kafka_message_t& message) const {
    const TopicPartition where{TopicName(rd_kafka_topic_name(message.rkt)),
                               Partition(message.partition)};
    const std::string doing = doing_write(client->servers(), where);
    std::array<char, 512> text{};
    const rd_kafka_resp_err_t fatal =
        rd_kafka_fatal_error(client->kafka(), text.data(), text.size());
    Error error = fatal != RD_KAFKA_RESP_ERR_NO_ERROR ? to_error(fatal, doing, text.data())
                                                      : client->error(message.err, doing);
    if (error.kind == ErrorKind::kNotAuthorised)
      error.hint = "grant WRITE on the topic to kferry's principal, and before Kafka 2.8 "
                   "IDEMPOTENT_WRITE on the cluster";
    return error;
  }

  // Until `done()`, which is called under `lock`; false when `wait` is over before.
  template <class Done>
  Result<bool> wait_until(std::unique_lock<std::mutex>& lock, const Wait& wait, Done&& done) {
    while (!done()) {
      KFERRY_CHECK(wait.stop().check(fmt::format("writing to {}", client->servers())));
      if (wait.deadline().expired()) return false;
      changed.wait_for(lock, std::min(wait.deadline().remaining(), kStopLatency) + Duration(1));
    }
    return true;
  }

  // Under the lock.
  Error late(std::string_view what) const {
    Error error = trouble ? *trouble
                          : to_error(RD_KAFKA_RESP_ERR__TIMED_OUT,
                                     fmt::format("writing to {}", client->servers()));
    error.message = fmt::format("{}; {}", error.message, what);
    return error;
  }

  rd_kafka_resp_err_t produce(const TopicPartition& where, const std::string& key,
                              const std::optional<std::string>& value, Ticket ticket) const {
    // librdkafka wants pointers without const, and copies what they point to.
    auto* const data = value ? const_cast<char*>(value->data()) : nullptr;
    const size_t size = value ? value->size() : 0;
    return rd_kafka_producev(
        client->kafka(), RD_KAFKA_V_TOPIC(where.topic.value().c_str()),
        RD_KAFKA_V_PARTITION(where.partition.value()), RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_VALUE(data, size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_OPAQUE(reinterpret_cast<void*>(static_cast<uintptr_t>(ticket))), RD_KAFKA_V_END);
  }

  // Under the lock, so that the order of tickets is that of the records.
  Result<Ticket> enqueue(std::unique_lock<std::mutex>& lock, const TopicPartition& where,
                         const std::string& key, const std::optional<std::string>& value,
                         Delivery* delivery, const Wait& wait) {
    const Ticket ticket = next_ticket++;
    unconfirmed.emplace(ticket, delivery);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    const auto room = wait_until(lock, wait, [&] {
      code = produce(where, key, value, ticket);
      return code != RD_KAFKA_RESP_ERR__QUEUE_FULL;
    });
    if (room && *room && code == RD_KAFKA_RESP_ERR_NO_ERROR) return ticket;
    unconfirmed.erase(ticket);
    changed.notify_all();
    if (!room) return std::unexpected(room.error());
    if (!*room) return std::unexpected(late("the queue is full"));
    std::array<char, 512> text{};
    if (code == RD_KAFKA_RESP_ERR__FATAL)
      code = rd_kafka_fatal_error(client->kafka(), text.data(), text.size());
    return std::unexpected(to_error(code, doing_write(client->servers(), where), text.data()));
  }
};

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::~Producer() = default;
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;

Result<Producer> Producer::open(const ClientProperties& properties) {
  std::map<std::string, std::string> settings{{"enable.idempotence", "true"},
                                              {"acks", "all"},
                                              {"queue.buffering.max.messages", "10000"},
                                              {"queue.buffering.max.kbytes", "65536"}};
  if (!properties.properties.contains("message.timeout.ms"))
    settings["message.timeout.ms"] = "60000";
  auto impl = std::make_unique<Impl>();
  KFERRY_TRY(impl->client,
             Client::open(RD_KAFKA_PRODUCER, properties, settings, RD_KAFKA_EVENT_DR));
  impl->thread = std::jthread(
      [one = impl.get()](const std::stop_token& stop) { one->take_confirmations(stop); });
  return Producer(std::move(impl));
}

Result<> Producer::send(const TopicPartition& where, const std::string& key,
                        const std::optional<std::string>& value, const Wait& wait) {
  std::unique_lock lock(impl_->mutex);
  KFERRY_CHECK(impl_->enqueue(lock, where, key, value, nullptr, wait));
  return {};
}

Result<> Producer::flush(const Wait& wait) {
  std::unique_lock lock(impl_->mutex);
  const Ticket last = impl_->next_ticket;
  const auto none_left = [&] {
    return impl_->unconfirmed.empty() || impl_->unconfirmed.begin()->first >= last;
  };
  KFERRY_TRY(const bool confirmed, impl_->wait_until(lock, wait, none_left));
  if (impl_->failure) {
    Error error = *std::exchange(impl_->failure, std::nullopt);
    if (const int64_t more = std::exchange(impl_->more_failures, 0); more > 0)
      error.message += fmt::format("; so did {} more", more);
    return std::unexpected(std::move(error));
  }
  if (!confirmed)
    return std::unexpected(
        impl_->late(fmt::format("{} records are not confirmed yet", impl_->unconfirmed.size())));
  return {};
}

Result<Offset> Producer::put(const TopicPartition& where, const std::string& key,
                             const std::optional<std::string>& value, const Wait& wait) {
  Delivery delivery;
  std::unique_lock lock(impl_->mutex);
  KFERRY_TRY(const Ticket ticket, impl_->enqueue(lock, where, key, value, &delivery, wait));
  const auto settled =
      impl_->wait_until(lock, wait, [&] { return delivery.outcome.has_value(); });
  if (delivery.outcome) return *std::move(delivery.outcome);
  impl_->unconfirmed[ticket] = nullptr;  // `delivery` ends here
  if (!settled) return std::unexpected(settled.error());
  return std::unexpected(impl_->late(fmt::format("a record to {} is not confirmed yet", where)));
}

}  // namespace kferry::kafkaio
