// Whether the records of a partition with the source's offsets still have them.
#pragma once

#include "base/interrupt.h"
#include "base/named.h"
#include "wire/broker.h"

namespace kferry::replicate {

// A partition on one side: its leader, and its name there.
struct LogSide {
  wire::Broker& leader;
  const TopicPartition& partition;
};

// Control records fill gaps, one offset each, and look all the same: where a process that was
// suspended wrote some too late, what follows them is displaced, and only the records themselves
// tell. What either side does not have any more is not compared. kFailed: it is displaced; other
// errors: it could not be found out.

// Whether the record at `offset`, which we copied, is the same one on both sides.
Result<> check_record(const LogSide& source, const LogSide& target, int64_t offset,
                      const Wait& wait);
// Whether the source has no record that consumers see from `from` to `end`, where the target has
// fillers.
Result<> check_gap(const LogSide& source, int64_t from, int64_t end, const Wait& wait);

}  // namespace kferry::replicate
