#include "replicate/cutover_watch.h"

#include "base/log.h"
#include "replicate/flow_progress.h"

namespace kferry::replicate {
namespace {

constexpr Duration kInterval{1'000};
// With more partitions than that it is told less often.
constexpr size_t kManyPartitions = 2'000;

Duration telling_interval(bool cutover, size_t partitions) {
  const bool many = partitions > kManyPartitions;
  if (cutover) return Duration(many ? 5'000 : 1'000);
  return Duration(many ? 30'000 : 5'000);
}

}  // namespace

Result<> CutoverWatch::tick(const std::set<Partition>& slots, const Wait& wait) {
  next_ = Deadline::after(kInterval);
  KFERRY_TRY(const auto changes, state_.catch_up(wait));
  companions_.learn(changes);
  const bool was_under_way = under_way_;
  KFERRY_CHECK(look());
  if (under_way_ != was_under_way) next_telling_ = Deadline::after(Duration(0));
  if (under_way_) acknowledge();
  return next_telling_.expired() ? tell(slots, false, wait) : Result<>();
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

Result<> CutoverWatch::tell(const std::set<Partition>& slots, bool ended, const Wait& wait) {
  const FlowStatus status = status_.status();
  const Duration interval = telling_interval(under_way_, status.partitions.size());
  // The tick that comes next to it shall not find it a little too early.
  next_telling_ = Deadline::after(interval - kInterval / 2);
  std::vector<StateStore::Entry> entries;
  for (const auto& [slot, one] : progress_of(status, slots, seen_, interval, ended))
    entries.push_back({progress_key(slot), to_json(one)});
  return state_.put(entries, wait);
}

Result<> CutoverWatch::farewell(const std::set<Partition>& slots, const Wait& wait) {
  return tell(slots, true, wait);
}

}  // namespace kferry::replicate
