#include "kafkaio/group_offsets_call.h"

#include <algorithm>
#include <array>
#include <deque>
#include <set>

#include <fmt/format.h>

#include "base/backoff.h"
#include "kafkaio/errors.h"

namespace kferry::kafkaio {
namespace {

constexpr size_t kMostInFlight = 100;
// librdkafka looks each answered partition up by walking a list.
constexpr size_t kMostPartitionsPerRequest = 1000;
// One attempt; a coordinator that does not answer for so long is looked up again.
constexpr Duration kAttempt{10'000};
constexpr BackoffPolicy kBackoff{.first = Duration(50), .longest = Duration(1000)};

PartitionsHandle to_list(const std::vector<TopicPartition>& partitions) {
  PartitionsHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const auto& [topic, partition] : partitions)
    rd_kafka_topic_partition_list_add(list.get(), topic.value().c_str(), partition.value());
  return list;
}

uintptr_t id_of(rd_kafka_event_t* event) {
  return reinterpret_cast<uintptr_t>(rd_kafka_event_opaque(event));
}

std::string doing_fetch(const Client& client, const GroupId& group) {
  return fmt::format("reading the committed offsets of group '{}' from {}", group,
                     client.servers());
}

std::string doing_erase(const Client& client, const GroupId& group) {
  return fmt::format("deleting committed offsets of group '{}' on {}", group, client.servers());
}

}  // namespace

AdminOptionsHandle GroupOffsetsCall::options(rd_kafka_admin_op_t operation, uintptr_t id,
                                             const Wait& wait) const {
  AdminOptionsHandle made(rd_kafka_AdminOptions_new(client_.kafka(), operation));
  std::array<char, 256> ignored{};
  const Duration patience = std::max(std::min(wait.deadline().remaining(), kAttempt), Duration(1));
  rd_kafka_AdminOptions_set_request_timeout(made.get(), static_cast<int>(patience.count()),
                                            ignored.data(), ignored.size());
  rd_kafka_AdminOptions_set_opaque(made.get(), reinterpret_cast<void*>(id));
  return made;
}

Result<Admin::OffsetsByGroup> GroupOffsetsCall::fetch(const std::vector<Admin::Query>& queries,
                                                      const Wait& wait) {
  // librdkafka refuses a partition named twice.
  std::map<GroupId, std::set<TopicPartition>> wanted;
  for (const auto& [group, partitions] : queries)
    wanted[group].insert(partitions.begin(), partitions.end());
  Admin::OffsetsByGroup results;
  Parts pending;
  for (const auto& [group, partitions] : wanted) {
    results.emplace(group, Admin::Offsets{});
    size_t count = 0;
    for (const TopicPartition& partition : partitions) {
      if (count++ % kMostPartitionsPerRequest == 0) pending.push_back({group, {}});
      pending.back().partitions.push_back(partition);
    }
  }
  if (pending.empty()) return results;

  KFERRY_CHECK(client_.await_broker(wait));
  const Result<> asked = with_retry(
      kBackoff, wait, [&] { return fetch_round(pending, results, wait); },
      [&](const Error& error) {
        return error.kind == ErrorKind::kUnreachable || error.kind == ErrorKind::kFailed;
      });
  if (!asked && asked.error().kind == ErrorKind::kInterrupted)
    return std::unexpected(asked.error());
  for (Part& part : pending) {
    if (part.trouble->kind == ErrorKind::kUnreachable)
      return std::unexpected(std::move(*part.trouble));
    results.at(part.group) = std::unexpected(std::move(*part.trouble));
  }
  return results;
}

// Asks for all that is pending. What has been answered for good leaves `pending`; an error means
// that something is left there, and says why.
Result<> GroupOffsetsCall::fetch_round(Parts& pending, Admin::OffsetsByGroup& results,
                                       const Wait& wait) {
  std::deque<Part> unsent(std::make_move_iterator(pending.begin()),
                          std::make_move_iterator(pending.end()));
  pending.clear();
  std::map<uintptr_t, Part> in_flight;
  while (!unsent.empty() || !in_flight.empty()) {
    KFERRY_CHECK(wait.stop().check("reading committed offsets from " + client_.servers()));
    while (!unsent.empty() && in_flight.size() < kMostInFlight) {
      const uintptr_t id = next_id_++;
      send_fetch(unsent.front(), id, wait);
      in_flight.emplace(id, std::move(unsent.front()));
      unsent.pop_front();
    }
    const EventHandle event = client_.poll(kStopLatency);
    if (!event ||
        rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT)
      continue;
    const auto found = in_flight.find(id_of(event.get()));
    if (found == in_flight.end()) continue;
    Part part = std::move(found->second);
    in_flight.erase(found);
    bool transient = false;
    Result<Admin::Offsets> offsets = read_fetched(part, event.get(), transient);
    if (transient) {
      part.trouble = std::move(offsets).error();
      pending.push_back(std::move(part));
      continue;
    }
    Result<Admin::Offsets>& result = results.at(part.group);
    if (result && offsets)
      result->merge(*offsets);
    else if (result)
      result = std::move(offsets);
  }
  if (!pending.empty()) return std::unexpected(*pending.front().trouble);
  return {};
}

void GroupOffsetsCall::send_fetch(const Part& part, uintptr_t id, const Wait& wait) {
  const AdminOptionsHandle with = options(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, id, wait);
  // Left out by librdkafka where OffsetFetch is older than version 7.
  if (rd_kafka_error_t* const error =
          rd_kafka_AdminOptions_set_require_stable_offsets(with.get(), 1))
    rd_kafka_error_destroy(error);
  const PartitionsHandle partitions = to_list(part.partitions);
  const ListOffsetsHandle request(
      rd_kafka_ListConsumerGroupOffsets_new(part.group.value().c_str(), partitions.get()));
  rd_kafka_ListConsumerGroupOffsets_t* requests = request.get();
  rd_kafka_ListConsumerGroupOffsets(client_.kafka(), &requests, 1, with.get(), client_.queue());
}

Result<Admin::Offsets> GroupOffsetsCall::read_fetched(const Part& part,
                                                      const rd_kafka_event_t* event,
                                                      bool& transient) const {
  const std::string doing = doing_fetch(client_, part.group);
  auto* const mutable_event = const_cast<rd_kafka_event_t*>(event);  // the C API is not const
  const auto trouble = [&](rd_kafka_resp_err_t code, const std::string& where,
                           const char* said) -> Result<Admin::Offsets> {
    transient = is_transient(code);
    return std::unexpected(client_.error(code, doing + where, said));
  };
  if (const auto code = rd_kafka_event_error(mutable_event); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return trouble(code, "", rd_kafka_event_error_string(mutable_event));
  size_t count = 0;
  const rd_kafka_group_result_t* const* const groups =
      rd_kafka_ListConsumerGroupOffsets_result_groups(
          rd_kafka_event_ListConsumerGroupOffsets_result(mutable_event), &count);
  Admin::Offsets offsets;
  for (size_t g = 0; g < count; ++g) {
    if (const rd_kafka_error_t* const error = rd_kafka_group_result_error(groups[g]))
      return trouble(rd_kafka_error_code(error), "", rd_kafka_error_string(error));
    const rd_kafka_topic_partition_list_t* const list = rd_kafka_group_result_partitions(groups[g]);
    for (int i = 0; list != nullptr && i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& one = list->elems[i];
      const TopicPartition partition{TopicName(one.topic), Partition(one.partition)};
      // What brokers up to 0.10.1 say of a partition without an offset.
      if (one.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) continue;
      if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return trouble(one.err, fmt::format(", {}", partition), "");
      if (one.offset >= 0) offsets.emplace(partition, Offset(one.offset));
    }
  }
  return offsets;
}

Result<> GroupOffsetsCall::erase(const GroupId& group,
                                 const std::vector<TopicPartition>& partitions, const Wait& wait) {
  bool transient = false;
  return with_retry(
      kBackoff, wait,
      [&]() -> Result<> {
        transient = false;
        // Reading first leaves alone what is absent already, and connects to the coordinator, so
        // that we know whether it has OffsetDelete.
        KFERRY_TRY(const Admin::OffsetsByGroup present, fetch({{group, partitions}}, wait));
        const Result<Admin::Offsets>& offsets = present.at(group);
        if (!offsets) return std::unexpected(offsets.error());
        if (offsets->empty()) return {};
        // librdkafka aborts the process when it has to send OffsetDelete to a broker that has none
        // (2.0.2: rd_kafka_OffsetDeleteRequest and its caller both release the reply queue).
        if (!client_.brokers_offer_offset_delete())
          return fail(ErrorKind::kFailed,
                      fmt::format("{}: the broker has no OffsetDelete, which came with Kafka 2.4",
                                  doing_erase(client_, group)),
                      "the offsets stay until the group is deleted or they expire");
        Part part{group, {}};
        for (const auto& [partition, offset] : *offsets) part.partitions.push_back(partition);
        return erase_once(part, wait, transient);
      },
      [&](const Error&) { return transient; });
}

Result<> GroupOffsetsCall::erase_once(const Part& part, const Wait& wait, bool& transient) {
  const std::string doing = doing_erase(client_, part.group);
  const uintptr_t id = next_id_++;
  const AdminOptionsHandle with = options(RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, id, wait);
  const PartitionsHandle partitions = to_list(part.partitions);
  const DeleteOffsetsHandle request(
      rd_kafka_DeleteConsumerGroupOffsets_new(part.group.value().c_str(), partitions.get()));
  rd_kafka_DeleteConsumerGroupOffsets_t* requests = request.get();
  rd_kafka_DeleteConsumerGroupOffsets(client_.kafka(), &requests, 1, with.get(), client_.queue());
  for (;;) {
    KFERRY_CHECK(wait.stop().check(doing));
    const EventHandle event = client_.poll(kStopLatency);
    if (event &&
        rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_DELETECONSUMERGROUPOFFSETS_RESULT &&
        id_of(event.get()) == id)
      return read_erased(doing, event.get(), transient);
  }
}

Result<> GroupOffsetsCall::read_erased(const std::string& doing, const rd_kafka_event_t* event,
                                       bool& transient) const {
  auto* const mutable_event = const_cast<rd_kafka_event_t*>(event);  // the C API is not const
  const auto trouble = [&](rd_kafka_resp_err_t code, const char* said) -> Result<> {
    // Gone with its last offset: nothing is left to delete.
    if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return {};
    transient = is_transient(code);
    return std::unexpected(client_.error(code, doing, said));
  };
  if (const auto code = rd_kafka_event_error(mutable_event); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return trouble(code, rd_kafka_event_error_string(mutable_event));
  size_t count = 0;
  const rd_kafka_group_result_t* const* const groups =
      rd_kafka_DeleteConsumerGroupOffsets_result_groups(
          rd_kafka_event_DeleteConsumerGroupOffsets_result(mutable_event), &count);
  std::string left;
  rd_kafka_resp_err_t first = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (size_t g = 0; g < count; ++g) {
    if (const rd_kafka_error_t* const error = rd_kafka_group_result_error(groups[g]))
      return trouble(rd_kafka_error_code(error), rd_kafka_error_string(error));
    const rd_kafka_topic_partition_list_t* const list = rd_kafka_group_result_partitions(groups[g]);
    for (int i = 0; list != nullptr && i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& one = list->elems[i];
      if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      if (first == RD_KAFKA_RESP_ERR_NO_ERROR) first = one.err;
      left += fmt::format("{}{}-{} {}", left.empty() ? "" : ", ", one.topic, one.partition,
                          rd_kafka_err2name(one.err));
    }
  }
  if (first == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return std::unexpected(
      to_error(first, doing, fmt::format("not deleted: {}: {}", left, rd_kafka_err2str(first))));
}

}  // namespace kferry::kafkaio
