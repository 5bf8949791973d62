// What a fetch tells of aborted transactions, applied to its batches.
#pragma once

#include <set>
#include <vector>

#include "replicate/ports.h"
#include "wire/record_batch.h"

namespace kferry::replicate {

// Which transactional batches belong to aborted transactions (KIP-98; Kafka: CompletedFetch). A
// producer's transaction is aborted from its first offset until its control batch.
class AbortedTransactions {
 public:
  explicit AbortedTransactions(const std::vector<FetchedPartition::Aborted>& aborted)
      : next_(aborted.begin()), end_(aborted.end()) {}

  bool covers(const wire::BatchHeader& header) {
    for (; next_ != end_ && next_->first_offset <= header.last_offset(); ++next_)
      open_.insert(next_->producer_id);
    if (header.control()) open_.erase(header.producer_id);
    return header.transactional() && !header.control() && open_.contains(header.producer_id);
  }

 private:
  std::vector<FetchedPartition::Aborted>::const_iterator next_;
  const std::vector<FetchedPartition::Aborted>::const_iterator end_;
  std::set<int64_t> open_;
};

}  // namespace kferry::replicate
