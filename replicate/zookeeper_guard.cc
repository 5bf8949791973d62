#include "replicate/zookeeper_guard.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "migrate/receipt.h"
#include "replicate/group_rules.h"
#include "zkoffsets/convention.h"
#include "zkoffsets/scanner.h"

namespace kferry::replicate {
namespace {

constexpr const char* kAbout = "offsets in ZooKeeper";
constexpr Duration kCheckTimeout{120'000};
constexpr size_t kMostNamed = 3;

using zkoffsets::OffsetNode;

// What ZooKeeper asks of Kafka for one partition; nullopt with `trouble` empty: nothing.
std::optional<Offset> wanted_offset(const OffsetNode& node, std::string& trouble) {
  std::optional<Offset> wanted;
  const auto take = [&](const zkoffsets::ParsedOffset& parsed) {
    if (!parsed.offset) {
      trouble = fmt::format("{} holds no offset ({})", node.path, parsed.detail);
      return;
    }
    const Offset offset = to_kafka_offset(*parsed.offset, zkoffsets::Convention::kNext);
    wanted = std::max(wanted.value_or(offset), offset);
  };
  take(node.parsed);
  if (node.misplaced) take(*node.misplaced);
  return wanted;
}

std::optional<std::string> problem_of(const OffsetNode& node, const groupproto::GroupOffsets& kafka,
                                      const migrate::Receipts& receipts) {
  const TopicPartition partition{node.topic, node.partition};
  const auto committed = kafka.find(partition);
  const auto receipt = receipts.find(partition);
  const bool migrated =
      receipt != receipts.end() && migrate::is_about(receipt->second, node.node, node.parsed.offset,
                                                     zkoffsets::Convention::kNext);
  if (migrated && committed != kafka.end()) return std::nullopt;
  std::string trouble;
  const auto wanted = wanted_offset(node, trouble);
  if (!trouble.empty()) return trouble;
  if (!wanted) return std::nullopt;
  if (committed == kafka.end())
    return fmt::format("{} is at {} in ZooKeeper and has no offset in Kafka", partition, *wanted);
  if (committed->second.offset >= *wanted) return std::nullopt;
  return fmt::format("{} is at {} in ZooKeeper and at {} in Kafka", partition, *wanted,
                     committed->second.offset);
}

std::string as_sentence(const std::vector<std::string>& problems) {
  std::string text;
  for (size_t i = 0; i < std::min(problems.size(), kMostNamed); ++i)
    text += (i == 0 ? "" : "; ") + problems[i];
  if (problems.size() > kMostNamed)
    text += fmt::format("; and {} more", problems.size() - kMostNamed);
  return text;
}

}  // namespace

std::optional<std::string> unverified(const zkoffsets::GroupSnapshot& group,
                                      const groupproto::GroupOffsets& kafka,
                                      const migrate::Receipts& receipts,
                                      const std::function<bool(const TopicName&)>& matters) {
  std::vector<std::string> problems;
  for (const OffsetNode& node : group.offsets)
    if (matters(node.topic))
      if (auto problem = problem_of(node, kafka, receipts)) problems.push_back(std::move(*problem));
  for (const TopicPartition& denied : group.denied_offsets)
    if (matters(denied.topic))
      problems.push_back(fmt::format("the offset of {} may not be read", denied));
  for (const TopicName& denied : group.denied_topics)
    if (matters(denied))
      problems.push_back(fmt::format("the offsets of {} may not be read", denied));
  for (const TopicName& old : group.kafka07_topics)
    if (matters(old)) problems.push_back(fmt::format("{} has offsets of Kafka 0.7", old));
  if (group.all_denied) problems.emplace_back("its offsets may not be listed");
  if (problems.empty()) return std::nullopt;
  return as_sentence(problems);
}

void ZookeeperGuard::run(const StopToken& stop) {
  while (!stop.stop_requested()) {
    const auto done = check(Wait(Deadline::after(kCheckTimeout), stop));
    if (stop.stop_requested()) return;
    if (!done) {
      troubles_.set(kAbout, done.error().message);
      // A session that has expired does not come back.
      zookeeper_.reset();
      cluster_.reset();
      const std::lock_guard lock(mutex_);
      last_error_ = done.error();
    }
    stop.sleep_for(flow_.refresh_interval);
  }
}

Result<> ZookeeperGuard::check(const Wait& wait) {
  {
    const std::lock_guard lock(mutex_);
    if (checked_ && found_.empty()) return {};
  }
  KFERRY_TRY(const zkoffsets::Snapshot snapshot, scan(wait));
  KFERRY_TRY(GroupRefusals found, judge(snapshot, wait));
  publish(std::move(found));
  return {};
}

Result<zkoffsets::Snapshot> ZookeeperGuard::scan(const Wait& wait) {
  if (!zookeeper_) {
    KFERRY_TRY(zookeeper_,
               zkoffsets::ZkClient::connect(
                   {.connect = *flow_.zookeeper, .login = flow_.zookeeper_login}, wait.stop()));
  }
  zkoffsets::ScanRequest request;
  {
    const std::lock_guard lock(mutex_);
    if (checked_) {
      request.groups.emplace();
      for (const auto& [group, why] : found_) request.groups->push_back(group);
    }
  }
  return zkoffsets::scan(*zookeeper_, request, wait.stop());
}

Result<GroupRefusals> ZookeeperGuard::judge(const zkoffsets::Snapshot& snapshot, const Wait& wait) {
  if (!cluster_) {
    KFERRY_TRY(cluster_, wire::Cluster::connect(flow_.source.addresses, flow_.source.client, wait));
  }
  KFERRY_TRY(const auto metadata, cluster_->fetch_metadata(std::nullopt, wait));
  if (snapshot.cluster_id && metadata.cluster_id && *snapshot.cluster_id != *metadata.cluster_id)
    return fail(ErrorKind::kRefused,
                fmt::format("ZooKeeper {} belongs to cluster {}, but the source is cluster {}",
                            snapshot.zookeeper, *snapshot.cluster_id, *metadata.cluster_id),
                "check --zookeeper, with its chroot");
  std::vector<groupproto::OffsetsQuery> queries;
  for (const auto& group : snapshot.groups) {
    if (!flow_.groups.selects(group.group.value()) || is_internal_group(group.group)) continue;
    std::vector<TopicPartition> partitions;
    for (const OffsetNode& node : group.offsets) partitions.push_back({node.topic, node.partition});
    queries.push_back({group.group, partitions});
    queries.push_back({migrate::receipt_group(group.group), partitions});
  }
  groupproto::Coordinators coordinators(*cluster_);
  KFERRY_TRY(const auto read, groupproto::fetch_kafka_offsets(coordinators, queries, wait));
  // A topic that is gone from the source is not mirrored either. A broker that has just started
  // does not know all that there are.
  const auto matters = [&](const TopicName& topic) {
    return flow_.topics.selects(topic.value()) && !is_internal_topic(topic) &&
           (metadata.topics.contains(topic) || snapshot.topics.contains(topic));
  };
  GroupRefusals found;
  for (const auto& group : snapshot.groups) {
    const auto kafka = read.find(group.group);
    if (kafka == read.end()) continue;
    const auto notes = read.find(migrate::receipt_group(group.group));
    migrate::Receipts receipts;
    if (notes != read.end() && notes->second) receipts = migrate::parse_receipts(*notes->second);
    const auto problem = kafka->second ? unverified(group, *kafka->second, receipts, matters)
                                       : std::optional(kafka->second.error().message);
    if (problem)
      found[group.group] = fmt::format(
          "offsets in ZooKeeper are not in Kafka: {}; run kferry migrate --group {} first",
          *problem, group.group);
  }
  return found;
}

void ZookeeperGuard::publish(GroupRefusals found) {
  const bool warns = flow_.guard == GuardPolicy::kWarn;
  if (found.empty()) {
    troubles_.clear(kAbout);
  } else {
    troubles_.set(kAbout,
                  fmt::format("{} group{} with offsets in ZooKeeper that are not in Kafka {}, "
                              "such as '{}'",
                              found.size(), found.size() == 1 ? "" : "s",
                              warns ? "and are synced all the same" : "and are not synced",
                              found.begin()->first));
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [group, why] : found_)
    if (!found.contains(group))
      log::info("the group's offsets are in Kafka now", {{"group", group.value()}});
  for (const auto& [group, why] : found)
    if (!found_.contains(group)) log::warn(why, {{"group", group.value()}});
  found_ = std::move(found);
  checked_ = true;
}

Result<GroupRefusals> ZookeeperGuard::refusals() const {
  const std::lock_guard lock(mutex_);
  if (flow_.guard == GuardPolicy::kWarn) return GroupRefusals{};
  if (!checked_) return std::unexpected(last_error_);
  return found_;
}

GroupRefusals ZookeeperGuard::findings() const {
  const std::lock_guard lock(mutex_);
  return found_;
}

}  // namespace kferry::replicate
