// The limit of any mirror: reads a topic's batches into memory, stamps them, and then gives them to
// the target as fast as it takes them. Only the last part is timed.
//
// usage: bench_replay SOURCE_HOST:PORT TARGET_HOST:PORT TOPIC TARGET_TOPIC [CONNECTIONS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/result.h"
#include "wire/address.h"
#include "wire/broker.h"
#include "wire/cluster.h"
#include "wire/error_code.h"
#include "wire/messages/fetch.h"
#include "wire/messages/produce.h"
#include "wire/messages/producer_state.h"
#include "wire/record_batch.h"

namespace kferry::bench {
namespace {

using wire::FetchRequest;
using wire::InitProducerIdRequest;
using wire::ProduceRequest;
using Clock = std::chrono::steady_clock;

constexpr size_t kInFlight = 5;  // requests, so that no partition has more than 5 batches in flight
constexpr size_t kRequestBytes = 1'000'000;
constexpr int32_t kFetchBytes = 32 * 1024 * 1024;
constexpr int32_t kPartitionBytes = 4 * 1024 * 1024;
constexpr Duration kLongest{600'000};
constexpr int kIdAttempts = 50;
constexpr int32_t kProduceTimeoutMs = 30'000;

// A partition's batches, ready to be produced, and the memory that they lie in.
struct Prepared {
  std::vector<std::string> memory;
  std::deque<std::string_view> batches;
  int64_t next_offset = 0;
  int64_t records = 0;
  int64_t bytes = 0;
  int32_t sequence = 0;
};

using Topic = std::map<Partition, Prepared>;

Result<wire::ClusterMetadata> look_up(wire::Cluster& cluster, const TopicName& topic,
                                      const Wait& wait) {
  KFERRY_TRY(auto metadata, cluster.fetch_settled_metadata({topic}, Duration(10'000), wait));
  if (!metadata.topics.contains(topic))
    return fail(ErrorKind::kUsage, fmt::format("topic {} does not exist", topic));
  return metadata;
}

FetchRequest fetch_request(const TopicName& topic, const std::vector<Partition>& wanted,
                           const Topic& prepared) {
  FetchRequest request;
  request.max_wait_ms = 100;
  request.max_bytes = kFetchBytes;
  FetchRequest::Topic& asked = request.topics.emplace_back();
  asked.topic = topic;
  for (const Partition partition : wanted) {
    FetchRequest::PartitionToFetch& one = asked.partitions.emplace_back();
    one.partition = partition;
    one.fetch_offset = prepared.at(partition).next_offset;
    one.partition_max_bytes = kPartitionBytes;
  }
  return request;
}

// Keeps what came of one partition; false when there is nothing more.
Result<bool> keep(const wire::FetchResponse::PartitionData& data, Prepared& prepared) {
  if (data.error_code != wire::kNone)
    return std::unexpected(wire::kafka_error(data.error_code, "fetching"));
  prepared.memory.emplace_back(data.records ? data.records->data : std::string_view());
  std::string& kept = prepared.memory.back();
  std::string_view left = kept;
  while (true) {
    KFERRY_TRY(const auto batch, wire::take_batch(left));
    if (!batch) break;
    if (batch->header.magic != 2 || batch->header.control())
      return fail(ErrorKind::kUsage, "the topic has batches that cannot be replayed as they are");
    prepared.batches.push_back(batch->bytes);
    prepared.next_offset = batch->header.last_offset() + 1;
    prepared.records += batch->header.record_count;
    prepared.bytes += static_cast<int64_t>(batch->bytes.size());
  }
  return prepared.next_offset < data.high_watermark;
}

// Everything that lies on one leader.
Result<> read_from(wire::Broker& broker, const TopicName& topic, std::vector<Partition> wanted,
                   Topic& prepared, const Wait& wait) {
  // By name: up to version 12.
  KFERRY_TRY(const int16_t version, broker.version_of<FetchRequest>({4, 12}));
  while (!wanted.empty()) {
    KFERRY_CHECK(broker.post(fetch_request(topic, wanted, prepared), version, wait));
    KFERRY_TRY(const auto held, broker.take<FetchRequest>(version, wait));
    for (const auto& found : held.response.responses)
      for (const auto& data : found.partitions) {
        KFERRY_TRY(const bool more, keep(data, prepared.at(data.partition_index)));
        if (!more) std::erase(wanted, data.partition_index);
      }
    // A broker fills an answer in the order it was asked in.
    if (!wanted.empty()) std::ranges::rotate(wanted, wanted.begin() + 1);
  }
  return {};
}

Result<Topic> prepare(const std::vector<wire::Address>& source, const TopicName& topic,
                      const Wait& wait) {
  KFERRY_TRY(auto cluster, wire::Cluster::connect(source, {}, wait));
  KFERRY_TRY(const auto metadata, look_up(cluster, topic, wait));
  Topic prepared;
  std::map<BrokerId, std::vector<Partition>> by_leader;
  for (const auto& [partition, leader] : metadata.topics.at(topic).partitions) {
    prepared[partition];
    by_leader[leader.leader].push_back(partition);
  }
  for (const auto& [leader, partitions] : by_leader) {
    KFERRY_TRY(wire::Broker * broker, cluster.broker(leader, wait));
    KFERRY_CHECK(read_from(*broker, topic, partitions, prepared, wait));
  }
  return prepared;
}

// One producer id for all.
Result<> stamp(wire::Cluster& target, Topic& prepared, const Wait& wait) {
  KFERRY_TRY(wire::Broker * broker, target.any_broker(wait));
  KFERRY_TRY(auto id, broker->call(InitProducerIdRequest(), wait));
  // A broker that has none left asks the controller for more, and answers that in the meantime.
  for (int i = 0; i < kIdAttempts && id.error_code == wire::kCoordinatorLoadInProgress; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    KFERRY_TRY(id, broker->call(InitProducerIdRequest(), wait));
  }
  if (id.error_code != wire::kNone)
    return std::unexpected(wire::kafka_error(id.error_code, "getting a producer id"));
  for (auto& [partition, one] : prepared)
    for (const std::string_view batch : one.batches) {
      std::string_view rest = batch;
      KFERRY_TRY(const auto taken, wire::take_batch(rest));
      // It lies in `one.memory`, which is ours.
      wire::stamp_for_produce({const_cast<char*>(batch.data()), batch.size()},
                              {id.producer_id, id.producer_epoch, one.sequence});
      one.sequence = wire::advance_sequence(one.sequence, taken->header.record_count);
    }
  return {};
}

// A share of one leader's partitions, on a connection of its own.
class Sender {
 public:
  Sender(wire::Broker broker, TopicName topic, std::vector<Prepared*> partitions,
         std::vector<Partition> numbers)
      : broker_(std::move(broker)),
        topic_(std::move(topic)),
        partitions_(std::move(partitions)),
        numbers_(std::move(numbers)) {}

  void run(const Wait& wait) { result_ = send_all(wait); }
  const Result<>& result() const { return result_; }
  int64_t requests() const { return requests_; }

 private:
  Result<> send_all(const Wait& wait) {
    KFERRY_TRY(const int16_t version, broker_.version_of<ProduceRequest>({3, 11}));
    size_t unanswered = 0;
    while (true) {
      const auto request = next_request();
      if (!request || unanswered == kInFlight) {
        if (unanswered == 0) return {};
        KFERRY_CHECK(take_answer(version, wait));
        --unanswered;
      }
      if (!request) continue;
      KFERRY_CHECK(broker_.post(*request, version, wait));
      ++unanswered;
      ++requests_;
    }
  }

  // At most one batch of each partition, going round them.
  std::optional<ProduceRequest> next_request() {
    ProduceRequest request;
    request.acks = ProduceRequest::kAllInSyncReplicas;
    request.timeout_ms = kProduceTimeoutMs;
    ProduceRequest::Topic topic{topic_, {}};
    size_t bytes = 0;
    for (size_t i = 0; i < partitions_.size() && bytes < kRequestBytes; ++i) {
      const size_t at = next_;
      next_ = (next_ + 1) % partitions_.size();
      auto& batches = partitions_[at]->batches;
      if (batches.empty()) continue;
      topic.partition_data.push_back({numbers_[at], wire::Records{batches.front()}});
      bytes += batches.front().size();
      batches.pop_front();
    }
    if (topic.partition_data.empty()) return std::nullopt;
    request.topic_data.push_back(std::move(topic));
    return request;
  }

  Result<> take_answer(int16_t version, const Wait& wait) {
    KFERRY_TRY(const auto held, broker_.take<ProduceRequest>(version, wait));
    for (const auto& topic : held.response.responses)
      for (const auto& one : topic.partition_responses)
        if (one.error_code != wire::kNone)
          return std::unexpected(
              wire::kafka_error(one.error_code, fmt::format("producing to {}", one.index)));
    return {};
  }

  wire::Broker broker_;
  TopicName topic_;
  std::vector<Prepared*> partitions_;
  std::vector<Partition> numbers_;
  size_t next_ = 0;
  int64_t requests_ = 0;
  Result<> result_;
};

Result<std::vector<std::unique_ptr<Sender>>> senders(wire::Cluster& target, const TopicName& topic,
                                                     Topic& prepared, size_t connections,
                                                     const Wait& wait) {
  KFERRY_TRY(const auto metadata, look_up(target, topic, wait));
  std::map<BrokerId, std::vector<Partition>> by_leader;
  for (const auto& [partition, leader] : metadata.topics.at(topic).partitions)
    if (prepared.contains(partition)) by_leader[leader.leader].push_back(partition);
  std::vector<std::unique_ptr<Sender>> all;
  for (const auto& [leader, partitions] : by_leader)
    for (size_t share = 0; share < std::min(connections, partitions.size()); ++share) {
      std::vector<Prepared*> own;
      std::vector<Partition> numbers;
      for (size_t i = share; i < partitions.size(); i += connections) {
        own.push_back(&prepared.at(partitions[i]));
        numbers.push_back(partitions[i]);
      }
      KFERRY_TRY(auto broker,
                 wire::Broker::connect(metadata.brokers.at(leader), target.config(), wait));
      all.push_back(std::make_unique<Sender>(std::move(broker), topic, own, numbers));
    }
  return all;
}

Result<> replay(const std::vector<wire::Address>& source, const std::vector<wire::Address>& target,
                const TopicName& topic, const TopicName& target_topic, size_t connections) {
  const Wait wait = Wait::uninterruptible(kLongest);
  KFERRY_TRY(Topic prepared, prepare(source, topic, wait));
  KFERRY_TRY(auto cluster, wire::Cluster::connect(target, {}, wait));
  KFERRY_CHECK(stamp(cluster, prepared, wait));
  int64_t records = 0;
  int64_t bytes = 0;
  size_t batches = 0;
  for (const auto& [partition, one] : prepared) {
    records += one.records;
    bytes += one.bytes;
    batches += one.batches.size();
  }
  KFERRY_TRY(const auto all, senders(cluster, target_topic, prepared, connections, wait));
  const auto began = Clock::now();
  std::vector<std::thread> threads;
  for (const auto& sender : all) threads.emplace_back([&] { sender->run(wait); });
  for (auto& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  int64_t requests = 0;
  for (const auto& sender : all) {
    KFERRY_CHECK(sender->result());
    requests += sender->requests();
  }
  fmt::print(
      "{{\"seconds\":{:.3f},\"records\":{},\"bytes\":{},\"batches\":{},\"requests\":{},"
      "\"mb_per_second\":{:.1f}}}\n",
      seconds, records, bytes, batches, requests, static_cast<double>(bytes) / 1e6 / seconds);
  return {};
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4 || arguments.size() > 5) {
    fmt::print(stderr, "usage: bench_replay SOURCE TARGET TOPIC TARGET_TOPIC [CONNECTIONS]\n");
    return 2;
  }
  const auto source = wire::parse_bootstrap_servers(arguments[0]);
  const auto target = wire::parse_bootstrap_servers(arguments[1]);
  if (!source || !target) {
    fmt::print(stderr, "bench_replay: not HOST:PORT\n");
    return 2;
  }
  const size_t connections = arguments.size() == 5 ? std::stoul(arguments[4]) : 2;
  const auto done = replay(*source, *target, TopicName(arguments[2]), TopicName(arguments[3]),
                           std::max<size_t>(1, connections));
  if (done) return 0;
  fmt::print(stderr, "bench_replay: {}\n", done.error().message);
  return 1;
}

}  // namespace kferry::bench

int main(int argc, char** argv) {
  return kferry::bench::run({argv + 1, argv + argc});
}
