// A rehearsal of a cut-over: looks for a while, changes nothing, and says what stands in its way
// and how long a group would be without consumers.
#pragma once

#include <string>
#include <vector>

#include "replicate/cutover.h"

namespace kferry::replicate {

struct CutoverRehearsal {
  struct Group {
    GroupId group;
    std::string members;  // on the source, in words; empty: none, so that nobody is waited for
    std::string blocked;  // why it could not be moved now; empty: it could
  };

  std::string waiting;      // for what caught_up would wait; empty: the copy follows closely
  int64_t lag = 0;          // records, of all partitions
  double publish_rate = 0;  // records per second
  std::vector<Group> groups;
  // kferry's part of a group's pause: to see that its consumers are gone and its offsets stand
  // still, to bring and confirm them, and to have the mirror let go of it. Stopping and starting
  // the consumers comes on top.
  int64_t pause_ms = 0;
  std::vector<TopicPartition> written;  // that got records meanwhile: their producers have to move

  bool ready() const;
};

// Needs a mirror that runs. Takes CatchUp::kWindowMs and a little more. kRefused: the flow was
// never mirrored; kUnreachable, kNotAuthorised, kInterrupted.
Result<CutoverRehearsal> rehearse_cutover(const FlowSettings& flow, const CutoverOptions& options,
                                          const StopToken& stop);

// JSON (docs/schemas/cutover-rehearsal.schema.json) and words.
std::string to_json_text(const CutoverRehearsal& rehearsal, const FlowSettings& flow,
                         int exit_code);
std::string to_text(const CutoverRehearsal& rehearsal, const FlowSettings& flow);

}  // namespace kferry::replicate
