// Which of two sequences' records is the first that differs, and in what. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kferry::verify {

// A record reduced to what can be compared: a few dozen bytes, however large it is.
struct RecordPrint {
  int64_t offset = 0;      // the source's
  int64_t own_offset = 0;  // where it lies on its side
  int64_t timestamp_ms = -1;
  uint64_t key = 0;  // hashes; null and empty differ
  uint64_t value = 0;
  uint64_t headers = 0;    // in their order
  int64_t key_bytes = -1;  // -1: null
  int64_t value_bytes = -1;
  int64_t header_count = 0;
};

// kFailed: `body` (key, value and headers as in format 2) is malformed.
Result<RecordPrint> print_of(int64_t offset, int64_t own_offset, int64_t timestamp_ms,
                             std::string_view body);

enum class DifferenceKind {
  kMissingOnTarget,
  kMissingOnSource,
  kSwapped,  // with the record behind it
  kTimestamp,
  kKey,
  kValue,
  kHeaders,
};
std::string_view to_string(DifferenceKind kind);  // "missing_on_target", ...
std::optional<DifferenceKind> parse_difference_kind(std::string_view word);

struct RecordDifference {
  DifferenceKind kind = DifferenceKind::kValue;
  int64_t offset = 0;                         // on the source
  std::optional<int64_t> target_offset = {};  // nullopt: there is none
  std::string detail;

  friend bool operator==(const RecordDifference&, const RecordDifference&) = default;
};

struct Narrowed {
  std::optional<RecordDifference> first;  // nullopt: the records are the same
  int64_t compacted = 0;                  // records that only one side still has, up to there
};

// Both rise in offsets, and cover the same range of them. With `compacted` (cleanup.policy=compact)
// a record with a key may be gone on either side: each cluster compacts when it likes.
Narrowed first_difference(std::span<const RecordPrint> source, std::span<const RecordPrint> target,
                          bool compacted);

}  // namespace kferry::verify
