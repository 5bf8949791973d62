#include "replicate/companions.h"

#include <algorithm>

namespace kferry::replicate {
namespace {

GroupSyncTools group_tools(const CompanionTools& tools, ZookeeperGuard& guard,
                           std::function<Mirroring(const TopicPartition&)> mirroring) {
  GroupSyncTools made{tools.flow,     tools.copier,         tools.state,
                      tools.troubles, std::move(mirroring), {}};
  if (tools.flow.zookeeper) made.refusals = [&guard] { return guard.refusals(); };
  return made;
}

}  // namespace

Companions::Companions(const CompanionTools& tools)
    : tools_(tools),
      guard_(tools_.flow, tools_.troubles),
      groups_(group_tools(tools_, guard_,
                          [this](const TopicPartition& source) { return mirroring(source); })),
      mm2_topics_(Mm2Tools{tools_.flow, tools_.status,
                           [this] { return groups_.take_checkpoints(); }, tools_.troubles}) {}

Result<> Companions::start(const Wait& wait) {
  if (tools_.flow.zookeeper) KFERRY_CHECK(guard_.check(wait));
  const LoadedState loaded = tools_.state.all();
  for (const auto& [key, value] : loaded.records()) groups_.learn(key, value);
  if (tools_.flow.zookeeper) threads_.emplace_back([this] { guard_.run(stop_); });
  if (!tools_.flow.groups.include.empty()) threads_.emplace_back([this] { groups_.run(stop_); });
  threads_.emplace_back([this] { mm2_topics_.run(stop_); });
  return {};
}

void Companions::learn(const StateTopic::Changes& changes) {
  for (const auto& [key, value] : changes) groups_.learn(key, value);
}

Mirroring Companions::mirroring(const TopicPartition& source) const {
  if (!tools_.is_ours(source)) return Mirroring::kElsewhere;
  bool stuck = false;
  tools_.copier.look(
      source, [&](const PartitionCopy& copy) { stuck = copy.phase() == Phase::kQuarantined; });
  return stuck ? Mirroring::kStuck : Mirroring::kHere;
}

bool Companions::groups_looked_since(int64_t rounds) const {
  // The round that was under way may have read before.
  return tools_.flow.groups.include.empty() || groups_.rounds() >= rounds + 2;
}

bool Companions::groups_caught_up_since(int64_t rounds) const {
  return groups_looked_since(rounds) && (tools_.flow.groups.include.empty() || groups_.caught_up());
}

bool Companions::all_groups_synced() const {
  if (tools_.flow.groups.include.empty() || !tools_.flow.sync_group_offsets) return true;
  return std::ranges::all_of(groups_.status(), &GroupStatus::is_complete);
}

void Companions::stop() {
  stop_.request_stop();
  threads_.clear();
}

}  // namespace kferry::replicate
