#include "replicate/flow_totals.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace kferry::replicate {
namespace {

// Offsets that brokers and other processes tell may be any.
void add_up(int64_t& sum, int64_t more) {
  if (__builtin_add_overflow(sum, more, &sum)) sum = std::numeric_limits<int64_t>::max();
}

}  // namespace

void PartitionTotals::add(const PartitionStatus& one) {
  ++partitions;
  ++phases.at(static_cast<size_t>(one.phase));
  identity += one.identity;
  if (one.position.value() < 0 || one.source_end.value() < 0) return;
  ++known;
  add_up(lag, one.lag());
  add_up(source_end, one.source_end.value());
  const int64_t start = std::max(int64_t{0}, one.source_start.value());
  add_up(offsets, std::max(int64_t{0}, one.source_end.value() - start));
  add_up(done, std::max(int64_t{0}, one.source_end.value() - start - one.lag()));
}

FlowTotals totals_of(const FlowStatus& status) {
  FlowTotals totals;
  for (const PartitionStatus& one : status.partitions) totals.add(one);
  for (const GroupStatus& one : status.groups) totals.groups_synced += one.is_complete();
  return totals;
}

int percent_copied(const PartitionTotals& totals) {
  if (totals.lag == 0 || totals.offsets == 0) return 100;
  const double percent =
      100.0 * static_cast<double>(totals.done) / static_cast<double>(totals.offsets);
  return std::min(99, static_cast<int>(percent));
}

bool is_worse(Phase one, Phase other) {
  constexpr std::array kByTrouble{Phase::kQuarantined, Phase::kWaiting, Phase::kFilling,
                                  Phase::kPositioning, Phase::kCopying};
  return std::ranges::find(kByTrouble, one) < std::ranges::find(kByTrouble, other);
}

std::string TopicTotals::why() const {
  const bool all = same_reason == partitions;
  return reason.empty() || all ? reason : fmt::format("{}: {}", reason_of, reason);
}

std::vector<TopicTotals> topics_of(const FlowStatus& status) {
  std::vector<TopicTotals> topics;
  for (const PartitionStatus& one : status.partitions) {  // ordered by topic
    if (topics.empty() || topics.back().topic != one.source.topic) {
      TopicTotals& fresh = topics.emplace_back();
      fresh.topic = one.source.topic;
      fresh.target_topic = one.target_topic;
    }
    TopicTotals& topic = topics.back();
    topic.add(one);
    topic.records = one.records < 0 || topic.records < 0 ? -1 : topic.records + one.records;
    const bool worse = is_worse(one.phase, topic.worst);
    if (worse) topic.worst = one.phase;
    if (worse || (topic.reason.empty() && one.phase == topic.worst)) {
      topic.reason = one.reason;
      topic.reason_of = one.source.partition;
      topic.same_reason = 0;
    }
    topic.same_reason += one.reason == topic.reason;
  }
  return topics;
}

}  // namespace kferry::replicate
