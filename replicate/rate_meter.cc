#include "replicate/rate_meter.h"

#include "replicate/flow_totals.h"

namespace kferry::replicate {
namespace {

// Long enough that a rate does not jump, short enough that it follows.
constexpr int64_t kWindowMs = 10'000;
constexpr size_t kMostSamples = 1'000;

}  // namespace

std::optional<MirrorRates> RateMeter::take(const FlowStatus& status) {
  const FlowTotals totals = totals_of(status);
  const Sample now{status.taken_at_ms, status.records,    status.bytes,
                   totals.lag,         totals.source_end, totals.known};
  if (!samples_.empty() &&
      (now.at_ms < samples_.back().at_ms || now.known != samples_.back().known))
    samples_.clear();
  // One sample from before the window stays, so that its whole length is covered.
  while (samples_.size() > kMostSamples ||
         (samples_.size() > 1 && now.at_ms - samples_[1].at_ms >= kWindowMs))
    samples_.pop_front();
  std::optional<MirrorRates> rates;
  if (!samples_.empty() && now.at_ms > samples_.front().at_ms) {
    const Sample& then = samples_.front();
    const auto per_second = [&](int64_t difference) {
      return 1000.0 * static_cast<double>(difference) / static_cast<double>(now.at_ms - then.at_ms);
    };
    rates = {per_second(now.records - then.records), per_second(now.bytes - then.bytes),
             per_second(then.lag - now.lag), per_second(now.source_end - then.source_end)};
  }
  samples_.push_back(now);
  return rates;
}

}  // namespace kferry::replicate
