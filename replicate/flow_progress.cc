#include "replicate/flow_progress.h"

#include <fmt/format.h>

#include "replicate/state_topic.h"

namespace kferry::replicate {

std::string progress_key(Partition slot) {
  return fmt::format("{}{}", kProgressPrefix, slot);
}

std::map<Partition, SlotProgress> progress_of(const FlowStatus& status,
                                              const std::set<Partition>& slots, int64_t seen,
                                              Duration next, bool ended) {
  std::map<Partition, SlotProgress> progress;
  for (const Partition slot : slots)
    progress[slot] = {status.instance, status.taken_at_ms, seen, {}, next.count(), {}, {}};
  if (progress.empty()) return progress;
  progress.begin()->second.process = {
      status.started_at_ms,  status.ready, ended,
      status.records,        status.bytes, status.max_bytes_per_second,
      status.buffered_bytes, status.rates, status.troubles};
  auto next_slot = progress.begin();
  for (const GroupStatus& group : status.groups) {
    next_slot->second.groups.push_back(group);
    if (++next_slot == progress.end()) next_slot = progress.begin();
  }
  for (const PartitionStatus& one : status.partitions) {
    const auto slot = progress.find(StateTopic::slot_of(one.source));
    if (slot == progress.end()) continue;
    slot->second.partitions.push_back({one.source, one.phase, one.identity, one.position,
                                       one.target_end, one.source_end, one.reason});
  }
  return progress;
}

}  // namespace kferry::replicate
