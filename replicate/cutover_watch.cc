#include "replicate/cutover_watch.h"

#include "base/log.h"

namespace kferry::replicate {
namespace {

constexpr Duration kInterval{1'000};
// With more partitions than that it is told less often.
constexpr size_t kManyPartitions = 2'000;
constexpr Duration kLongInterval{5'000};

}  // namespace

Result<> CutoverWatch::tick(const std::set<Partition>& slots, const Wait& wait) {
  next_ = Deadline::after(kInterval);
  KFERRY_TRY(const auto changes, state_.catch_up(wait));
  companions_.learn(changes);
  KFERRY_CHECK(look());
  if (!under_way_) return {};
  acknowledge();
  return tell(slots, wait);
}

Result<> CutoverWatch::look() {
  const auto value = state_.get(kCutoverKey);
  under_way_ = value.has_value();
  if (!value) return {};
  KFERRY_TRY(const CutoverRecord record, parse_cutover(*value));
  if (record.expects_other_writers()) copier_.expect_other_writers();
  if (record.version != version_)
    log::info("cut-over", {{"state", std::string(to_string(record.state))},
                           {"version", std::to_string(record.version)}});
  if (record.version != version_) rounds_when_read_ = companions_.group_rounds();
  version_ = record.version;
  state_now_ = record.state;
  return {};
}

// A round of the group sync that was under way may act by what it knew before.
void CutoverWatch::acknowledge() {
  if (companions_.groups_looked_since(rounds_when_read_)) seen_ = version_;
}

Result<> CutoverWatch::tell(const std::set<Partition>& slots, const Wait& wait) {
  std::map<Partition, SlotProgress> progress;
  const int64_t now_ms = wall_clock_ms();
  for (const Partition slot : slots) progress[slot] = {instance_, now_ms, seen_, {}};
  size_t partitions = 0;
  copier_.visit_all([&](const PartitionCopy& copy) {
    const auto slot = progress.find(StateTopic::slot_of(copy.source()));
    if (slot == progress.end()) return;
    const PartitionStatus one = copy.status();
    slot->second.partitions.push_back({one.source, one.phase, one.identity, one.position,
                                       one.target_end, one.source_end, one.reason});
    ++partitions;
  });
  if (partitions > kManyPartitions) next_ = Deadline::after(kLongInterval);
  std::vector<StateStore::Entry> entries;
  for (const auto& [slot, one] : progress) entries.push_back({progress_key(slot), to_json(one)});
  return state_.put(entries, wait);
}

}  // namespace kferry::replicate
