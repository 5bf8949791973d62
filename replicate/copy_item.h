// What is on its way from the source to the target, and the bound on how much of it there is.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/named.h"

namespace kferry::replicate {

// How many bytes are held between the two clusters. Thread-safe.
class BufferBudget {
 public:
  explicit BufferBudget(size_t bytes) : limit_(static_cast<int64_t>(bytes)) {}

  void add(size_t bytes) { used_ += static_cast<int64_t>(bytes); }
  void give_back(size_t bytes) { used_ -= static_cast<int64_t>(bytes); }
  int64_t used() const { return used_; }
  int64_t free() const { return limit_ - used_; }
  int64_t limit() const { return limit_; }

 private:
  const int64_t limit_;
  std::atomic<int64_t> used_ = 0;
};

// Bytes that count against a budget as long as anybody holds them.
class Buffer {
 public:
  Buffer(std::unique_ptr<std::string> bytes, BufferBudget& budget)
      : bytes_(std::move(bytes)), budget_(budget) {
    budget_.add(bytes_->size());
  }
  ~Buffer() { budget_.give_back(bytes_->size()); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  // `part`, which lies in these bytes, to write on.
  std::span<char> writable(std::string_view part) {
    return {bytes_->data() + (part.data() - bytes_->data()), part.size()};
  }
  const std::string& bytes() const { return *bytes_; }

 private:
  const std::unique_ptr<std::string> bytes_;
  BufferBudget& budget_;
};

// A run of consecutive offsets within a batch: the record at `index` has the source offset
// `source`.
struct RunInBatch {
  int32_t index = 0;
  SourceOffset source;
};

// The next thing to happen to a target partition.
struct CopyItem {
  SourceOffset first;   // of its first record, or of the first offset that is missing
  SourceOffset next;    // behind its last one
  int32_t records = 0;  // in the batch; 0: a gap of next - first offsets
  std::shared_ptr<Buffer> buffer = {};
  std::span<char> batch = {};  // format 2; in `buffer`
  int64_t last_timestamp_ms = -1;
  // Where offsets are missing between its records (merged batches of a translated partition): the
  // runs after the first one.
  std::vector<RunInBatch> later_runs = {};

  bool is_gap() const { return records == 0; }
  int64_t offsets() const { return next.value() - first.value(); }
};

}  // namespace kferry::replicate
