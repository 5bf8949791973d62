// One task of a proof while it is read: takes records, or what a fetch gave, in their order.
#pragma once

#include "replicate/ports.h"
#include "replicate/proof_sink.h"
#include "wire/record_batch.h"

namespace kferry::replicate {

// Not thread-safe.
class ProofCursor {
 public:
  // All of these outlive it.
  ProofCursor(const ProofTask& task, const verify::RangeSample& sample, ProofSink& sink)
      : task_(task), sample_(sample), sink_(sink), position_(task.begin) {
    skip_unsampled();
  }

  const ProofTask& task() const { return task_; }
  int64_t position() const { return position_; }  // the next to be read, on this side
  bool done() const { return done_; }

  // Records of committed transactions, decompressed one batch at a time. True when the position
  // has jumped, so that the broker must be told. kFailed: a batch that cannot be read.
  Result<bool> take(const FetchedPartition& fetched, size_t most_decoded_bytes);
  // One record that was decoded elsewhere.
  void take_record(int64_t own_offset, int64_t timestamp_ms, std::string_view body);
  // Nothing more comes before `own_offset`.
  void advance(int64_t own_offset);
  void fail(std::string why);

 private:
  Result<> take_batch(const wire::RawBatch& batch, size_t most_decoded_bytes);
  bool skip_unsampled();
  int64_t to_source(int64_t own_offset) const;
  int64_t to_own(int64_t source_offset) const;

  const ProofTask& task_;
  const verify::RangeSample& sample_;
  ProofSink& sink_;
  int64_t position_;
  bool done_ = false;
};

}  // namespace kferry::replicate
