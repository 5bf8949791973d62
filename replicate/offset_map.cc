#include "replicate/offset_map.h"

#include <algorithm>
#include <limits>

namespace kferry::replicate {
namespace {

// `base` + (`at` - `from`), where `at` is behind `from`: any client may have committed any offset.
int64_t moved(int64_t base, int64_t at, int64_t from) {
  int64_t sum = 0;
  const bool too_large = __builtin_add_overflow(base, at - from, &sum);
  return too_large ? std::numeric_limits<int64_t>::max() : sum;
}

}  // namespace

bool OffsetMap::add(const OffsetRun& run) {
  if (run.source.value() < 0 || run.target.value() < 0) return false;
  if (!runs_.empty()) {
    const OffsetRun& last = runs_.back();
    if (run.source < last.source || run.target < last.target) return false;
    if (run.target.value() - run.source.value() == last.target.value() - last.source.value())
      return true;
  }
  runs_.push_back(run);
  return true;
}

std::optional<TargetOffset> OffsetMap::to_target(SourceOffset source) const {
  if (runs_.empty() || source < runs_.front().source) return std::nullopt;
  if (source == runs_.front().source) return runs_.front().target;
  const auto next = std::ranges::lower_bound(runs_, source, {}, &OffsetRun::source);
  const OffsetRun& run = *std::prev(next);
  const TargetOffset target(moved(run.target.value(), source.value(), run.source.value()));
  return next == runs_.end() ? target : std::min(target, next->target);
}

std::optional<SourceOffset> OffsetMap::to_source(TargetOffset target) const {
  if (runs_.empty() || target < runs_.front().target) return std::nullopt;
  if (target == runs_.front().target) return runs_.front().source;
  const auto next = std::ranges::lower_bound(runs_, target, {}, &OffsetRun::target);
  const OffsetRun& run = *std::prev(next);
  const SourceOffset source(moved(run.source.value(), target.value(), run.target.value()));
  return next == runs_.end() ? source : std::min(source, next->source);
}

}  // namespace kferry::replicate
