// Takes what a source broker gave of one partition apart into what the target is to get.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "replicate/copy_item.h"
#include "replicate/ports.h"

namespace kferry::replicate {

struct TakenIn {
  std::vector<CopyItem> items;  // without holes between them, from the wanted position on
  SourceOffset next;            // the next to be fetched
  int32_t last_epoch = -1;      // leader epoch of the last batch; -1: unknown (formats 0 and 1)
};

// A batch of format 2 whose records are all there passes through as it is, compressed, in its
// buffer. Others are taken apart and made anew (deep path): formats 0 and 1, compacted ones,
// LogAppendTime, and one in whose middle `position` lies. Control batches and aborted transactions
// become gaps, as do offsets that the log has no record for.
//
// kFailed: a batch that cannot be read. `decoded_bytes` bounds one batch when it is decompressed.
// `buffer` holds `fetched.records`. Thread-safe.
// Batches of the producers in `not_from` become gaps too.
Result<TakenIn> take_in(const FetchedPartition& fetched, std::shared_ptr<Buffer> buffer,
                        SourceOffset position, BufferBudget& budget, size_t decoded_bytes,
                        const std::vector<int64_t>& not_from = {});

// Several batches as one, for runs of tiny ones: decoded and encoded anew, with the codec of the
// first. At least one item, none a gap; where offsets are missing between them, `later_runs` says
// so.
Result<CopyItem> merge(const std::vector<CopyItem>& items, BufferBudget& budget,
                       size_t decoded_bytes);

}  // namespace kferry::replicate
