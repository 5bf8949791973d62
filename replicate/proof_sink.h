// What the readers of a proof are told to read, and whom they tell of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/named.h"
#include "replicate/offset_map.h"
#include "verify/range_digest.h"

namespace kferry::replicate {

// A stretch of one partition on one side, in that side's offsets.
struct ProofTask {
  size_t index = 0;          // whose it is: what the sink is told
  TopicPartition partition;  // on that side
  TopicName source_topic;    // by which ranges are sampled
  int64_t begin = 0;
  int64_t end = 0;
  // In the source's offsets: what of it is wanted.
  int64_t wanted_begin = 0;
  int64_t wanted_end = 0;
  // Of a translated partition on the target; nullptr: the offsets are the source's. Outlives it.
  const OffsetMap* map = nullptr;
};

// Where a record of the target stands on the source; nullopt: it is no copy, somebody else wrote
// it.
std::optional<int64_t> source_of_record(const OffsetMap& map, int64_t target);

// A record, while it is being read.
struct ProofRecord {
  int64_t offset = 0;  // the source's
  int64_t own_offset = 0;
  int64_t timestamp_ms = -1;
  std::string_view body;
};

// Calls for one index come from one thread at a time, for different ones from several.
class ProofSink {
 public:
  virtual ~ProofSink() = default;
  virtual void record(size_t index, const ProofRecord& record) = 0;
  virtual void foreign_record(size_t /*index*/) {}
  // Everything before the source's `offset` has been seen.
  virtual void passed(size_t index, int64_t offset) = 0;
  // All of the task has been seen.
  virtual void finished(size_t index) = 0;
  virtual void failed(size_t index, std::string why) = 0;
};

}  // namespace kferry::replicate
