#include "replicate/group_rules.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/whole_number.h"
#include "migrate/receipt.h"
#include "wire/messages/group_membership.h"

namespace kferry::replicate {
namespace {

constexpr std::string_view kCommitsPrefix = "group/";
constexpr std::string_view kLivedPrefix = "group-lived/";

// What follows kCommitsPrefix: TOPIC/P/GROUP.
std::optional<GroupRecord> parse_commits_key(std::string_view rest) {
  const size_t topic_end = rest.find('/');
  if (topic_end == rest.npos) return std::nullopt;
  const size_t partition_end = rest.find('/', topic_end + 1);
  if (partition_end == rest.npos) return std::nullopt;
  const std::string_view number = rest.substr(topic_end + 1, partition_end - topic_end - 1);
  int32_t partition = -1;
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), partition);
  if (error != std::errc() || end != number.data() + number.size() || partition < 0)
    return std::nullopt;
  GroupRecord record;
  record.group = GroupId(std::string(rest.substr(partition_end + 1)));
  record.target = {TopicName(std::string(rest.substr(0, topic_end))), Partition(partition)};
  return record;
}

GroupVerdict decide_unclaimed(const PartitionView& view, TargetOffset now) {
  const Translation& wanted = *view.translation;
  if (now < wanted.offset) return GroupVerdict::kWrite;
  if (!wanted.complete) return GroupVerdict::kPartly;
  return now == wanted.offset ? GroupVerdict::kInSync : GroupVerdict::kKept;
}

}  // namespace

bool is_internal_group(const GroupId& group) {
  return migrate::is_receipt_group(group) || group.value().starts_with("__kferry.") ||
         group.value().starts_with("kferry.");
}

bool may_be_mirrored(const GroupId& group, const groupproto::ListedGroup& listed) {
  // Share groups keep no offsets that could be committed (KIP-932).
  return !is_internal_group(group) && listed.type != "share" && listed.type != "Share";
}

bool lists_members_only(const wire::Broker& broker) {
  const auto joins = broker.version_of<wire::JoinGroupRequest>();
  return !joins || *joins == 0;
}

bool OwnCommits::include(TargetOffset offset) const {
  return std::ranges::find(values, offset) != values.end();
}

void OwnCommits::attempt(TargetOffset offset) {
  // One that is made again is the last one.
  std::erase(values, offset);
  values.push_back(offset);
  if (values.size() > kMostAttempts + 1) values.erase(values.begin() + 1);
}

void OwnCommits::seen(TargetOffset offset) {
  if (any() && values.back() == offset) values = {offset};
}

GroupVerdict decide(const PartitionView& view) {
  if (!view.translation) return GroupVerdict::kUntold;
  if (!view.target) return GroupVerdict::kWrite;
  const Translation& wanted = *view.translation;
  const TargetOffset now(view.target->offset.value());
  if (view.ours.include(now)) {
    if (now != wanted.offset || view.target->metadata != view.source.metadata)
      return GroupVerdict::kWrite;
    return wanted.complete ? GroupVerdict::kInSync : GroupVerdict::kPartly;
  }
  if (view.ours.any() || view.lived_on_target) return GroupVerdict::kKept;
  return decide_unclaimed(view, now);
}

bool is_adopted(const PartitionView& view) {
  return !view.ours.any() && decide(view) == GroupVerdict::kInSync;
}

std::string own_commits_key(const GroupId& group, const TopicPartition& target) {
  return fmt::format("{}{}/{}/{}", kCommitsPrefix, target.topic, target.partition, group);
}

std::string lived_key(const GroupId& group) {
  return fmt::format("{}{}", kLivedPrefix, group);
}

std::string to_json(const OwnCommits& commits) {
  nlohmann::json values = nlohmann::json::array();
  for (const TargetOffset value : commits.values) values.push_back(value.value());
  return nlohmann::json{{"committed", std::move(values)}}.dump();
}

std::string lived_json(int64_t now_ms) {
  return nlohmann::json{{"seen_at", to_rfc3339(now_ms)}}.dump();
}

Result<std::optional<GroupRecord>> parse_group_record(const std::string& key,
                                                      const std::string& value) {
  const std::string_view name = key;
  if (name.starts_with(kLivedPrefix)) {
    GroupRecord record;
    record.group = GroupId(key.substr(kLivedPrefix.size()));
    return record;
  }
  if (!name.starts_with(kCommitsPrefix)) return std::nullopt;
  auto record = parse_commits_key(name.substr(kCommitsPrefix.size()));
  std::string why = "its key names no topic, partition and group";
  if (record) {
    try {
      const auto json = nlohmann::json::parse(value);
      for (const auto& one : json.at("committed"))
        record->commits.values.emplace_back(whole<int64_t>(one));
      return record;
    } catch (const std::exception& error) {
      why = error.what();
    }
  }
  return fail(ErrorKind::kFailed,
              fmt::format("the flow's state: record '{}' is not readable: {}", key, why),
              "another version of kferry wrote it, or somebody else");
}

}  // namespace kferry::replicate
