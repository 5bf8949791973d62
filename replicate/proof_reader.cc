#include "replicate/proof_reader.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "replicate/proof_cursor.h"
#include "replicate/wire_source.h"
#include "wire/cluster.h"
#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

using Cursors = std::map<TopicPartition, std::unique_ptr<ProofCursor>>;

constexpr int32_t kMostFetchBytes = 4 * 1024 * 1024;
constexpr int64_t kLeastFetchBytes = 64 * 1024;
constexpr size_t kMostDecodedBytes = 256UL * 1024 * 1024;
constexpr Duration kPatience{250};
constexpr Duration kRoundTimeout{60'000};
constexpr Duration kNothingComes{60'000};
constexpr Duration kPause{500};

// The partitions of one leader, until they are read or the leader is one no more.
class LeaderReader {
 public:
  LeaderReader(const ProofReading& reading, std::unique_ptr<WireSource> source, Cursors& cursors)
      : reading_(reading), source_(std::move(source)), cursors_(cursors) {}

  void add(const TopicPartition& partition, const wire::Uuid& topic_id) {
    source_->follow(partition, position_of(*cursors_.at(partition), topic_id));
    open_[partition] = topic_id;
  }

  Result<> run() {
    while (!open_.empty()) {
      KFERRY_CHECK(reading_.stop.check("reading records"));
      if (const Duration delay = reading_.rate.delay(); delay.count() > 0) {
        reading_.stop.sleep_for(delay);
        continue;
      }
      KFERRY_CHECK(round());
    }
    return {};
  }

 private:
  static FetchPosition position_of(const ProofCursor& cursor, const wire::Uuid& topic_id) {
    return {SourceOffset(cursor.position()), -1, topic_id};
  }

  Result<> round() {
    int64_t most = kMostFetchBytes;
    if (const int64_t limit = reading_.rate.get(); limit > 0)
      most = std::clamp(limit / 4, kLeastFetchBytes, most);
    const Wait wait(Deadline::after(kRoundTimeout), reading_.stop);
    KFERRY_TRY(const Fetched fetched, source_->fetch(static_cast<int32_t>(most), kPatience, wait));
    if (fetched.frame) reading_.rate.spend(fetched.frame->size());
    for (const FetchedPartition& one : fetched.partitions) KFERRY_CHECK(take(one));
    return {};
  }

  Result<> take(const FetchedPartition& fetched) {
    const auto found = open_.find(fetched.partition);
    if (found == open_.end()) return {};
    ProofCursor& cursor = *cursors_.at(fetched.partition);
    if (fetched.error_code != wire::kNone) {
      KFERRY_CHECK(take_error(fetched, cursor));
    } else {
      const int64_t before = cursor.position();
      if (const auto taken = cursor.take(fetched, kMostDecodedBytes); !taken)
        cursor.fail(fmt::format("it cannot be read from offset {} on: {}", cursor.position(),
                                taken.error().message));
      if (!cursor.done() && cursor.position() != before)
        source_->follow(fetched.partition, position_of(cursor, found->second));
    }
    if (cursor.done()) {
      source_->forget(fetched.partition);
      open_.erase(found);
    }
    return {};
  }

  // An error: this leader is left, or everything ends. Else the partition's trouble.
  static Result<> take_error(const FetchedPartition& fetched, ProofCursor& cursor) {
    Error error =
        wire::kafka_error(fetched.error_code, fmt::format("reading {}", fetched.partition));
    if (fetched.error_code == wire::kOffsetOutOfRange) {
      cursor.fail(fmt::format("offset {} was deleted before it could be compared (retention)",
                              cursor.position()));
      return {};
    }
    const bool leave = wire::error_row(fetched.error_code).retriable &&
                       fetched.error_code != wire::kCorruptMessage;
    if (leave || error.kind == ErrorKind::kNotAuthorised) return std::unexpected(std::move(error));
    cursor.fail(error.message);
    return {};
  }

  const ProofReading& reading_;
  const std::unique_ptr<WireSource> source_;
  Cursors& cursors_;  // only those that were added are used
  std::map<TopicPartition, wire::Uuid> open_;
};

bool is_final(const Error& error) {
  return error.kind == ErrorKind::kNotAuthorised || error.kind == ErrorKind::kInterrupted ||
         error.kind == ErrorKind::kUsage;
}

// One attempt: every open partition at its leader of now.
class Attempt {
 public:
  Attempt(const ProofReading& reading, Cursors& cursors) : reading_(reading), cursors_(cursors) {}

  Result<> run() {
    const Wait wait(Deadline::after(Duration(30'000)), reading_.stop);
    KFERRY_TRY(auto cluster,
               wire::Cluster::connect(reading_.cluster.addresses, reading_.cluster.client, wait));
    std::set<TopicName> topics;
    for (const auto& [partition, cursor] : cursors_) topics.insert(partition.topic);
    KFERRY_TRY(const auto metadata,
               cluster.fetch_metadata(std::vector(topics.begin(), topics.end()), wait));
    KFERRY_CHECK(assign(metadata, wait));
    std::vector<Result<>> ended(readers_.size());
    {
      std::vector<std::jthread> threads;
      size_t index = 0;
      for (auto& [leader, reader] : readers_)
        threads.emplace_back([&one = *reader, &end = ended[index++]] { end = one.run(); });
    }
    for (const Result<>& one : ended)
      if (!one) return one;
    return {};
  }

 private:
  Result<> assign(const wire::ClusterMetadata& metadata, const Wait& wait) {
    for (const auto& [partition, cursor] : cursors_) {
      if (cursor->done()) continue;
      const auto topic = metadata.topics.find(partition.topic);
      if (topic == metadata.topics.end() || topic->second.error_code != wire::kNone) {
        const int16_t code = topic == metadata.topics.end()
                                 ? int16_t{wire::kUnknownTopicOrPartition}
                                 : topic->second.error_code;
        return std::unexpected(wire::kafka_error(code, fmt::format("finding {}", partition)));
      }
      const auto found = topic->second.partitions.find(partition.partition);
      if (found == topic->second.partitions.end() || found->second.leader.value() < 0) continue;
      KFERRY_TRY(LeaderReader* const reader, reader_of(metadata, found->second.leader, wait));
      reader->add(partition, topic->second.topic_id);
    }
    return {};
  }

  Result<LeaderReader*> reader_of(const wire::ClusterMetadata& metadata, BrokerId leader,
                                  const Wait& wait) {
    auto& reader = readers_[leader];
    if (reader) return reader.get();
    const auto address = metadata.brokers.find(leader);
    if (address == metadata.brokers.end())
      return fail(ErrorKind::kUnreachable, fmt::format("broker {} has no address", leader));
    KFERRY_TRY(auto broker, wire::Broker::connect(address->second, reading_.cluster.client, wait));
    reader = std::make_unique<LeaderReader>(
        reading_, std::make_unique<WireSource>(std::move(broker)), cursors_);
    return reader.get();
  }

  const ProofReading& reading_;
  Cursors& cursors_;
  std::map<BrokerId, std::unique_ptr<LeaderReader>> readers_;
};

int64_t progress_of(const Cursors& cursors) {
  int64_t sum = 0;
  for (const auto& [partition, cursor] : cursors) sum += cursor->position() + cursor->done();
  return sum;
}

}  // namespace

Result<> read_tasks(const ProofReading& reading, const std::vector<ProofTask>& tasks) {
  Cursors cursors;
  for (const ProofTask& task : tasks) {
    auto cursor = std::make_unique<ProofCursor>(task, reading.sample, reading.sink);
    if (!cursor->done()) cursors[task.partition] = std::move(cursor);
  }
  Deadline give_up = Deadline::after(kNothingComes);
  int64_t progress = progress_of(cursors);
  while (!cursors.empty()) {
    const auto attempt = Attempt(reading, cursors).run();
    std::erase_if(cursors, [](const auto& one) { return one.second->done(); });
    if (cursors.empty()) break;
    if (!attempt && is_final(attempt.error())) return attempt;
    KFERRY_CHECK(reading.stop.check("reading records"));
    const int64_t now = progress_of(cursors);
    if (std::exchange(progress, now) != now) give_up = Deadline::after(kNothingComes);
    if (give_up.expired())
      return fail(
          ErrorKind::kUnreachable,
          fmt::format("{}: nothing comes of {} partitions: {}", reading.cluster.alias,
                      cursors.size(), attempt ? "they have no leader" : attempt.error().message));
    reading.stop.sleep_for(kPause);
  }
  return {};
}

}  // namespace kferry::replicate
