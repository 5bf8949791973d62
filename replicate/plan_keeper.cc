#include "replicate/plan_keeper.h"

#include <algorithm>

#include "replicate/flow_state.h"

namespace kferry::replicate {

Result<> PlanKeeper::extend(const TopicPartition& source, const SourcePlan& more,
                            const Wait& wait) {
  if (more.empty()) return {};
  SourcePlan whole;
  {
    const std::lock_guard lock(mutex_);
    SourcePlan& known = plans_[source];
    known.insert(known.end(), more.begin(), more.end());
    whole = known;
  }
  return state_.put({{plan_key(source), to_json(whole)}}, wait);
}

void PlanKeeper::withdraw(const TopicPartition& source, const SourcePlan& more) {
  const std::lock_guard lock(mutex_);
  std::erase_if(plans_[source],
                [&](const auto& entry) { return std::ranges::find(more, entry) != more.end(); });
}

void PlanKeeper::trim(const TopicPartition& source, int64_t copied) {
  const std::lock_guard lock(mutex_);
  std::erase_if(plans_[source], [&](const auto& entry) { return entry.first < copied; });
}

void PlanKeeper::restart(const TopicPartition& source, int64_t restart) {
  const std::lock_guard lock(mutex_);
  std::erase_if(plans_[source], [&](const auto& entry) { return entry.first >= restart; });
}

void PlanKeeper::load(const TopicPartition& source, SourcePlan plan) {
  const std::lock_guard lock(mutex_);
  plans_[source] = std::move(plan);
}

SourcePlan PlanKeeper::plan(const TopicPartition& source) const {
  const std::lock_guard lock(mutex_);
  const auto found = plans_.find(source);
  return found == plans_.end() ? SourcePlan{} : found->second;
}

}  // namespace kferry::replicate
