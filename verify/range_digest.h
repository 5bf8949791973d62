// Digests of ranges of records, and their comparison between two clusters while both are read.
// Offsets are the source's. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/digest.h"

namespace kferry::verify {

// A range is the offsets [N * kRangeOffsets, (N + 1) * kRangeOffsets) of a partition.
constexpr int64_t kRangeOffsets = 5'000;
constexpr int64_t range_of(int64_t offset) {
  return offset / kRangeOffsets;
}

// A deterministic share of the ranges, the same on both sides and in every run. Thread-safe.
class RangeSample {
 public:
  // 1 to 100.
  explicit RangeSample(int percent = 100) : percent_(percent) {}
  bool whole() const { return percent_ >= 100; }
  int percent() const { return percent_; }
  bool selects(std::string_view topic, int32_t partition, int64_t range) const;

 private:
  int percent_;
};

struct RangeDigest {
  int64_t range = 0;
  std::string digest;  // SHA-256 of the records in their order
  int64_t records = 0;
  int64_t bytes = 0;  // of keys, values and headers with their lengths

  friend bool operator==(const RangeDigest&, const RangeDigest&) = default;
};

// The records of one partition in their order, one digest for each range that has any.
class RangeDigester {
 public:
  // `body`: key, value and headers as in a record of format 2. The digest of the range before, when
  // this record begins another.
  std::optional<RangeDigest> add(int64_t offset, int64_t timestamp_ms, std::string_view body);
  // The digest of the last range; nullopt: no record has come since.
  std::optional<RangeDigest> finish();
  // The range that is not finished yet.
  std::optional<int64_t> range() const {
    return hash_ ? std::optional(current_.range) : std::nullopt;
  }

 private:
  void flush();

  RangeDigest current_;
  std::unique_ptr<wire::Sha256> hash_;  // none: no record yet
  std::string buffer_;
};

enum class ProofSide { kSource, kTarget };

// One partition. Memory: the digests of the ranges that one side is ahead. Not thread-safe.
class RangeComparison {
 public:
  // From the offset on that was compared already.
  explicit RangeComparison(int64_t begin = 0) : compared_to_(begin), passed_{begin, begin} {}

  void add(ProofSide side, RangeDigest digest);
  // No record before `offset` will come any more.
  void pass(ProofSide side, int64_t offset);

  // All ranges before it are equal, as far as they are sampled.
  int64_t compared_to() const { return compared_to_; }
  const std::vector<int64_t>& differing() const { return differing_; }
  int64_t records() const { return records_; }  // of the source
  int64_t bytes() const { return bytes_; }
  int64_t ranges() const { return ranges_; }

 private:
  struct Pair {
    std::optional<RangeDigest> side[2];
  };

  int64_t compared_to_;
  int64_t passed_[2];
  std::map<int64_t, Pair> open_;
  std::vector<int64_t> differing_;
  int64_t records_ = 0;
  int64_t bytes_ = 0;
  int64_t ranges_ = 0;
};

}  // namespace kferry::verify
