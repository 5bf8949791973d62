#include "kafkaio/group_member.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/log.h"
#include "kafkaio/client.h"
#include "kafkaio/errors.h"

namespace kferry::kafkaio {
namespace {

// A session must survive two heartbeats that come late (Kafka: a third of the session timeout).
constexpr int64_t kHeartbeatsPerSession = 3;

// librdkafka's own word for what it says as an error but that needs nobody's attention.
bool passes_by_itself(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__PARTITION_EOF || code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED ||
         code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
}

constexpr Duration kFarewell{3'000};
constexpr Duration kSettle{2'000};
constexpr int kQuietPolls = 2;

}  // namespace

struct GroupMember::Impl {
  Options options;
  Callbacks callbacks;
  std::unique_ptr<Client> client;
  Slots slots;
  std::optional<Error> trouble;
  bool left = false;
  bool was_assigned = false;  // slots, or none

  // librdkafka before 2.3 ends the process when a member of a cooperative group is destroyed
  // between its JoinGroup and its first assignment (its issue 4312). Such a one stays behind.
  ~Impl() {
    if (!client) return;
    callbacks = {};
    if (!left) leave(Wait::uninterruptible(kFarewell));  // whatever it says: nobody could act
    forward_to(nullptr);
    if (!was_assigned) (void)client.release();
  }

  // Where what concerns the group is told.
  void forward_to(rd_kafka_queue_t* queue) const {
    if (!client) return;
    const QueueHandle consumer(rd_kafka_queue_get_consumer(client->kafka()));
    if (consumer) rd_kafka_queue_forward(consumer.get(), queue);
  }

  std::string doing() const {
    return fmt::format("being a member of group '{}' with topic {} on {}", options.group,
                       options.topic, client->servers());
  }

  Slots slots_in(const rd_kafka_topic_partition_list_t* list) const {
    Slots found;
    for (int i = 0; list != nullptr && i < list->cnt; ++i)
      if (options.topic.value() == list->elems[i].topic)
        found.insert(Partition(list->elems[i].partition));
    return found;
  }

  void note(rd_kafka_error_t* error) {
    const KafkaErrorHandle owned(error);
    if (owned)
      trouble = client->error(rd_kafka_error_code(owned.get()), doing(),
                              rd_kafka_error_string(owned.get()));
  }

  void assign(rd_kafka_topic_partition_list_t* list) {
    was_assigned = true;
    note(rd_kafka_incremental_assign(client->kafka(), list));
    // Nothing is to be read.
    rd_kafka_pause_partitions(client->kafka(), list);
    Slots added = slots_in(list);
    slots.insert(added.begin(), added.end());
    trouble.reset();
    if (callbacks.on_assigned) callbacks.on_assigned(added);
  }

  void revoke(const rd_kafka_topic_partition_list_t* list) {
    const bool lost = rd_kafka_assignment_lost(client->kafka()) == 1;
    const Slots removed = slots_in(list);
    for (const Partition slot : removed) slots.erase(slot);
    if (callbacks.on_revoked) callbacks.on_revoked(removed, lost);
    // Only now the slots are given to others.
    note(rd_kafka_incremental_unassign(client->kafka(), list));
  }

  // True after a rebalance.
  bool serve(rd_kafka_event_t* event) {
    const rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
      rd_kafka_topic_partition_list_t* const list = rd_kafka_event_topic_partition_list(event);
      if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        assign(list);
      else
        revoke(list);
      return true;
    }
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR) return false;
    log::debug(rd_kafka_event_error_string(event),
               {{"librdkafka", rd_kafka_err2name(code)}, {"group", options.group.value()}});
    if (passes_by_itself(code)) return false;
    trouble = to_error(code, doing(), rd_kafka_event_error_string(event));
    if (trouble->kind == ErrorKind::kNotAuthorised)
      trouble->hint = "grant READ on the group and on the topic to kferry's principal";
    return false;
  }

  bool is_assigned() const {
    rd_kafka_topic_partition_list_t* list = nullptr;
    if (rd_kafka_assignment(client->kafka(), &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
    const PartitionsHandle owned(list);
    return list->cnt > 0;
  }

  // librdkafka before 2.4 never comes to an end when it is closed while a rebalance waits for the
  // application (its issue 4527), and destroying it then blocks for ever. So every rebalance is
  // answered first: without a subscription no other begins.
  void settle(const Wait& wait) {
    rd_kafka_unsubscribe(client->kafka());
    const Wait bounded = wait.at_most(kSettle);
    int quiet = 0;
    while (quiet < kQuietPolls && !bounded.deadline().expired()) {
      const EventHandle event = next_event(kStopLatency);
      if (event) serve(event.get());
      quiet = event || is_assigned() ? 0 : quiet + 1;
    }
  }

  Result<> leave(const Wait& wait) {
    left = true;
    settle(wait);
    const KafkaErrorHandle refused(rd_kafka_consumer_close_queue(client->kafka(), client->queue()));
    if (refused)
      return std::unexpected(client->error(rd_kafka_error_code(refused.get()), doing(),
                                           rd_kafka_error_string(refused.get())));
    while (rd_kafka_consumer_closed(client->kafka()) == 0) {
      KFERRY_CHECK(wait.stop().check(doing()));
      if (wait.deadline().expired())
        return fail(ErrorKind::kUnreachable, fmt::format("{}: not left in time", doing()),
                    "its work goes to others when its session has timed out");
      if (const EventHandle event = next_event(kStopLatency)) serve(event.get());
    }
    return {};
  }

  EventHandle next_event(Duration at_most) const {
    return EventHandle(rd_kafka_queue_poll(client->queue(), static_cast<int>(at_most.count())));
  }
};

GroupMember::GroupMember(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GroupMember::~GroupMember() = default;
GroupMember::GroupMember(GroupMember&&) noexcept = default;
GroupMember& GroupMember::operator=(GroupMember&&) noexcept = default;

Result<GroupMember> GroupMember::join(const ClientProperties& properties, const Options& options,
                                      Callbacks callbacks) {
  const int64_t session_ms = options.session_timeout.count();
  const std::string session = fmt::to_string(session_ms);
  const std::string heartbeat =
      fmt::to_string(std::max<int64_t>(1, session_ms / kHeartbeatsPerSession));
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->callbacks = std::move(callbacks);
  KFERRY_TRY(impl->client,
             Client::open(RD_KAFKA_CONSUMER, properties,
                          {{"group.id", options.group.value()},
                           {"partition.assignment.strategy", "cooperative-sticky"},
                           {"session.timeout.ms", session},
                           {"heartbeat.interval.ms", heartbeat},
                           // An owner that hangs must lose its slots as one that has died.
                           {"max.poll.interval.ms", session},
                           {"enable.auto.commit", "false"},
                           {"enable.auto.offset.store", "false"},
                           {"auto.offset.reset", "latest"},
                           {"topic.metadata.refresh.interval.ms", "10000"}},
                          RD_KAFKA_EVENT_REBALANCE));
  rd_kafka_t* const kafka = impl->client->kafka();
  impl->forward_to(impl->client->queue());
  const PartitionsHandle topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), options.topic.value().c_str(),
                                    RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(kafka, topics.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(to_error(code, impl->doing()));
  return GroupMember(std::move(impl));
}

const GroupMember::Slots& GroupMember::slots() const {
  return impl_->slots;
}

Result<> GroupMember::poll(Duration at_most) {
  const Deadline deadline = Deadline::after(at_most);
  do {
    const EventHandle event = impl_->next_event(deadline.remaining());
    if (event && impl_->serve(event.get())) break;
  } while (!deadline.expired());
  if (!impl_->trouble) return {};
  const Error trouble = *impl_->trouble;
  // A connection comes back without a word, unless the slots are gone with it.
  if (trouble.kind == ErrorKind::kUnreachable) impl_->trouble.reset();
  return std::unexpected(trouble);
}

Result<> GroupMember::leave(const Wait& wait) {
  return impl_->leave(wait);
}

}  // namespace kferry::kafkaio
