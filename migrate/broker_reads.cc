#include "migrate/broker_reads.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/backoff.h"
#include "wire/error_code.h"

namespace kferry::migrate {
namespace {

using groupproto::OffsetsQuery;
using groupproto::ZookeeperOffsetsByGroup;
using Topics = std::map<TopicName, wire::TopicInfo>;

constexpr size_t kReaders = 8;
constexpr size_t kSliceOffsets = 250;  // worth a connection, and soon answered

// What one broker is asked for in one go.
struct Slice {
  std::vector<OffsetsQuery> queries;
  size_t offsets = 0;
};

bool exists(const Topics& topics, const TopicPartition& partition) {
  const auto topic = topics.find(partition.topic);
  return topic != topics.end() && topic->second.partitions.contains(partition.partition);
}

std::vector<Slice> cut(const std::vector<OffsetsQuery>& queries, const Topics& topics) {
  std::vector<Slice> slices;
  for (const OffsetsQuery& query : queries) {
    bool begun = false;  // the group has a query in the last slice
    for (const TopicPartition& partition : query.partitions) {
      if (!exists(topics, partition)) continue;
      if (slices.empty() || slices.back().offsets == kSliceOffsets) {
        slices.emplace_back();
        begun = false;
      }
      Slice& slice = slices.back();
      if (!std::exchange(begun, true)) slice.queries.push_back({query.group, {}});
      slice.queries.back().partitions.push_back(partition);
      ++slice.offsets;
    }
  }
  return slices;
}

bool is_unsupported(const Error& error) {
  return error.kafka_code == wire::kUnsupportedVersion;
}

// One reader's connection: to one broker at a time, of which it is known that it knows the topics.
class Connection {
 public:
  Connection(std::vector<wire::Address> addresses, const wire::ClientConfig& config,
             const Topics& topics)
      : addresses_(std::move(addresses)), config_(config), topics_(topics) {}

  Result<ZookeeperOffsetsByGroup> read(const Slice& slice, const Wait& wait) {
    size_t without_it = 0;  // brokers in a row that do not have version 0
    const auto once = [&]() -> Result<ZookeeperOffsetsByGroup> {
      auto result = read_once(slice, wait);
      if (result) return result;
      cluster_.reset();
      std::ranges::rotate(addresses_, addresses_.begin() + 1);
      without_it = is_unsupported(result.error()) ? without_it + 1 : 0;
      return result;
    };
    const auto another_may = [&](const Error& error) {
      return error.kind == ErrorKind::kUnreachable ||
             (is_unsupported(error) && without_it < addresses_.size());
    };
    return with_retry({}, wait.at_most(2 * config_.request_timeout), once, another_may);
  }

 private:
  Result<ZookeeperOffsetsByGroup> read_once(const Slice& slice, const Wait& wait) {
    KFERRY_CHECK(connect(wait.at_most(config_.request_timeout)));
    KFERRY_TRY(wire::Broker* const broker, cluster_->any_broker(wait));
    // The other brokers that it has told of are not known to know the topics.
    if (broker->address() != addresses_.front()) return unreachable("has closed the connection");
    KFERRY_TRY(auto read, groupproto::fetch_zookeeper_offsets(*broker, slice.queries, wait));
    // KRaft brokers of 3.x advertise version 0 and then refuse it.
    for (const auto& [group, result] : read)
      if (!result && is_unsupported(result.error())) return std::unexpected(result.error());
    return read;
  }

  Result<> connect(const Wait& wait) {
    if (cluster_) return {};
    KFERRY_TRY(auto cluster, wire::Cluster::connect({addresses_.front()}, config_, wait));
    KFERRY_TRY(const auto metadata, cluster.fetch_metadata(std::nullopt, wait));
    for (const auto& [topic, info] : topics_)
      for (const auto& [partition, leader] : info.partitions)
        if (!exists(metadata.topics, {topic, partition}))
          return unreachable(fmt::format("does not know {}-{} yet", topic, partition));
    cluster_ = std::move(cluster);
    return {};
  }

  std::unexpected<Error> unreachable(const std::string& why) const {
    return fail(ErrorKind::kUnreachable,
                fmt::format("broker {} {}", to_string(addresses_.front()), why));
  }

  std::vector<wire::Address> addresses_;  // the first one's turn it is
  const wire::ClientConfig& config_;
  const Topics& topics_;
  std::optional<wire::Cluster> cluster_;
};

class Reading {
 public:
  Reading(const wire::Cluster& cluster, const Topics& topics, std::vector<Slice> slices,
          const Wait& wait, const std::function<void(int64_t)>& on_progress)
      : cluster_(cluster),
        topics_(topics),
        slices_(std::move(slices)),
        wait_(wait),
        on_progress_(on_progress) {}

  Result<ZookeeperOffsetsByGroup> run(const std::vector<OffsetsQuery>& queries) {
    for (const OffsetsQuery& query : queries)
      results_.try_emplace(query.group, groupproto::ZookeeperOffsets{});
    std::vector<wire::Address> addresses;
    for (const auto& [id, address] : cluster_.brokers()) addresses.push_back(address);
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < std::min(kReaders, slices_.size()); ++i) {
        std::ranges::rotate(addresses, addresses.begin() + 1);
        threads.emplace_back([this, addresses] { work(addresses); });
      }
    }
    if (error_) return std::unexpected(*error_);
    return std::move(results_);
  }

 private:
  void work(const std::vector<wire::Address>& addresses) {
    Connection connection(addresses, cluster_.config(), topics_);
    while (const Slice* const slice = next()) {
      auto read = connection.read(*slice, wait_);
      const std::lock_guard lock(mutex_);
      if (!read) {
        if (!error_) error_ = read.error();
        return;
      }
      for (auto& [group, result] : *read) take_in(group, std::move(result));
      if (on_progress_) on_progress_(static_cast<int64_t>(slice->offsets));
    }
  }

  const Slice* next() {
    const std::lock_guard lock(mutex_);
    return error_ || next_ == slices_.size() ? nullptr : &slices_[next_++];
  }

  // A group may be in several slices; its first error is its result.
  void take_in(const GroupId& group, Result<groupproto::ZookeeperOffsets> result) {
    auto& all = results_.at(group);
    if (!all) return;
    if (!result) {
      all = std::move(result);
      return;
    }
    all->found.merge(result->found);
    all->unreadable.merge(result->unreadable);
  }

  const wire::Cluster& cluster_;
  const Topics& topics_;
  const std::vector<Slice> slices_;
  const Wait wait_;
  const std::function<void(int64_t)>& on_progress_;
  std::mutex mutex_;  // guards the rest
  size_t next_ = 0;
  ZookeeperOffsetsByGroup results_;
  std::optional<Error> error_;
};

}  // namespace

Result<ZookeeperOffsetsByGroup> read_through_brokers(
    const wire::Cluster& cluster, const Topics& topics, const std::vector<OffsetsQuery>& queries,
    const Wait& wait, const std::function<void(int64_t)>& on_progress) {
  std::vector<Slice> slices = cut(queries, topics);
  Topics asked;
  for (const Slice& slice : slices)
    for (const OffsetsQuery& query : slice.queries)
      for (const auto& [topic, partition] : query.partitions)
        if (!asked.contains(topic)) asked.emplace(topic, topics.at(topic));
  return Reading(cluster, asked, std::move(slices), wait, on_progress).run(queries);
}

}  // namespace kferry::migrate
