// The flow's state for Prometheus (docs/mirror-operation.md has the table).
#pragma once

#include <memory>
#include <string>

#include "replicate/status.h"

namespace kferry::replicate {

class Mm2Metrics;

// Not thread-safe: MM2's rates are between one call and the ones before.
class Metrics {
 public:
  // `mm2_names`: MirrorMaker 2's metrics too, as JMX exporters name them.
  explicit Metrics(bool mm2_names);
  ~Metrics();
  Metrics(Metrics&&) noexcept;
  Metrics& operator=(Metrics&&) noexcept;

  // The text of /metrics. A sample whose value is not known yet is left out.
  std::string text(const FlowStatus& status);

 private:
  std::unique_ptr<Mm2Metrics> mm2_;
};

}  // namespace kferry::replicate
