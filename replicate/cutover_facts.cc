#include "replicate/cutover_facts.h"

#include <algorithm>

#include <fmt/format.h>

#include "replicate/group_rules.h"
#include "replicate/topic_keeper.h"
#include "wire/error_code.h"
#include "wire/log_range.h"

namespace kferry::replicate {
namespace {

constexpr Duration kLookAgain{500};

}  // namespace

int64_t CutoverFacts::lag() const {
  int64_t lag = 0;
  for (const auto& [partition, one] : partitions) {
    const auto end = source_ends.find(partition);
    if (end != source_ends.end())
      lag += std::max<int64_t>(0, end->second.value() - std::max<int64_t>(0, one.position.value()));
  }
  return lag;
}

std::optional<Translation> FlowTranslator::translate(const TopicPartition& source,
                                                     SourceOffset offset) const {
  const auto progress = facts_.partitions.find(source);
  if (progress == facts_.partitions.end() || progress->second.position.value() < 0)
    return std::nullopt;
  const TopicPartition target{TopicName(topic_prefix_ + source.topic.value()), source.partition};
  const auto& [position, target_end] =
      std::pair(progress->second.position, progress->second.target_end);
  if (progress->second.identity)
    return Translation{target, TargetOffset(std::min(offset.value(), position.value())),
                       offset <= position};
  const LoadedState loaded = state_.of(source);
  const auto record = loaded.partition(source);
  const auto map = loaded.map(source);
  if (!record || !*record || !map) return std::nullopt;
  if (const auto& mixed = (*record)->mixed; mixed && mixed->contains(offset))
    return Translation{target, mixed->target, offset == mixed->from, offset != mixed->from};
  if (offset == position) return Translation{target, target_end, true};
  // The runs are durable up to the reference point.
  if (offset > (*record)->reference.source)
    return Translation{target, (*record)->reference.target, false};
  if (const auto found = map->to_target(offset))
    return Translation{target, std::min(*found, target_end), true};
  const TargetOffset begin = map->runs().empty() ? target_end : map->runs().front().target;
  return Translation{target, begin, true};
}

std::optional<SourceOffset> FlowTranslator::to_source(const TopicPartition& source,
                                                      TargetOffset offset) const {
  const auto progress = facts_.partitions.find(source);
  if (progress == facts_.partitions.end() || progress->second.position.value() < 0)
    return std::nullopt;
  if (offset > progress->second.target_end) return std::nullopt;
  if (offset == progress->second.target_end) return progress->second.position;
  if (progress->second.identity) return SourceOffset(offset.value());
  const LoadedState loaded = state_.of(source);
  const auto record = loaded.partition(source);
  const auto map = loaded.map(source);
  if (!record || !*record || !map || offset > (*record)->reference.target) return std::nullopt;
  return map->to_source(offset);
}

Result<std::unique_ptr<CutoverObserver>> CutoverObserver::open(const FlowSettings& flow,
                                                               Duration patience,
                                                               const Wait& wait) {
  std::unique_ptr<CutoverObserver> observer(new CutoverObserver(flow));
  KFERRY_TRY(auto source, wire::Cluster::connect(flow.source.addresses, flow.source.client, wait));
  observer->source_ = std::make_unique<wire::Cluster>(std::move(source));
  KFERRY_TRY(auto admin, kafkaio::TopicAdmin::connect(flow.target.properties));
  observer->admin_ = std::make_unique<kafkaio::TopicAdmin>(std::move(admin));
  const Deadline deadline = Deadline::after(patience);
  while (true) {
    KFERRY_TRY(const bool found, observer->find_state(wait));
    if (found) return observer;
    if (deadline.expired())
      return fail(
          ErrorKind::kRefused,
          fmt::format("flow '{}' has no state on the target: it was never mirrored", flow.name),
          "start the mirror first: kferry replicate with the same flow");
    if (!wait.stop().sleep_for(kLookAgain)) KFERRY_CHECK(wait.stop().check("waiting for it"));
  }
}

// False: no mirror of this flow has got so far yet.
Result<bool> CutoverObserver::find_state(const Wait& wait) {
  if (!state_) {
    KFERRY_TRY(const auto topics, admin_->partition_counts(wait));
    if (!topics.contains(StateTopic::name_of(flow_.name))) return false;
    KFERRY_TRY(state_, StateTopic::open(flow_, *admin_, wait));
  } else {
    KFERRY_CHECK(state_->catch_up(wait));
  }
  return state_->get("flow").has_value();
}

Result<CutoverFacts> CutoverObserver::observe(const Wait& wait) {
  const int64_t began_ms = wall_clock_ms();
  CutoverFacts facts;
  // The state before the ends: a position that is read first cannot be ahead of them.
  KFERRY_CHECK(state_->catch_up(wait));
  facts.at_ms = wall_clock_ms();
  KFERRY_CHECK(read_source_ends(facts, wait));
  KFERRY_CHECK(read_progress(facts));
  KFERRY_CHECK(read_groups(facts, wait));
  facts.took_ms = wall_clock_ms() - began_ms;
  return facts;
}

Result<> CutoverObserver::read_source_ends(CutoverFacts& facts, const Wait& wait) {
  KFERRY_TRY(const auto metadata, source_->fetch_metadata(std::nullopt, wait));
  std::vector<TopicPartition> wanted;
  for (const TopicName& topic : select_topics(flow_, metadata))
    for (const auto& [partition, leader] : metadata.topics.at(topic).partitions)
      wanted.push_back({topic, partition});
  if (wanted.empty()) return {};
  KFERRY_TRY(const auto ranges, wire::fetch_log_ranges(*source_, metadata, wanted, wait));
  for (const auto& [partition, range] : ranges) {
    if (range.error_code != wire::kNone)
      return std::unexpected(wire::kafka_error(
          range.error_code, fmt::format("asking where {} ends on the source", partition)));
    facts.source_ends.emplace(partition, SourceOffset(range.end.value()));
  }
  return {};
}

Result<std::map<TopicPartition, TargetOffset>> CutoverObserver::target_ends(
    const CutoverFacts& facts, const Wait& wait) {
  if (!target_) {
    KFERRY_TRY(auto target,
               wire::Cluster::connect(flow_.target.addresses, flow_.target.client, wait));
    target_ = std::make_unique<wire::Cluster>(std::move(target));
  }
  std::vector<TopicPartition> wanted;
  const auto on_target = [&](const TopicPartition& source) {
    return TopicPartition{target_topic(flow_, source.topic), source.partition};
  };
  for (const auto& [source, one] : facts.partitions) wanted.push_back(on_target(source));
  KFERRY_TRY(const auto metadata, target_->fetch_metadata(std::nullopt, wait));
  KFERRY_TRY(const auto ranges, wire::fetch_log_ranges(*target_, metadata, wanted, wait));
  std::map<TopicPartition, TargetOffset> ends;
  for (const auto& [source, one] : facts.partitions) {
    const auto range = ranges.find(on_target(source));
    if (range != ranges.end() && range->second.error_code == wire::kNone)
      ends.emplace(source, TargetOffset(range->second.end.value()));
  }
  return ends;
}

Result<> CutoverObserver::read_progress(CutoverFacts& facts) {
  const LoadedState loaded = state_->all();
  std::optional<int64_t> seen;
  for (const auto& [key, value] : loaded.records()) {
    if (key.starts_with(kMovedPrefix)) {
      KFERRY_TRY(facts.moved[GroupId(key.substr(kMovedPrefix.size()))], parse_moved(value));
      continue;
    }
    if (!key.starts_with(kProgressPrefix)) continue;
    KFERRY_TRY(const SlotProgress slot, parse_progress(value));
    if (!slot.is_fresh(facts.at_ms)) continue;
    if (!slot.partitions.empty()) seen = std::min(seen.value_or(slot.seen), slot.seen);
    for (const SlotProgress::One& one : slot.partitions) facts.partitions[one.source] = one;
  }
  facts.seen = seen.value_or(0);
  for (const auto& [partition, end] : facts.source_ends)
    if (!facts.partitions.contains(partition)) facts.unattended.push_back(partition);
  facts.complete = facts.unattended.empty();
  return {};
}

Result<> CutoverObserver::read_groups(CutoverFacts& facts, const Wait& wait) {
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, end] : facts.source_ends) partitions.push_back(partition);
  KFERRY_TRY(auto selected, source_groups_.select(flow_.groups, partitions, wait));
  for (const auto& [id, moved] : facts.moved) selected.insert(id);
  const std::vector<GroupId> groups(selected.begin(), selected.end());
  if (groups.empty()) return {};
  KFERRY_TRY(const auto on_source, source_groups_.look(groups, partitions, wait));
  KFERRY_TRY(const auto on_target, target_groups_.look(groups, {}, wait));
  const FlowTranslator translator(*state_, facts, flow_.topic_prefix);
  std::vector<GroupId> alive;
  for (const GroupId& id : groups) {
    GroupFacts& group = facts.groups[id];
    const auto source = on_source.find(id);
    const auto target = on_target.find(id);
    if (source == on_source.end() || target == on_target.end()) {
      group.trouble = "its coordinator has left it out";
      continue;
    }
    take_source(source->second, group);
    group.target_state = target->second.state.value_or("");
    if (target->second.offsets)
      group.target = *target->second.offsets;
    else
      group.trouble = target->second.offsets.error().message;
    for (const auto& [partition, committed] : group.source)
      group.translations[partition] =
          translator.translate(partition, SourceOffset(committed.offset.value()));
    if (group.lives_on_source()) alive.push_back(id);
  }
  if (alive.empty()) return {};
  KFERRY_TRY(const auto members, source_groups_.members(alive, wait));
  for (const auto& [id, words] : members) facts.groups[id].source_members = words;
  return {};
}

void CutoverObserver::take_source(const TargetGroup& read, GroupFacts& facts) const {
  facts.source_state = read.state.value_or("");
  if (!read.offsets) {
    facts.trouble = read.offsets.error().message;
    return;
  }
  for (const auto& [partition, committed] : *read.offsets)
    if (flow_.topics.selects(partition.topic.value()) && !is_internal_topic(partition.topic))
      facts.source[partition] = committed;
}

}  // namespace kferry::replicate
