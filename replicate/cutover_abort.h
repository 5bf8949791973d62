// The way back: groups that were moved go home to the source, with what they have committed on the
// target.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "replicate/cutover_facts.h"

namespace kferry::replicate {

struct AbortReport {
  // Where each group goes on, on the source.
  std::map<GroupId, std::map<TopicPartition, SourceOffset>> groups;
};

// Waits until each moved group is empty on the target, commits its offsets there, exactly
// translated, to the source, and reads them back; then the flow is only mirroring again. `tell`
// gets what is waited for, and what was done. Repeated, it goes on where it was. kRefused: records
// of producers are on the target that the source does not have, or another process leads the
// cut-over; kFailed: an offset cannot be translated, or reads back differently.
Result<AbortReport> abort_cutover(const FlowSettings& flow,
                                  const std::function<void(const std::string&)>& tell,
                                  const StopToken& stop);

// The offsets that a group of the target has, on the source. kFailed: names what cannot be told.
Result<std::map<TopicPartition, SourceOffset>> way_back(const GroupFacts& group,
                                                        const FlowTranslator& translator,
                                                        const FlowSettings& flow);

}  // namespace kferry::replicate
