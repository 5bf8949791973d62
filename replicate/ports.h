// What the parts of the mirror know of one another: interfaces, so that fakes can take their place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "base/named.h"
#include "base/result.h"
#include "replicate/status.h"

namespace kferry::replicate {

// Where a source offset stands on the target.
struct Translation {
  TopicPartition target;
  TargetOffset offset;
  bool complete = true;  // false: the records up to the source offset have not all been copied yet;
                         // `offset` is the end of what has been, or absent knowledge
};

// Thread-safe.
class OffsetTranslator {
 public:
  virtual ~OffsetTranslator() = default;
  // nullopt: the partition is not mirrored, or nothing of it is known yet.
  virtual std::optional<Translation> translate(const TopicPartition& source,
                                               SourceOffset offset) const = 0;
};

// Who can be asked for the state of the flow. Thread-safe.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  virtual FlowStatus status() const = 0;
};

// What an operator can change while it runs. Thread-safe.
class Controls {
 public:
  virtual ~Controls() = default;
  virtual void set_max_bytes_per_second(int64_t limit) = 0;  // 0: no limit
};

// The flow's memory: small records by key, in a compacted topic on the target. Thread-safe.
class StateStore {
 public:
  virtual ~StateStore() = default;
  // Returns when it is durable (acks=all). nullopt deletes the key.
  virtual Result<> put(const std::string& key, const std::optional<std::string>& value,
                       const Wait& wait) = 0;
};

}  // namespace kferry::replicate
