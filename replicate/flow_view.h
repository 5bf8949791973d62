// The whole flow, seen from any machine: put together from what the mirror's processes and the
// cut-over have written to the flow's state topic.
#pragma once

#include <map>
#include <string>

#include "kafkaio/compacted_reader.h"
#include "replicate/flow.h"
#include "replicate/status.h"

namespace kferry::replicate {

// The flow as its state topic has it: what every process told last. Partitions that no running
// process attends to are waiting. kRefused: there is no flow; kFailed: a record is not readable.
Result<FlowStatus> flow_status(const std::map<std::string, std::string>& records,
                               const std::string& flow, int64_t now_ms);

// Reads the state topic and writes nothing. Not thread-safe.
class FlowView {
 public:
  // kRefused: the target has no flow of that name; the hint has those that there are.
  // kUnreachable, kNotAuthorised.
  static Result<FlowView> open(const ClusterSettings& target, const std::string& flow,
                               const Wait& wait);

  // What stands there now; errors as flow_status() has them, and kUnreachable.
  Result<FlowStatus> read(const Wait& wait);

 private:
  FlowView(std::string flow, kafkaio::CompactedReader reader)
      : flow_(std::move(flow)), reader_(std::move(reader)) {}

  std::string flow_;
  kafkaio::CompactedReader reader_;
};

}  // namespace kferry::replicate
