#include "replicate/wire_source.h"

#include <algorithm>
#include <limits>

#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

using wire::FetchRequest;
using wire::FetchResponse;

constexpr int16_t kWithSessions = 7;
constexpr int16_t kWithTopicIds = 13;
// What the broker is asked for in addition to the time that it may wait for data.
constexpr Duration kAnswerTimeout{30'000};
constexpr int32_t kPartitionBytes = 1024 * 1024;

bool is_session_trouble(int16_t code) {
  return code == wire::kFetchSessionIdNotFound || code == wire::kInvalidFetchSessionEpoch ||
         code == wire::kFetchSessionTopicIdError || code == wire::kInconsistentTopicId;
}

// The topic's element of `topics`, which has those of the last call at its end.
template <class Topics>
auto& topic_in(Topics& topics, const TopicName& name, const wire::Uuid& id) {
  if (topics.empty() || topics.back().topic != name) {
    auto& topic = topics.emplace_back();
    topic.topic = name;
    topic.topic_id = id;
  }
  return topics.back();
}

}  // namespace

void WireSource::follow(const TopicPartition& partition, const FetchPosition& position) {
  const bool has_id = position.topic_id != wire::Uuid{};
  const auto known = followed_.find(partition);
  if (known != followed_.end() && known->second.topic_id == wire::Uuid{}) --without_id_;
  if (!has_id) ++without_id_;
  if (has_id) topics_[position.topic_id] = partition.topic;
  followed_[partition] = position;
  changed_.insert(partition);
  forgotten_.erase(partition);
}

void WireSource::forget(const TopicPartition& partition) {
  changed_.erase(partition);
  const auto known = followed_.find(partition);
  if (known == followed_.end()) return;
  if (known->second.topic_id == wire::Uuid{}) --without_id_;
  forgotten_[partition] = known->second.topic_id;
  followed_.erase(known);
}

// Topic ids are for all topics of a request or for none.
Result<int16_t> WireSource::choose_version() const {
  const int16_t highest =
      without_id_ == 0 ? FetchRequest::kVersions.highest : int16_t{kWithTopicIds - 1};
  return broker_.version_of<FetchRequest>({0, highest});
}

void WireSource::begin_session() {
  session_id_ = 0;
  session_epoch_ = FetchRequest::kNewSession;
  forgotten_.clear();
  changed_.clear();
}

void WireSource::add_followed(FetchRequest& request, int16_t version, bool all) {
  const auto add = [&](const TopicPartition& partition, const FetchPosition& position) {
    auto& topic = topic_in(request.topics, partition.topic, position.topic_id);
    FetchRequest::PartitionToFetch& fetch = topic.partitions.emplace_back();
    fetch.partition = partition.partition;
    fetch.fetch_offset = position.offset.value();
    if (version >= FetchRequest::kFlexibleSince) fetch.last_fetched_epoch = position.last_epoch;
    fetch.partition_max_bytes = kPartitionBytes;
  };
  if (all) {
    for (const auto& [partition, position] : followed_) add(partition, position);
  } else {
    for (const TopicPartition& partition : changed_) add(partition, followed_.at(partition));
  }
  changed_.clear();
}

void WireSource::add_forgotten(FetchRequest& request) {
  for (const auto& [partition, topic_id] : forgotten_)
    topic_in(request.forgotten_topics_data, partition.topic, topic_id)
        .partitions.push_back(partition.partition);
}

FetchRequest WireSource::make_request(int16_t version, int32_t most_bytes, Duration patience) {
  FetchRequest request;
  request.max_wait_ms = static_cast<int32_t>(patience.count());
  request.min_bytes = 1;
  request.max_bytes = most_bytes;
  request.isolation_level = FetchRequest::kReadCommitted;
  const bool session = version >= kWithSessions;
  const bool whole = !session || session_epoch_ == FetchRequest::kNewSession;
  if (session) {
    request.session_id = session_id_;
    request.session_epoch = session_epoch_;
  }
  if (!whole) add_forgotten(request);
  forgotten_.clear();
  add_followed(request, version, whole);
  return request;
}

// False: the answer says nothing but that the session is gone.
bool WireSource::take_session(const FetchResponse& response) {
  if (is_session_trouble(response.error_code)) {
    begin_session();
    return false;
  }
  session_id_ = response.session_id;
  // 0: the broker's cache of sessions is full, and the next request is a whole one again.
  // After the highest comes 1 (Kafka: FetchMetadata.nextEpoch).
  const bool last = session_epoch_ == std::numeric_limits<int32_t>::max();
  session_epoch_ = session_id_ == 0 ? FetchRequest::kNewSession : last ? 1 : session_epoch_ + 1;
  return true;
}

FetchedPartition WireSource::take_partition(const TopicName& topic,
                                            const FetchResponse::PartitionData& data) const {
  FetchedPartition fetched;
  fetched.partition = {topic, data.partition_index};
  fetched.error_code = data.error_code;
  fetched.high_watermark = SourceOffset(data.high_watermark);
  fetched.last_stable_offset = SourceOffset(data.last_stable_offset);
  fetched.log_start = SourceOffset(data.log_start_offset);
  fetched.diverges_at = SourceOffset(data.diverging_epoch.end_offset);
  for (const auto& one :
       data.aborted_transactions.value_or(std::vector<FetchResponse::AbortedTransaction>{}))
    fetched.aborted.push_back({one.producer_id, one.first_offset});
  std::ranges::sort(fetched.aborted, {}, &FetchedPartition::Aborted::first_offset);
  if (data.records) fetched.records = data.records->data;
  return fetched;
}

Result<Fetched> WireSource::fetch(int32_t most_bytes, Duration patience, const Wait& wait) {
  KFERRY_TRY(const int16_t version, choose_version());
  const FetchRequest request = make_request(version, most_bytes, patience);
  const Wait bounded = wait.at_most(patience + kAnswerTimeout);
  KFERRY_CHECK(broker_.post(request, version, bounded));
  KFERRY_TRY(auto held, broker_.take<FetchRequest>(version, bounded));
  Fetched fetched;
  if (version >= kWithSessions) {
    if (!take_session(held.response)) return fetched;
    if (held.response.error_code != wire::kNone)
      return std::unexpected(
          wire::kafka_error(held.response.error_code,
                            fmt::format("broker {}: fetching", to_string(broker_.address()))));
  }
  for (const auto& topic : held.response.responses) {
    TopicName name = topic.topic;
    if (version >= kWithTopicIds) {
      const auto found = topics_.find(topic.topic_id);
      if (found == topics_.end()) continue;
      name = found->second;
    }
    for (const auto& data : topic.partitions)
      if (followed_.contains({name, data.partition_index}))
        fetched.partitions.push_back(take_partition(name, data));
  }
  fetched.frame = std::move(held.frame);
  return fetched;
}

}  // namespace kferry::replicate
