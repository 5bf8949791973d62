// What the mirror has to say about itself.
#include "replicate/mirror.h"

namespace kferry::replicate {

int64_t Mirror::slots() const {
  const std::lock_guard lock(slots_mutex_);
  return std::ssize(slots_);
}

FlowStatus Mirror::status() const {
  const std::lock_guard one_at_a_time(status_mutex_);
  if (last_status_) return *last_status_;
  FlowStatus status;
  status.flow = flow_.name;
  status.source_alias = flow_.source.alias;
  status.target_alias = flow_.target.alias;
  status.source_cluster_id = source_cluster_id_;
  status.target_cluster_id = target_cluster_id_;
  status.instance = instance_;
  status.started_at_ms = started_at_ms_;
  status.taken_at_ms = wall_clock_ms();
  status.ready = ready_;
  status.max_bytes_per_second = rate_.get();
  status.buffered_bytes = copier_.buffered_bytes();
  copier_.visit_all([&](const PartitionCopy& copy) {
    PartitionStatus one = copy.status();
    status.records += one.records;
    status.bytes += one.bytes;
    status.partitions.push_back(std::move(one));
  });
  if (companions_) status.groups = companions_->groups();
  status.troubles = troubles_.list();
  status.rates = rates_.take(status);
  status.processes = {{instance_, started_at_ms_, status.taken_at_ms, slots()}};
  if (state_)
    if (auto cutover = view_cutover(state_->of_cutover())) status.cutover = std::move(*cutover);
  return status;
}

}  // namespace kferry::replicate
