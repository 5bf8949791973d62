#include "tests/integration/source_writer.h"

#include <stdexcept>

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include "groupproto/coordinators.h"
#include "groupproto/group_offsets.h"
#include "replicate/head_filler.h"
#include "tests/integration/two_sides.h"
#include "wire/error_code.h"
#include "wire/log_range.h"
#include "wire/messages/produce.h"

namespace kferry::mirror {
namespace {

using integration::before_long;
using integration::value_of;
using integration::within;

constexpr int64_t kFillerId = 4'000'000'000;
constexpr int kTransactionTimeoutMs = 30'000;

template <class T>
void check_all(const kafkaio::ByTopic<T>& outcomes) {
  for (const auto& [topic, outcome] : outcomes)
    if (!outcome) throw std::runtime_error(outcome.error().message);
}

}  // namespace

TopicPartition at(const std::string& topic, int32_t partition) {
  return {TopicName(topic), Partition(partition)};
}

std::vector<TestRecord> recent_records(int count, int64_t seed, size_t value_bytes) {
  static const int64_t began_ms = wall_clock_ms() - 3'600'000;
  std::vector<TestRecord> records = test::some_records(seed, count, value_bytes);
  for (int i = 0; i < count; ++i) {
    TestRecord& record = records[static_cast<size_t>(i)];
    record.offset = i;
    // Not in order, as from several producers.
    record.timestamp_ms = began_ms + 100 * (seed % 10'000) + 3 * i - (i % 7 == 6 ? 50 : 0);
  }
  return records;
}

SourceWriter::SourceWriter(const std::string& bootstrap_servers)
    : admin_(value_of(kafkaio::TopicAdmin::connect({.bootstrap_servers = bootstrap_servers}))),
      cluster_(value_of(wire::Cluster::connect(
          value_of(wire::parse_bootstrap_servers(bootstrap_servers)), {}, within()))) {}

void SourceWriter::create(const std::string& topic, int32_t partitions,
                          const kafkaio::ConfigValues& configs) {
  // One of that name may still be on its way out.
  const auto created = [&] {
    auto results = value_of(admin_.create({{TopicName(topic), partitions, 1, configs}}, within()));
    auto& result = results.at(TopicName(topic));
    if (!result && result.error().kafka_code == kafkaio::kTopicAlreadyExistsCode &&
        result.error().message.find("marked for deletion") != std::string::npos)
      return false;
    value_of(std::move(result));
    return true;
  };
  if (!before_long(created)) throw std::runtime_error(topic + " cannot be created");
  for (int32_t p = 0; p < partitions; ++p)
    if (!before_long([&] {
          leaders_.erase(at(topic, p));
          try {
            range_of(at(topic, p));
            return true;
          } catch (const std::runtime_error&) {
            return false;
          }
        }))
      throw std::runtime_error(topic + " does not come");
}

void SourceWriter::remove(const std::string& topic) {
  check_all(value_of(admin_.remove({TopicName(topic)}, within())));
  std::erase_if(leaders_, [&](const auto& one) { return one.first.topic == TopicName(topic); });
  if (!before_long(
          [&] { return !value_of(admin_.partition_counts(within())).contains(TopicName(topic)); }))
    throw std::runtime_error(topic + " does not go");
}

void SourceWriter::set_configs(const std::string& topic, const kafkaio::ConfigChanges& changes) {
  check_all(value_of(admin_.change_configs({{TopicName(topic), changes}}, within())));
}

void SourceWriter::trim(const TopicPartition& partition, int64_t offset) {
  const auto trimmed = value_of(admin_.delete_records({{partition, Offset(offset)}}, within()));
  value_of(trimmed.at(partition));
}

wire::Broker& SourceWriter::leader_of(const TopicPartition& partition) {
  auto known = leaders_.find(partition);
  if (known == leaders_.end()) {
    const auto metadata =
        value_of(cluster_.fetch_metadata(std::vector<TopicName>{partition.topic}, within()));
    const auto& topic = metadata.topics.at(partition.topic);
    const auto found = topic.partitions.find(partition.partition);
    if (found == topic.partitions.end() || found->second.leader.value() < 0)
      throw std::runtime_error(fmt::format("{} has no leader", partition));
    known = leaders_.emplace(partition, found->second.leader).first;
  }
  return *value_of(cluster_.broker(known->second, within()));
}

int64_t SourceWriter::append(const TopicPartition& partition,
                             const std::vector<TestRecord>& records, wire::Codec codec) {
  wire::Broker& leader = leader_of(partition);
  const std::string batch = test::make_batch(records, {.codec = codec, .leader_epoch = -1});
  wire::ProduceRequest request;
  request.acks = wire::ProduceRequest::kAllInSyncReplicas;
  request.timeout_ms = 30'000;
  request.topic_data.push_back({partition.topic, {{partition.partition, wire::Records{batch}}}});
  const int16_t version = value_of(leader.version_of<wire::ProduceRequest>({3, 8}));
  const auto answer = value_of(leader.call(request, version, within()));
  const auto& one = answer.responses.at(0).partition_responses.at(0);
  if (one.error_code != 0)
    throw std::runtime_error(fmt::format("producing to {}: error {} {}", partition, one.error_code,
                                         one.error_message.value_or("")));
  return one.base_offset;
}

void SourceWriter::append_some(const TopicPartition& partition, const std::vector<int>& batches,
                               int64_t seed, wire::Codec codec) {
  for (const int count : batches) append(partition, recent_records(count, seed++), codec);
}

void SourceWriter::append_filler(const TopicPartition& partition, int64_t end) {
  replicate::HeadFiller filler(cluster_, kFillerId, 0);
  const auto metadata =
      value_of(cluster_.fetch_metadata(std::vector<TopicName>{partition.topic}, within()));
  TargetOffset now(range_of(partition).end);
  while (now.value() < end) {
    auto filled = filler.round(metadata, {{partition, now, TargetOffset(end)}}, within());
    now = value_of(std::move(filled.at(partition)));
  }
}

SourceWriter::Range SourceWriter::range_of(const TopicPartition& partition) {
  const auto metadata =
      value_of(cluster_.fetch_metadata(std::vector<TopicName>{partition.topic}, within()));
  const auto ranges = value_of(wire::fetch_log_ranges(cluster_, metadata, {partition}, within()));
  const wire::LogRange& range = ranges.at(partition);
  if (range.error_code != 0)
    throw std::runtime_error(fmt::format("{}: error {}", partition, range.error_code));
  return {range.start.value(), range.end.value()};
}

void SourceWriter::commit(const std::string& group, const TopicPartition& partition,
                          int64_t offset) {
  int16_t code = 0;
  // The first group's coordinator needs a moment to become one.
  const auto done = [&] {
    groupproto::Coordinators coordinators(cluster_);
    auto* const broker = value_of(coordinators.of(GroupId(group), within()));
    code = value_of(groupproto::commit_offsets(*broker, {GroupId(group), Generation(-1), {}},
                                               {{partition, Offset(offset), ""}}, {}, within()))
               .at(partition);
    return code != wire::kNotCoordinator && code != wire::kCoordinatorLoadInProgress;
  };
  before_long(done);
  if (code != 0)
    throw std::runtime_error(fmt::format("committing {} of {}: error {}", partition, group, code));
}

int64_t SourceWriter::committed(const std::string& group, const TopicPartition& partition) {
  groupproto::Coordinators coordinators(cluster_);
  auto read = value_of(
      groupproto::fetch_kafka_offsets(coordinators, {{GroupId(group), {partition}}}, within()));
  const auto offsets = value_of(std::move(read.at(GroupId(group))));
  const auto found = offsets.find(partition);
  return found == offsets.end() ? -1 : found->second.offset.value();
}

namespace {

void check(rd_kafka_error_t* error, const char* doing) {
  if (error == nullptr) return;
  const std::string words = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  throw std::runtime_error(fmt::format("{}: {}", doing, words));
}

void check(rd_kafka_resp_err_t code, const char* doing) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error(fmt::format("{}: {}", doing, rd_kafka_err2str(code)));
}

rd_kafka_headers_t* headers_of(const TestRecord& record) {
  rd_kafka_headers_t* const headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [key, value] : record.headers)
    rd_kafka_header_add(headers, key.c_str(), -1, value ? value->data() : nullptr,
                        value ? static_cast<ssize_t>(value->size()) : 0);
  return headers;
}

void* data_of(const std::optional<std::string>& text) {
  return text ? const_cast<char*>(text->data()) : nullptr;  // librdkafka copies it
}

}  // namespace

TransactionWriter::TransactionWriter(const std::string& bootstrap_servers,
                                     const std::string& transactional_id,
                                     const std::string& codec) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  const std::string timeout = fmt::to_string(10 * kTransactionTimeoutMs);
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"bootstrap.servers", bootstrap_servers},
                                          {"transactional.id", transactional_id},
                                          {"transaction.timeout.ms", timeout},
                                          {"compression.codec", codec},
                                          {"retry.backoff.ms", "10"},
                                          {"linger.ms", "5"}})
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), nullptr, 0) != RD_KAFKA_CONF_OK)
      throw std::runtime_error("librdkafka does not know " + key);
  kafka_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
  if (kafka_ == nullptr) throw std::runtime_error("no producer");
  check(rd_kafka_init_transactions(kafka_, kTransactionTimeoutMs), "init_transactions");
}

TransactionWriter::~TransactionWriter() {
  rd_kafka_destroy(kafka_);
}

void TransactionWriter::begin() {
  check(rd_kafka_begin_transaction(kafka_), "begin_transaction");
}

void TransactionWriter::write(const TopicPartition& partition,
                              const std::vector<TestRecord>& records) {
  for (const TestRecord& record : records) {
    const size_t key_size = record.key ? record.key->size() : 0;
    const size_t value_size = record.value ? record.value->size() : 0;
    check(rd_kafka_producev(kafka_, RD_KAFKA_V_TOPIC(partition.topic.value().c_str()),
                            RD_KAFKA_V_PARTITION(partition.partition.value()),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_KEY(data_of(record.key), key_size),
                            RD_KAFKA_V_VALUE(data_of(record.value), value_size),
                            RD_KAFKA_V_TIMESTAMP(record.timestamp_ms),
                            RD_KAFKA_V_HEADERS(headers_of(record)), RD_KAFKA_V_END),
          "produce");
  }
  check(rd_kafka_flush(kafka_, kTransactionTimeoutMs), "flush");
}

void TransactionWriter::commit() {
  check(rd_kafka_commit_transaction(kafka_, kTransactionTimeoutMs), "commit_transaction");
}

void TransactionWriter::abort() {
  check(rd_kafka_abort_transaction(kafka_, kTransactionTimeoutMs), "abort_transaction");
}

}  // namespace kferry::mirror
