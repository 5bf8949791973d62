// Fills the offsets before a source log's start on the target, with records that are then deleted:
// the first real record gets the offset that it has on the source.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "replicate/target_log.h"
#include "wire/record_batch.h"

namespace kferry::replicate {

// kafkaio's DeleteRecords: everything before the offset.
using DeleteRecords = std::function<std::map<TopicPartition, Result<>>(
    const std::map<TopicPartition, Offset>&, const Wait&)>;

struct ToFill {
  TopicPartition partition;  // on the target
  TargetOffset end;          // of the target's log now
  TargetOffset to;           // what it shall be
};

// Not thread-safe. A filler's sequence number is its offset modulo 2^31, so that one that is sent
// twice is written once.
class HeadFiller {
 public:
  HeadFiller(wire::Cluster& target, int64_t filler_id, int16_t filler_epoch)
      : target_(target), filler_id_(filler_id), filler_epoch_(filler_epoch) {}

  // One round: a batch of fillers for each of them, those of one leader in one request. What comes
  // back are the ends now. An error is of that partition alone: MESSAGE_TOO_LARGE, denied, or the
  // leader moved; look at the ends and go on.
  std::map<TopicPartition, Result<TargetOffset>> round(const wire::ClusterMetadata& metadata,
                                                       const std::vector<ToFill>& work,
                                                       const Wait& wait);

 private:
  Result<std::map<TopicPartition, Result<TargetOffset>>> ask_leader(wire::Broker& leader,
                                                                    const std::vector<ToFill>& work,
                                                                    const Wait& wait);

  wire::Cluster& target_;
  const int64_t filler_id_;
  const int16_t filler_epoch_;
};

}  // namespace kferry::replicate
