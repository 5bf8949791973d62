// Judging: brokers' configs, and committed offsets.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "doctor/config_values.h"
#include "doctor/judge.h"

namespace kferry::doctor {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 24 * 60 * kMinute;
// Longer than a broker may be away while the mirror waits for it.
constexpr int64_t kLeastProducerMemoryMs = 15 * kMinute;
constexpr int64_t kLeastOffsetsRetentionMs = kDay;

std::optional<int64_t> number_of(const ClusterFacts& cluster, const char* name) {
  return to_number(effective(cluster.broker_configs, name));
}

void judge_auto_creation(const DoctorFacts& facts, Findings& findings) {
  if (effective(facts.target->broker_configs, "auto.create.topics.enable") != "true") return;
  std::vector<std::string> missing;
  for (const auto& [topic, unused] : facts.source.topics) {
    const TopicName there = target_topic(facts.scope.flow, topic);
    if (!facts.target->topics.contains(there)) missing.push_back(there.value());
  }
  if (missing.empty()) return;
  findings.push_back(
      {Level::kAttention, "broker-config", "target",
       fmt::format("auto.create.topics.enable is true, and these do not exist yet: {}",
                   names_in_short(missing)),
       "a client that comes before the mirror makes the topic, with the brokers' number of "
       "partitions; with a record in it the offsets cannot be the same",
       "set auto.create.topics.enable=false until the mirror has made them, or keep clients away"});
}

void judge_producer_memory(const DoctorFacts& facts, Findings& findings) {
  const ClusterFacts& target = *facts.target;
  // Before 3.4 (KIP-854) the other one counted for all producers.
  const char* name = "producer.id.expiration.ms";
  auto memory = number_of(target, name);
  if (!memory) {
    name = "transactional.id.expiration.ms";
    memory = number_of(target, name);
  }
  if (!memory) return;
  const bool enough = *memory >= kLeastProducerMemoryMs;
  findings.push_back(
      {enough ? Level::kFine : Level::kAttention, "producer-id", "target",
       fmt::format("{} is {}: so long the target knows the mirror's producer id in a partition "
                   "without traffic",
                   name, time_words(*memory)),
       enough ? ""
              : "what is sent again after an answer got lost is refused only as long as the id "
                "is known: a record could be doubled",
       enough ? "" : fmt::format("set {} to 1 d (86400000), which is Kafka's default", name)});
  const auto here = number_of(facts.source, "transactional.id.expiration.ms");
  const auto there = number_of(target, "transactional.id.expiration.ms");
  if (here && there && *there < *here)
    findings.push_back({Level::kNote, "producer-id", "target",
                        fmt::format("transactional.id.expiration.ms is {}, on the source it is {}",
                                    time_words(*there), time_words(*here)),
                        "a transactional producer that is idle for longer has to begin anew",
                        "raise it on the target if one is"});
}

void judge_configs_unread(const ClusterFacts& cluster, Findings& findings) {
  if (cluster.trouble || cluster.broker_configs) return;
  findings.push_back(
      {Level::kUnknown, "broker-config", std::string(to_string(cluster.side)),
       "the brokers' configs cannot be read: " + cluster.broker_configs.error().message,
       "how long offsets and producer ids are kept, and topics' defaults, are unknown",
       cluster.broker_configs.error().hint});
}

// "user alice and client-id (default)".
std::string words_of(const QuotaFacts& quota) {
  std::string text;
  for (const auto& [type, name] : quota.entity)
    text += fmt::format("{}{} {}", text.empty() ? "" : " and ", type, name.value_or("(default)"));
  return text;
}

// Whether it holds for us for certain: who we are the brokers do not tell, but our client id we
// know, and defaults are for those who have no quota of their own.
bool is_ours(const QuotaFacts& quota, const std::string& client_id) {
  return std::ranges::all_of(quota.entity, [&](const auto& one) {
    return !one.second || (one.first == "client-id" && *one.second == client_id);
  });
}

void judge_quotas(const DoctorFacts& facts, const ClusterFacts& cluster, Findings& findings) {
  if (!cluster.quotas) return;
  const std::string side(to_string(cluster.side));
  if (!*cluster.quotas) {
    findings.push_back({Level::kUnknown, "quota", side,
                        "the quotas cannot be read: " + cluster.quotas->error().message,
                        "whether the mirror would be slowed down is not seen",
                        cluster.quotas->error().hint});
    return;
  }
  const bool reads = cluster.side == Side::kSource;
  const auto& settings = reads ? facts.scope.flow.source : facts.scope.flow.target;
  bool any = false;
  for (const QuotaFacts& quota : **cluster.quotas)
    for (const auto& [key, value] : quota.values) {
      if (key != "request_percentage" &&
          key != (reads ? "consumer_byte_rate" : "producer_byte_rate"))
        continue;
      any = true;
      const bool ours = is_ours(quota, settings.client.client_id);
      findings.push_back(
          {ours ? Level::kAttention : Level::kNote, "quota",
           fmt::format("{}, {}", side, words_of(quota)), fmt::format("{} is {:.0f}", key, value),
           ours ? "the brokers slow the mirror down to that"
                : "if kferry is that user, the brokers slow the mirror down to that",
           "give kferry's user a quota of its own that is high enough for the time of the move"});
    }
  if (!any)
    findings.push_back({Level::kFine, "quota", side, "no quota slows the mirror down", "", ""});
}

std::optional<int64_t> offsets_retention_ms(const ClusterFacts& cluster) {
  const auto minutes = number_of(cluster, "offsets.retention.minutes");
  return minutes ? std::optional(*minutes * kMinute) : std::nullopt;
}

// Kafka counts from when a group became empty (2.1 and later), and does not tell when that was.
void judge_expiry(const ClusterFacts& cluster, Findings& findings) {
  const auto retention = offsets_retention_ms(cluster);
  if (!retention) return;
  std::vector<std::string> empty;
  for (const auto& [group, facts] : cluster.groups)
    if (!facts.is_alive() && facts.offsets && !facts.offsets->empty())
      empty.push_back(group.value());
  const std::string side(to_string(cluster.side));
  const bool is_short = *retention <= kLeastOffsetsRetentionMs;
  if (empty.empty()) {
    findings.push_back({is_short ? Level::kNote : Level::kFine, "offsets", side,
                        fmt::format("offsets.retention.minutes: {}", time_words(*retention)),
                        is_short ? "offsets of a group that is empty for so long are dropped" : "",
                        is_short ? "raise it for the time of the move" : ""});
    return;
  }
  findings.push_back(
      {is_short ? Level::kAttention : Level::kNote, "offsets",
       fmt::format("{}, group{} {}", side, empty.size() == 1 ? "" : "s", names_in_short(empty)),
       fmt::format("without members: {} after the last one left the offsets are dropped "
                   "(offsets.retention.minutes); when it left, Kafka does not tell",
                   time_words(*retention)),
       "consumers that start afterwards begin where auto.offset.reset says: records are lost or "
       "read again",
       is_short ? "start the consumers, or raise offsets.retention.minutes for the time of the "
                  "move; `kferry migrate --retain 30d` pins what it commits"
                : "start the consumers before that"});
}

// What is wrong with where a group stands in a log; nullopt: nothing.
std::optional<std::string> trouble_of(const ClusterFacts& cluster, const TopicPartition& partition,
                                      int64_t committed) {
  const auto topic = cluster.topics.find(partition.topic);
  if (topic == cluster.topics.end()) return std::nullopt;
  const auto found = topic->second.partitions.find(partition.partition);
  if (found == topic->second.partitions.end() || !found->second.range) return std::nullopt;
  const int64_t start = found->second.range->start.value();
  const int64_t end = found->second.range->end.value();
  if (committed < start)
    return fmt::format("{}: offsets {} to {} are deleted already", partition, committed, start - 1);
  if (committed > end)
    return fmt::format("{}: {} is behind the log's end {}", partition, committed, end);
  const auto safe = cluster.safe_from.find(partition);
  if (safe == cluster.safe_from.end() || committed == end) return std::nullopt;
  const int64_t safe_from = safe->second.value() < 0 ? end : safe->second.value();
  if (committed >= safe_from) return std::nullopt;
  return fmt::format("{}: retention is about to delete offsets {} to {}", partition, committed,
                     safe_from - 1);
}

void judge_standing(const ClusterFacts& cluster, Findings& findings) {
  size_t fine = 0;
  for (const auto& [group, facts] : cluster.groups) {
    const std::string where = fmt::format("{}, group {}", to_string(cluster.side), group);
    if (!facts.offsets) {
      findings.push_back({Level::kUnknown, "offsets", where,
                          "its offsets cannot be read: " + facts.offsets.error().message,
                          "whether retention overtakes it is not seen",
                          facts.offsets.error().hint});
      continue;
    }
    std::vector<std::string> found;
    for (const auto& [partition, committed] : *facts.offsets)
      if (auto trouble = trouble_of(cluster, partition, committed.offset.value()))
        found.push_back(std::move(*trouble));
    if (found.empty()) {
      fine += facts.offsets->empty() ? 0 : 1;
      continue;
    }
    findings.push_back(
        {Level::kAttention, "offsets", where, names_in_short(found, 3),
         "the group would lose records before it has read them",
         "let its consumers catch up, or raise retention.ms of the topic for the time "
         "of the move"});
  }
  if (fine > 0)
    findings.push_back({Level::kFine, "offsets", std::string(to_string(cluster.side)),
                        fmt::format("groups that retention does not reach within a day: {}", fine),
                        "", ""});
}

void judge_target_groups(const ClusterFacts& target, Findings& findings) {
  std::vector<std::string> alive;
  for (const auto& [group, facts] : target.groups)
    if (facts.is_alive()) alive.push_back(group.value());
  if (alive.empty()) return;
  findings.push_back(
      {Level::kAttention, "offsets",
       fmt::format("target, group{} {}", alive.size() == 1 ? "" : "s", names_in_short(alive)),
       "it has members there already",
       "kferry never commits for a group that is in use on the target",
       "stop them, unless they are meant to be there already"});
}

void judge_groups_unread(const DoctorFacts& facts, const ClusterFacts& cluster,
                         Findings& findings) {
  if (cluster.trouble) return;
  const bool all_seen =
      !cluster.operations || std::ranges::any_of(*cluster.operations, [](wire::AclOperation one) {
        return implies(one, wire::AclOperation::kDescribe);
      });
  if (cluster.side == Side::kSource && !all_seen && !facts.scope.flow.groups.include.empty())
    findings.push_back({Level::kNote, "offsets", "source",
                        "groups that we may not DESCRIBE are not listed, and so not looked at",
                        "the mirror does not see them either",
                        "grant DESCRIBE on the cluster, or count the groups"});
  const auto& chosen = facts.scope.flow.groups;
  if (facts.has_flow && cluster.lists_members_only && cluster.side == Side::kSource &&
      chosen.names.size() < chosen.include.size())
    findings.push_back({Level::kAttention, "offsets", "source",
                        "brokers 0.9 and 0.10.0 list only groups that have members, and groups are "
                        "chosen by a regular expression",
                        "a group whose consumers are stopped is seen neither by the mirror nor "
                        "here: it stays behind",
                        "give the groups by their names: --groups billing,shipping"});
  if (!cluster.groups_unread) return;
  findings.push_back({cluster.has_no_groups ? Level::kFine : Level::kUnknown, "offsets",
                      std::string(to_string(cluster.side)), *cluster.groups_unread,
                      cluster.has_no_groups ? "" : "what groups have committed is not seen", ""});
}

}  // namespace

void judge_brokers(const DoctorFacts& facts, Findings& findings) {
  judge_configs_unread(facts.source, findings);
  if (!facts.target) return;
  judge_quotas(facts, facts.source, findings);
  judge_quotas(facts, *facts.target, findings);
  if (facts.target->trouble) return;
  judge_configs_unread(*facts.target, findings);
  judge_auto_creation(facts, findings);
  judge_producer_memory(facts, findings);
}

void judge_offsets(const DoctorFacts& facts, Findings& findings) {
  judge_groups_unread(facts, facts.source, findings);
  judge_expiry(facts.source, findings);
  judge_standing(facts.source, findings);
  if (!facts.target) return;
  judge_groups_unread(facts, *facts.target, findings);
  judge_expiry(*facts.target, findings);
  judge_target_groups(*facts.target, findings);
}

}  // namespace kferry::doctor
