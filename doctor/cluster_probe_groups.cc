// ClusterProbe: the groups.
#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "doctor/cluster_probe.h"
#include "groupproto/coordinators.h"
#include "groupproto/group_offsets.h"
#include "groupproto/group_state.h"
#include "replicate/group_rules.h"
#include "wire/error_code.h"
#include "wire/messages/list_offsets.h"

namespace kferry::doctor {
namespace {

using wire::DescribeGroupsRequest;
using wire::ListOffsetsRequest;

constexpr Duration kGroupsTimeout{20'000};
constexpr size_t kGroupsPerRequest = 200;
constexpr int16_t kTellsOperations = 3;
constexpr int16_t kLastWithDead = 5;  // later versions have an error for unknown groups
const TopicName kOffsetsTopic("__consumer_offsets");

// The value in effect.
std::optional<std::string> effective(const TopicFacts& topic, const std::string& name) {
  if (!topic.configs) return std::nullopt;
  const auto found = topic.configs->find(name);
  return found == topic.configs->end() ? std::nullopt : found->second.value;
}

std::optional<int64_t> retention_ms(const TopicFacts& topic) {
  const auto policy = effective(topic, "cleanup.policy");
  const auto text = effective(topic, "retention.ms");
  int64_t value = -1;
  if (!policy || !text || !policy->contains("delete")) return std::nullopt;
  std::from_chars(text->data(), text->data() + text->size(), value);
  return value < 0 ? std::nullopt : std::optional(value);
}

}  // namespace

std::set<GroupId> ClusterProbe::group_names() {
  const auto listed = groupproto::list_groups(*cluster_, step());
  if (!listed) {
    groups_unlisted_ = listed.error();
    return {};
  }
  listed_ = listed->groups;
  if (const auto broker = cluster_->any_broker(step()))
    facts_.lists_members_only = replicate::lists_members_only(**broker);
  std::set<GroupId> names;
  for (const auto& [group, about] : listed_)
    if (replicate::may_be_mirrored(group, about)) names.insert(group);
  return names;
}

// Looking for a coordinator makes a broker create __consumer_offsets where it does not exist;
// before 2.8 asking for that topic by its name does so, too.
bool ClusterProbe::may_ask_coordinators() {
  if (!listed_.empty() || metadata_.topics.contains(kOffsetsTopic)) return true;
  int16_t code = wire::kUnknownServerError;
  if (!facts_.before_2_8) {
    if (const auto answer = ask_metadata({kOffsetsTopic}, false))
      for (const auto& topic : answer->topics)
        if (topic.name == kOffsetsTopic) code = topic.error_code;
  }
  if (code == wire::kNone) return true;
  facts_.has_no_groups = code == wire::kUnknownTopicOrPartition;
  facts_.groups_unread =
      facts_.has_no_groups
          ? "no group has ever committed there: it has no topic __consumer_offsets, and asking "
            "about a group would create it"
          : "it shows neither a group nor a topic __consumer_offsets, and asking about a group "
            "could create it";
  return false;
}

void ClusterProbe::read_groups(const std::set<GroupId>& groups, const std::set<GroupId>& others) {
  if (groups_unlisted_)
    facts_.groups_unread =
        fmt::format("the groups cannot be listed: {}", groups_unlisted_->message);
  std::set<GroupId> all = groups;
  all.insert(others.begin(), others.end());
  if (all.empty() || !may_ask_coordinators()) return;
  describe({all.begin(), all.end()}, groups);
  read_offsets(groups);
}

void ClusterProbe::describe(const std::vector<GroupId>& groups, const std::set<GroupId>& wanted) {
  groupproto::Coordinators coordinators(*cluster_);
  const Wait wait(Deadline::after(kGroupsTimeout), stop_);
  const auto ask = [&](wire::Broker& broker,
                       const std::vector<GroupId>& its_groups) -> Result<std::vector<GroupId>> {
    const auto version = broker.version_of<DescribeGroupsRequest>({0, kLastWithDead});
    if (!version) return std::vector<GroupId>{};  // 0.8 has no groups with members
    std::vector<GroupId> again;
    for (size_t begin = 0; begin < its_groups.size(); begin += kGroupsPerRequest) {
      const auto first = its_groups.begin() + static_cast<std::ptrdiff_t>(begin);
      const size_t count = std::min(kGroupsPerRequest, its_groups.size() - begin);
      const DescribeGroupsRequest request{{first, first + static_cast<std::ptrdiff_t>(count)},
                                          *version >= kTellsOperations};
      KFERRY_TRY(const auto answer, broker.call(request, *version, wait));
      for (const auto& group : answer.groups) {
        if (groupproto::is_coordinator_error(group.error_code))
          again.push_back(group.group_id);
        else
          take_group(group, wanted.contains(group.group_id));
      }
    }
    return again;
  };
  const auto refused = coordinators.for_each(groups, wait, ask);
  if (!refused) {
    facts_.groups_unread = refused.error().message;
    return;
  }
  for (const auto& [group, error] : *refused) {
    if (error.kind == ErrorKind::kNotAuthorised)
      facts_.group_operations[group] = std::set<wire::AclOperation>();
    if (wanted.contains(group)) facts_.groups[group].offsets = std::unexpected(error);
  }
}

void ClusterProbe::take_group(const wire::DescribeGroupsResponse::Group& group, bool wanted) {
  const bool denied = group.error_code == wire::kGroupAuthorizationFailed;
  facts_.group_operations[group.group_id] = denied ? Operations(std::set<wire::AclOperation>())
                                                   : operations_by(group.authorized_operations);
  if (!wanted) return;
  GroupFacts& facts = facts_.groups[group.group_id];
  facts.state = group.group_state;
  facts.members = group.members.size();
  // Of a group of the consumer protocol (KIP-848) only the list tells.
  const auto listed = listed_.find(group.group_id);
  if (facts.members == 0 && listed != listed_.end() && !listed->second.state.empty())
    facts.state = listed->second.state;
}

void ClusterProbe::read_offsets(const std::set<GroupId>& groups) {
  std::vector<TopicPartition> partitions;
  for (const auto& [topic, facts] : facts_.topics)
    for (const auto& [partition, one] : facts.partitions) partitions.push_back({topic, partition});
  std::vector<groupproto::OffsetsQuery> queries;
  for (const GroupId& group : groups)
    if (const auto found = facts_.groups.find(group);
        found != facts_.groups.end() && found->second.offsets)
      queries.push_back({group, partitions});
  if (queries.empty()) return;
  groupproto::Coordinators coordinators(*cluster_);
  auto read = groupproto::fetch_kafka_offsets(
      coordinators, queries, Wait(Deadline::after(kGroupsTimeout), stop_),
      {.open_transactions = groupproto::OpenTransactions::kOverlook});
  if (!read) {
    facts_.groups_unread = read.error().message;
    return;
  }
  for (auto& [group, offsets] : *read) facts_.groups[group].offsets = std::move(offsets);
}

void ClusterProbe::read_safe_offsets(int64_t now_ms) {
  std::map<TopicPartition, int64_t> timestamps;
  for (const auto& [group, facts] : facts_.groups) {
    if (!facts.offsets) continue;
    for (const auto& [partition, committed] : *facts.offsets) {
      const auto topic = facts_.topics.find(partition.topic);
      if (topic == facts_.topics.end()) continue;
      if (const auto retention = retention_ms(topic->second))
        timestamps[partition] = now_ms - *retention + std::min(kRetentionMarginMs, *retention / 2);
    }
  }
  if (timestamps.empty()) return;
  if (auto found = offsets_at(timestamps)) facts_.safe_from = std::move(*found);
}

// The first record of each partition that is not older; none where all are. Partitions whose leader
// cannot be asked are left out.
Result<std::map<TopicPartition, Offset>> ClusterProbe::offsets_at(
    const std::map<TopicPartition, int64_t>& timestamps) {
  std::map<BrokerId, std::map<TopicName, std::vector<ListOffsetsRequest::PartitionQuery>>> asked;
  for (const auto& [partition, timestamp] : timestamps) {
    const auto topic = metadata_.topics.find(partition.topic);
    if (topic == metadata_.topics.end()) continue;
    const auto info = topic->second.partitions.find(partition.partition);
    if (info == topic->second.partitions.end() || info->second.leader.value() < 0) continue;
    asked[info->second.leader][partition.topic].push_back(
        {.partition_index = partition.partition, .timestamp = timestamp});
  }
  std::map<TopicPartition, Offset> found;
  const Wait wait = step();
  for (auto& [leader, topics] : asked) {
    const auto broker = cluster_->broker(leader, wait);
    if (!broker) continue;
    const auto version = (*broker)->version_of<ListOffsetsRequest>({1, 9});
    if (!version) continue;  // before 0.10.1
    ListOffsetsRequest request;
    for (auto& [topic, partitions] : topics)
      request.topics.push_back({topic, std::move(partitions)});
    const auto answer = (*broker)->call(request, *version, wait);
    if (!answer) continue;
    for (const auto& topic : answer->topics)
      for (const auto& one : topic.partitions)
        if (one.error_code == wire::kNone)
          found[{topic.name, one.partition_index}] = Offset(one.offset);
  }
  return found;
}

}  // namespace kferry::doctor
