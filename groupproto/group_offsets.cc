#include "groupproto/group_offsets.h"

#include <set>

#include "wire/error_code.h"
#include "wire/messages/offsets.h"

namespace kferry::groupproto {

using wire::OffsetCommitRequest;
using wire::OffsetFetchRequest;
using wire::OffsetFetchResponse;

namespace {

// Groups in one OffsetFetch version 8: bounds the size of the answer.
constexpr size_t kGroupsPerRequest = 100;
// A commit becomes one record batch in __consumer_offsets, where message.max.bytes (1 MB by
// default) holds; half of it leaves room for what the broker adds to each entry.
constexpr size_t kCommitBytes = 500'000;
constexpr size_t kBytesAroundEntry = 60;

std::vector<OffsetFetchRequest::Topic> by_topic(const std::vector<TopicPartition>& partitions) {
  std::vector<OffsetFetchRequest::Topic> topics;
  std::map<TopicName, size_t> index;
  for (const auto& [topic, partition] : partitions) {
    const auto [at, is_new] = index.emplace(topic, topics.size());
    if (is_new) topics.push_back({topic, {}});
    topics[at->second].partition_indexes.push_back(partition);
  }
  return topics;
}

// Whether the code means "no such offset" rather than trouble.
bool means_absent(int16_t code) {
  return code == wire::kNone || code == wire::kUnknownTopicOrPartition;
}

// What one answer says of one group. `asked`: the partitions that were asked for, nullptr for all
// that there are. `retry` is set when another broker, or the same one later, must be asked.
// `unreadable` takes the partitions in trouble of their own; without it that is the group's.
Result<GroupOffsets> read_group(const GroupId& group, int16_t group_code,
                                const std::vector<OffsetFetchResponse::Topic>& topics,
                                const std::vector<TopicPartition>* asked, bool& retry,
                                std::set<TopicPartition>* unreadable = nullptr) {
  const std::string doing = fmt::format("reading the committed offsets of group '{}'", group);
  const auto trouble = [&](int16_t code, const std::string& where) -> Result<GroupOffsets> {
    retry = is_coordinator_error(code) || code == wire::kUnstableOffsetCommit;
    return std::unexpected(wire::kafka_error(code, doing + where));
  };
  if (group_code != wire::kNone) return trouble(group_code, "");
  GroupOffsets offsets;
  std::set<TopicPartition> missing;
  if (asked != nullptr) missing.insert(asked->begin(), asked->end());
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition tp{topic.name, partition.partition_index};
      missing.erase(tp);
      if (unreadable != nullptr && partition.error_code == wire::kUnknownServerError) {
        unreadable->insert(tp);
        continue;
      }
      if (!means_absent(partition.error_code))
        return trouble(partition.error_code, fmt::format(", {}", tp));
      if (partition.error_code == wire::kNone && partition.committed_offset >= 0)
        offsets[tp] = {Offset(partition.committed_offset), partition.metadata.value_or("")};
    }
  }
  // That is not the same as "no offset".
  if (!missing.empty())
    return fail(ErrorKind::kFailed,
                fmt::format("{}: the broker's answer leaves out {}", doing, *missing.begin()));
  return offsets;
}

class KafkaOffsetsReader {
 public:
  KafkaOffsetsReader(const std::vector<OffsetsQuery>& queries, const FetchOptions& options,
                     const Wait& wait)
      : wait_(wait), stable_(options.open_transactions == OpenTransactions::kRespect) {
    for (const OffsetsQuery& query : queries) queries_[query.group] = &query;
  }

  Result<std::vector<GroupId>> ask(wire::Broker& broker, const std::vector<GroupId>& groups) {
    KFERRY_TRY(const int16_t version, broker.version_of<OffsetFetchRequest>({1, 9}));
    again_.clear();
    if (version >= 8) {
      KFERRY_CHECK(ask_batched(broker, groups, version));
    } else {
      KFERRY_CHECK(ask_pipelined(broker, groups, version));
    }
    return again_;
  }

  // A group that was answered last with trouble of its own keeps that.
  OffsetsByGroup take(const Coordinators::Refusals& refused) {
    for (const auto& [group, error] : refused) results_.try_emplace(group, std::unexpected(error));
    return std::move(results_);
  }

 private:
  void store(const GroupId& group, int16_t code,
             const std::vector<OffsetFetchResponse::Topic>& topics,
             const std::vector<TopicPartition>* asked = nullptr) {
    bool retry = false;
    results_.insert_or_assign(group, read_group(group, code, topics, asked, retry));
    if (retry) again_.push_back(group);
  }

  Result<> ask_batched(wire::Broker& broker, const std::vector<GroupId>& groups, int16_t version) {
    std::vector<OffsetFetchRequest> requests;
    for (size_t begin = 0; begin < groups.size(); begin += kGroupsPerRequest) {
      OffsetFetchRequest& request = requests.emplace_back();
      request.require_stable = stable_;
      const size_t end = std::min(groups.size(), begin + kGroupsPerRequest);
      for (size_t i = begin; i < end; ++i)
        request.groups.push_back({.group_id = groups[i], .member_id = {}, .topics = {}});
    }
    KFERRY_TRY(const auto responses, broker.pipeline(requests, version, wait_));
    for (const auto& response : responses)
      for (const auto& group : response.groups)
        store(group.group_id, group.error_code, group.topics);
    for (const GroupId& group : groups)
      if (!results_.contains(group)) again_.push_back(group);
    return {};
  }

  Result<> ask_pipelined(wire::Broker& broker, const std::vector<GroupId>& groups,
                         int16_t version) {
    std::vector<OffsetFetchRequest> requests;
    for (const GroupId& group : groups) {
      OffsetFetchRequest& request = requests.emplace_back();
      request.group_id = group;
      request.require_stable = stable_ && version >= 7;
      if (version < 2) request.topics = by_topic(queries_.at(group)->partitions);
    }
    KFERRY_TRY(const auto responses, broker.pipeline(requests, version, wait_));
    for (size_t i = 0; i < groups.size(); ++i)
      store(groups[i], responses[i].error_code, responses[i].topics,
            version < 2 ? &queries_.at(groups[i])->partitions : nullptr);
    return {};
  }

  const Wait wait_;
  const bool stable_;
  std::map<GroupId, const OffsetsQuery*> queries_;
  OffsetsByGroup results_;
  std::vector<GroupId> again_;
};

std::vector<GroupId> groups_of(const std::vector<OffsetsQuery>& queries) {
  std::vector<GroupId> groups;
  for (const OffsetsQuery& query : queries) groups.push_back(query.group);
  return groups;
}

}  // namespace

Result<OffsetsByGroup> fetch_kafka_offsets(Coordinators& coordinators,
                                           const std::vector<OffsetsQuery>& queries,
                                           const Wait& wait, const FetchOptions& options) {
  KafkaOffsetsReader reader(queries, options, wait);
  const auto ask = [&](wire::Broker& broker, const std::vector<GroupId>& groups) {
    return reader.ask(broker, groups);
  };
  KFERRY_TRY(const auto refused,
             coordinators.for_each(groups_of(queries), wait, ask, options.asking));
  return reader.take(refused);
}

Result<ZookeeperOffsetsByGroup> fetch_zookeeper_offsets(wire::Broker& broker,
                                                        const std::vector<OffsetsQuery>& queries,
                                                        const Wait& wait) {
  KFERRY_CHECK(broker.version_of<OffsetFetchRequest>({0, 0}));
  std::vector<OffsetFetchRequest> requests;
  for (const OffsetsQuery& query : queries) {
    OffsetFetchRequest& request = requests.emplace_back();
    request.group_id = query.group;
    request.topics = by_topic(query.partitions);
  }
  KFERRY_TRY(const auto responses, broker.pipeline(requests, 0, wait));
  ZookeeperOffsetsByGroup results;
  for (size_t i = 0; i < queries.size(); ++i) {
    bool retry = false;
    std::set<TopicPartition> unreadable;
    auto read = read_group(queries[i].group, wire::kNone, responses[i].topics,
                           &queries[i].partitions, retry, &unreadable);
    if (!read)
      results.emplace(queries[i].group, std::unexpected(std::move(read).error()));
    else
      results.emplace(queries[i].group, ZookeeperOffsets{std::move(*read), std::move(unreadable)});
  }
  return results;
}

namespace {

// As many of `offsets`, from `next` on, as fit.
OffsetCommitRequest next_commit(const Committer& committer,
                                const std::vector<OffsetToCommit>& offsets,
                                const CommitOptions& options, size_t& next) {
  OffsetCommitRequest request;
  request.group_id = committer.group;
  request.generation_id_or_member_epoch = committer.generation;
  request.member_id = committer.member;
  if (options.retention) request.retention_time_ms = options.retention->count();
  std::map<TopicName, size_t> index;
  for (size_t bytes = 0; next < offsets.size() && (bytes == 0 || bytes < kCommitBytes); ++next) {
    const auto& [tp, offset, metadata] = offsets[next];
    const auto [at, is_new] = index.emplace(tp.topic, request.topics.size());
    if (is_new) request.topics.push_back({tp.topic, {}});
    request.topics[at->second].partitions.push_back({.partition_index = tp.partition,
                                                     .committed_offset = offset,
                                                     .committed_metadata = metadata});
    bytes += committer.group.value().size() + tp.topic.value().size() + metadata.size() +
             kBytesAroundEntry;
  }
  return request;
}

}  // namespace

Result<CommitResults> commit_offsets(wire::Broker& coordinator, const Committer& committer,
                                     const std::vector<OffsetToCommit>& offsets,
                                     const CommitOptions& options, const Wait& wait) {
  CommitResults results;
  for (const auto& [tp, offset, metadata] : offsets) {
    if (offset.value() < 0)
      return fail(ErrorKind::kFailed, fmt::format("refusing to commit {} for {}", offset, tp));
    results[tp] = wire::kUnknownServerError;  // an answer that leaves it out is no success
  }
  const wire::ApiVersionRange wanted =
      options.retention ? wire::ApiVersionRange{2, 4} : wire::ApiVersionRange{1, 9};
  KFERRY_TRY(const int16_t version, coordinator.version_of<OffsetCommitRequest>(wanted));
  for (size_t next = 0; next < offsets.size();) {
    const OffsetCommitRequest request = next_commit(committer, offsets, options, next);
    KFERRY_TRY(const auto response, coordinator.call(request, version, wait));
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        const auto ours = results.find({topic.name, partition.partition_index});
        if (ours != results.end()) ours->second = partition.error_code;
      }
    }
  }
  return results;
}

}  // namespace kferry::groupproto
