#include "replicate/empty_transactions.h"

#include <fmt/format.h>

#include "base/backoff.h"
#include "wire/error_code.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/producer_state.h"
#include "wire/messages/transactions.h"

namespace kferry::replicate {
namespace {

using wire::AddPartitionsToTxnRequest;
using wire::EndTxnRequest;
using wire::FindCoordinatorRequest;
using wire::InitProducerIdRequest;

constexpr int8_t kTransactionKey = 1;
// After that the coordinator ends a transaction whose owner died.
constexpr int32_t kTransactionTimeoutMs = 10'000;
constexpr Duration kSlice{200};
constexpr Duration kPatience{15'000};  // for one partition: longer than kTransactionTimeoutMs
constexpr Duration kPauseAfterFailure{100};
// The coordinator answers while the markers of the transaction before are still on their way.
constexpr BackoffPolicy kWhileCompleting{Duration(1), Duration(20)};

bool is_completing(const Error& error) {
  return error.kafka_code == wire::kConcurrentTransactions;
}

Result<> check(int16_t code, const char* doing) {
  if (code != wire::kNone) return std::unexpected(wire::kafka_error(code, doing));
  return {};
}

}  // namespace

std::string EmptyTransactions::transactional_id(const TopicPartition& partition) const {
  return fmt::format("kferry-{}-{}", flow_, partition);
}

std::vector<Ack> EmptyTransactions::fill(const std::vector<GapToFill>& gaps, const Wait& wait) {
  const Deadline slice = Deadline::after(kSlice);
  std::vector<Ack> acks;
  for (const GapToFill& gap : gaps) acks.push_back(fill_one(gap, slice, wait.at_most(kPatience)));
  return acks;
}

Ack EmptyTransactions::fill_one(const GapToFill& gap, const Deadline& slice, const Wait& wait) {
  Ack ack{gap.partition, wire::kNone, {}, {}, 0, {}};
  const auto failed = [&](const Error& error) {
    producers_.erase(gap.partition);
    ack.error_code = error.kafka_code != 0 ? static_cast<int16_t>(error.kafka_code)
                                           : int16_t{wire::kCoordinatorNotAvailable};
    ack.message = error.message;
    wait.stop().sleep_for(kPauseAfterFailure);
    return ack;
  };
  const auto known = producers_.find(gap.partition);
  if (known == producers_.end()) {
    if (const auto begun = begin(gap.partition, wait); !begun) return failed(begun.error());
    ack.error_code = wire::kClusterAuthorizationFailed;
    ack.gap_producer = producers_.at(gap.partition).id;
    return ack;
  }
  Producer& producer = known->second;
  while (*ack.filled < gap.count && !(slice.expired() && *ack.filled > 0)) {
    if (const auto done = fill_offset(gap.partition, producer, wait); !done)
      return failed(done.error());
    ++*ack.filled;
  }
  // Only a new epoch is given when the last transaction is complete: its record is in the log.
  const int64_t id = producer.id;
  const auto complete = take_over(transactional_id(gap.partition), producer, wait);
  if (!complete) return failed(complete.error());
  // After 32,767 epochs the coordinator gives another id: the next gap begins with it.
  if (producer.id != id) producers_.erase(known);
  return ack;
}

Result<> EmptyTransactions::begin(const TopicPartition& partition, const Wait& wait) {
  if (!cluster_) {
    KFERRY_TRY(wire::Cluster cluster, wire::Cluster::connect(bootstrap_, config_, wait));
    cluster_ = std::make_unique<wire::Cluster>(std::move(cluster));
  }
  const std::string id = transactional_id(partition);
  Producer producer;
  KFERRY_TRY(producer.coordinator, find_coordinator(id, wait));
  KFERRY_CHECK(take_over(id, producer, wait));
  producers_[partition] = producer;
  return {};
}

Result<BrokerId> EmptyTransactions::find_coordinator(const std::string& id, const Wait& wait) {
  constexpr const char* kDoing = "finding the coordinator of a transactional id";
  KFERRY_TRY(wire::Broker* const broker, cluster_->any_broker(wait));
  KFERRY_TRY(const int16_t version, broker->version_of<FindCoordinatorRequest>({1, 3}));
  const FindCoordinatorRequest request{
      .key = id, .key_type = kTransactionKey, .coordinator_keys = {}};
  KFERRY_TRY(const auto found, broker->call(request, version, wait));
  KFERRY_CHECK(check(found.error_code, kDoing));
  if (found.host.empty() || found.port < 1 || found.port > 65535)
    return fail(ErrorKind::kUnreachable,
                fmt::format("{}: the broker names no usable address", kDoing));
  cluster_->learn_broker(found.node_id, {found.host, static_cast<uint16_t>(found.port)});
  return found.node_id;
}

// A new epoch; the coordinator ends the transaction that is open first.
Result<> EmptyTransactions::take_over(const std::string& id, Producer& producer, const Wait& wait) {
  KFERRY_TRY(wire::Broker* const broker, cluster_->broker(producer.coordinator, wait));
  const InitProducerIdRequest request{.transactional_id = id,
                                      .transaction_timeout_ms = kTransactionTimeoutMs};
  return with_retry(
      kWhileCompleting, wait,
      [&]() -> Result<> {
        KFERRY_TRY(const auto answer, broker->call(request, wait));
        KFERRY_CHECK(check(answer.error_code, "beginning with a transactional id"));
        producer.id = answer.producer_id;
        producer.epoch = answer.producer_epoch;
        return {};
      },
      is_completing);
}

Result<> EmptyTransactions::fill_offset(const TopicPartition& partition, const Producer& producer,
                                        const Wait& wait) {
  const std::string id = transactional_id(partition);
  KFERRY_TRY(wire::Broker* const broker, cluster_->broker(producer.coordinator, wait));
  KFERRY_TRY(const int16_t version, broker->version_of<AddPartitionsToTxnRequest>(
                                        AddPartitionsToTxnRequest::kClientVersions));
  AddPartitionsToTxnRequest add;
  add.transactional_id = id;
  add.producer_id = producer.id;
  add.producer_epoch = producer.epoch;
  add.topics = {{partition.topic, {partition.partition}}};
  const auto attempt = [&]() -> Result<> {
    KFERRY_TRY(const auto answer, broker->call(add, version, wait));
    for (const auto& topic : answer.results_by_topic_v3_and_below)
      for (const auto& one : topic.results_by_partition)
        KFERRY_CHECK(check(one.partition_error_code, "adding a partition to a transaction"));
    return {};
  };
  KFERRY_CHECK(with_retry(kWhileCompleting, wait, attempt, is_completing));
  EndTxnRequest end;
  end.transactional_id = id;
  end.producer_id = producer.id;
  end.producer_epoch = producer.epoch;
  end.committed = true;
  KFERRY_TRY(const auto answer, broker->call(end, wait));
  return check(answer.error_code, "ending a transaction");
}

}  // namespace kferry::replicate
