// What the tests of the mirror's parts between real clusters share.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/interrupt.h"
#include "replicate/cluster_settings.h"

namespace kferry::integration {

// Throws.
template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

inline void value_of(const Result<>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

inline replicate::ClusterSettings cluster_settings(const std::string& alias,
                                                   const std::string& bootstrap) {
  return value_of(replicate::make_cluster_settings({.alias = alias,
                                                    .bootstrap_servers = bootstrap,
                                                    .properties = {},
                                                    .origin = "the test"}));
}

inline Wait within(Duration duration = Duration(60'000)) {
  return Wait::uninterruptible(duration);
}

inline bool before_long(const std::function<bool()>& happened) {
  const StopToken never;
  for (const Deadline deadline = Deadline::after(Duration(60'000)); !deadline.expired();) {
    if (happened()) return true;
    never.sleep_for(Duration(20));
  }
  return false;
}

}  // namespace kferry::integration
