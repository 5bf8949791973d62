#include "replicate/topic_keeper.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "groupproto/group_state.h"

namespace kferry::replicate {
namespace {

// Configs and ACLs of thousands of topics are not read every few seconds.
constexpr Duration kFullInterval{30'000};
constexpr size_t kMostNotes = 1'000;

std::set<GroupId> group_names(wire::Cluster& cluster, const Wait& wait) {
  std::set<GroupId> names;
  // Without the right to list groups only literal ACLs of selected groups are compared.
  if (const auto listed = groupproto::list_groups(cluster, wait))
    for (const auto& [group, about] : listed->groups) names.insert(group);
  return names;
}

Result<AclPlan> compare_acls_of(const FlowSettings& flow, const TopicClusters& clusters,
                                const TopicStates& source, const TopicStates& target,
                                const Wait& wait) {
  KFERRY_TRY(const auto source_acls, wire::fetch_acls(clusters.source, wait));
  KFERRY_TRY(const auto target_acls, wire::fetch_acls(clusters.target, wait));
  AclNames names;
  for (const auto& [topic, state] : source) names.source_topics.insert(topic);
  for (const auto& [topic, state] : target) names.target_topics.insert(topic);
  if (source_acls && target_acls) {
    names.source_groups = group_names(clusters.source, wait);
    names.target_groups = group_names(clusters.target, wait);
    KFERRY_TRY(names.target_has_prefixed, wire::has_prefixed_acls(clusters.target, wait));
  }
  return compare_acls(flow, source_acls, target_acls, names);
}

}  // namespace

bool TargetDifferences::any() const {
  return !acls.missing.empty() ||
         std::ranges::any_of(topics, [](const auto& one) { return !is_warning(one); });
}

std::set<TopicName> select_topics(const FlowSettings& flow, const wire::ClusterMetadata& source) {
  std::set<TopicName> selected;
  for (const auto& [topic, info] : source.topics)
    if (is_mirrored(flow, topic)) selected.insert(topic);
  return selected;
}

Result<wire::Cluster> connect_to(const ClusterSettings& settings, const Wait& wait) {
  KFERRY_TRY(auto cluster, wire::Cluster::connect(settings.addresses, settings.client, wait));
  KFERRY_CHECK(cluster.fetch_metadata(std::vector<TopicName>{}, wait));
  return cluster;
}

Result<TargetDifferences> find_differences(const FlowSettings& flow, const TopicClusters& clusters,
                                           const std::set<TopicName>& unfinished,
                                           const Wait& wait) {
  TargetDifferences found;
  KFERRY_TRY(const TopicsRead source,
             read_topics(
                 clusters.source_admin,
                 [&](const TopicName& topic) { return is_mirrored(flow, topic); }, wait));
  KFERRY_TRY(const TopicsRead target,
             read_topics(
                 clusters.target_admin, [](const TopicName&) { return true; }, wait));
  KFERRY_TRY(const TargetDefaults defaults,
             read_target_defaults(clusters.target_admin, target.topics, wait));
  found.topics = compare_topics(flow, source.topics, target.topics, defaults, unfinished);
  if (!flow.sync_topic_configs)
    std::erase_if(found.topics, [](const TopicDifference& one) {
      return one.kind == TopicDifferenceKind::kConfigs ||
             one.kind == TopicDifferenceKind::kNotSynced;
    });
  for (const auto& [topic, error] : source.unread)
    found.notes.push_back(
        fmt::format("topic {}: its configs on the source: {}", topic, error.message));
  if (!flow.sync_acls) return found;
  auto acls = compare_acls_of(flow, clusters, source.topics, target.topics, wait);
  if (acls)
    found.acls = std::move(*acls);
  else if (acls.error().kind == ErrorKind::kNotAuthorised)
    found.notes.push_back(fmt::format("ACLs are not compared: {}", acls.error().message));
  else
    return std::unexpected(acls.error());
  return found;
}

std::string to_text(const TargetDifferences& differences) {
  std::string text;
  for (const auto& one : differences.topics)
    text += (is_warning(one) ? "warning: " : "") + to_text(one) + "\n";
  for (const auto& acl : differences.acls.missing) text += to_text(acl) + "\n";
  for (const auto& acl : differences.acls.left_out) text += to_text(acl) + "\n";
  if (!differences.acls.note.empty()) text += "note: " + differences.acls.note + "\n";
  for (const std::string& note : differences.notes) text += "note: " + escape_control(note) + "\n";
  if (text.empty()) text = "no differences: topics, configs and ACLs are as they should be\n";
  return text;
}

std::string to_json_text(const TargetDifferences& differences) {
  nlohmann::ordered_json value;
  value["schema"] = "kferry/mirror-differences/v1";
  value["topics"] = nlohmann::ordered_json::array();
  for (const auto& one : differences.topics)
    value["topics"].push_back(nlohmann::ordered_json(to_json(one)));
  value["acls"] = nlohmann::ordered_json(to_json(differences.acls));
  value["notes"] = differences.notes;
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

bool TopicKeeper::is_due(const wire::ClusterMetadata& source,
                         const wire::ClusterMetadata& target) const {
  if (next_.expired() || !unfinished_.empty()) return true;
  return std::ranges::any_of(select_topics(flow_, source), [&](const TopicName& topic) {
    const auto found = target.topics.find(target_topic(flow_, topic));
    return found == target.topics.end() ||
           found->second.partitions.size() < source.topics.at(topic).partitions.size();
  });
}

Result<bool> TopicKeeper::keep(const wire::ClusterMetadata& source,
                               const wire::ClusterMetadata& target, const Wait& wait) {
  if (!std::exchange(recalled_, true)) {
    const LoadedState state = state_.all();
    for (const TopicName& topic : select_topics(flow_, source)) {
      KFERRY_TRY(const auto record, state.topic(topic));
      if (record && record->created && !record->finished) unfinished_.insert(topic);
    }
  }
  if (!is_due(source, target)) return false;
  std::set<TopicName> unfinished;
  for (const TopicName& topic : unfinished_) unfinished.insert(target_topic(flow_, topic));
  KFERRY_TRY(const TargetDifferences differences,
             find_differences(flow_, clusters_, unfinished, wait));
  next_ = Deadline::after(std::max(kFullInterval, flow_.refresh_interval));
  for (const std::string& note : differences.notes) tell_once(note);
  KFERRY_CHECK(announce(source, differences, wait));
  KFERRY_TRY(const bool created, apply_topics(differences.topics, wait));
  KFERRY_CHECK(apply_acls(differences.acls, wait));
  KFERRY_CHECK(finish_topics(source, wait));
  return created;
}

// That a topic is ours is written down before it is made: a later run then knows that it is empty
// because nothing was copied yet, and that its configs are still to come.
Result<> TopicKeeper::announce(const wire::ClusterMetadata& source,
                               const TargetDifferences& differences, const Wait& wait) {
  std::vector<StateStore::Entry> entries;
  for (const TopicDifference& one : differences.topics) {
    if (one.kind != TopicDifferenceKind::kCreate) continue;
    const auto found = source.topics.find(one.source);
    if (found == source.topics.end()) continue;
    const TopicRecord record{.source_id = wire::to_hex(found->second.topic_id), .created = true};
    entries.push_back({topic_key(one.source), to_json(record)});
    unfinished_.insert(one.source);
  }
  if (entries.empty()) return {};
  return state_.put(entries, wait);
}

Result<bool> TopicKeeper::apply_topics(std::vector<TopicDifference> differences, const Wait& wait) {
  AdminTopicChanger changer(clusters_.target_admin, clusters_.target);
  KFERRY_TRY(const auto applied, apply(differences, changer, wait));
  bool created = false;
  for (const auto& [difference, outcome] : applied) {
    if (is_warning(difference)) {
      tell_once(to_text(difference));
      continue;
    }
    created = created || (outcome && difference.kind != TopicDifferenceKind::kConfigs);
    if (outcome) log::info(to_text(difference));
    tell(fmt::format("topic {}", difference.source), outcome);
  }
  return created;
}

Result<> TopicKeeper::apply_acls(const AclPlan& plan, const Wait& wait) {
  if (!plan.note.empty()) tell_once(plan.note);
  for (const LeftOutAcl& one : plan.left_out) tell_once(to_text(one));
  if (plan.missing.empty()) return {};
  ClusterAclChanger changer(clusters_.target);
  KFERRY_TRY(const auto results, apply(plan, changer, wait));
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i]) log::info(to_text(plan.missing[i]));
    tell(wire::to_string(plan.missing[i]), results[i]);
  }
  return {};
}

// The real configs of the topics whose heads are filled, by whatever process of the flow.
Result<> TopicKeeper::finish_topics(const wire::ClusterMetadata& source, const Wait& wait) {
  if (unfinished_.empty()) return {};
  KFERRY_CHECK(state_.catch_up(wait));
  std::set<TopicName> ready;
  for (const TopicName& topic : unfinished_) {
    const auto found = source.topics.find(topic);
    if (found == source.topics.end() ||
        state_.heads_filled(topic, static_cast<int32_t>(found->second.partitions.size())))
      ready.insert(topic);
  }
  if (ready.empty()) return {};
  KFERRY_TRY(const TopicsRead from,
             read_topics(
                 clusters_.source_admin,
                 [&](const TopicName& topic) { return ready.contains(topic); }, wait));
  KFERRY_TRY(const TopicsRead to,
             read_topics(
                 clusters_.target_admin, [](const TopicName&) { return true; }, wait));
  KFERRY_TRY(const TargetDefaults defaults,
             read_target_defaults(clusters_.target_admin, to.topics, wait));
  std::vector<TopicDifference> changes;
  std::vector<StateStore::Entry> done;
  for (const auto& [topic, state] : from.topics) {
    const auto target = to.topics.find(target_topic(flow_, topic));
    if (target == to.topics.end()) continue;
    if (from.unread.contains(topic)) {
      tell_once(fmt::format("topic {}: keeps everything on the target (retention.ms=-1), since its "
                            "configs on the source are not known: set them there by hand",
                            topic));
      continue;
    }
    if (auto change = finalise(flow_, topic, state, target->second, defaults))
      changes.push_back(std::move(*change));
  }
  AdminTopicChanger changer(clusters_.target_admin, clusters_.target);
  KFERRY_TRY(const auto applied, apply(changes, changer, wait));
  for (const auto& [difference, outcome] : applied) {
    tell(fmt::format("topic {}", difference.source), outcome);
    if (outcome)
      log::info(to_text(difference));
    else
      ready.erase(difference.source);
  }
  for (const TopicName& topic : ready) {
    const auto found = source.topics.find(topic);
    TopicRecord record{.source_id = {}, .created = true, .finished = true};
    if (found != source.topics.end()) record.source_id = wire::to_hex(found->second.topic_id);
    done.push_back({topic_key(topic), to_json(record)});
  }
  KFERRY_CHECK(state_.put(done, wait));
  for (const TopicName& topic : ready) unfinished_.erase(topic);
  return {};
}

void TopicKeeper::tell(const std::string& about, const Result<>& outcome) {
  if (outcome)
    troubles_.clear(about);
  else
    troubles_.set(about, outcome.error().message);
}

void TopicKeeper::tell_once(const std::string& note) {
  if (told_.size() >= kMostNotes || !told_.insert(note).second) return;
  log::warn(note);
}

}  // namespace kferry::replicate
