#include "verify/record_difference.h"

#include <array>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "wire/record_batch.h"

namespace kferry::verify {
namespace {

using Prints = std::span<const RecordPrint>;

constexpr std::array<std::pair<DifferenceKind, std::string_view>, 7> kNames{{
    {DifferenceKind::kMissingOnTarget, "missing_on_target"},
    {DifferenceKind::kMissingOnSource, "missing_on_source"},
    {DifferenceKind::kSwapped, "swapped"},
    {DifferenceKind::kTimestamp, "timestamp"},
    {DifferenceKind::kKey, "key"},
    {DifferenceKind::kValue, "value"},
    {DifferenceKind::kHeaders, "headers"},
}};

uint64_t hash_of(std::optional<std::string_view> bytes) {
  return bytes ? std::hash<std::string_view>()(*bytes) : 0;
}

int64_t size_of(std::optional<std::string_view> bytes) {
  return bytes ? static_cast<int64_t>(bytes->size()) : -1;
}

bool same_content(const RecordPrint& a, const RecordPrint& b) {
  return a.timestamp_ms == b.timestamp_ms && a.key == b.key && a.value == b.value &&
         a.headers == b.headers && a.key_bytes == b.key_bytes && a.value_bytes == b.value_bytes &&
         a.header_count == b.header_count;
}

// From there on two records agree, or as many as there are.
bool goes_on_alike(Prints a, Prints b) {
  if (a.empty() || b.empty() || !same_content(a[0], b[0])) return false;
  return a.size() == 1 || b.size() == 1 || same_content(a[1], b[1]);
}

std::string bytes_text(int64_t size) {
  return size < 0 ? std::string("null") : fmt::format("{} bytes", size);
}

RecordDifference missing(DifferenceKind kind, const RecordPrint& there, std::string detail) {
  RecordDifference difference{kind, there.offset, {}, std::move(detail)};
  if (kind == DifferenceKind::kMissingOnSource) difference.target_offset = there.own_offset;
  return difference;
}

// Two records at the same offset that are not the same.
RecordDifference by_field(const RecordPrint& a, const RecordPrint& b) {
  RecordDifference difference{DifferenceKind::kHeaders, a.offset, b.own_offset, {}};
  const auto add = [&](DifferenceKind kind, const std::string& words) {
    if (difference.detail.empty()) difference.kind = kind;
    difference.detail += (difference.detail.empty() ? "" : "; ") + words;
  };
  if (a.key != b.key || a.key_bytes != b.key_bytes)
    add(DifferenceKind::kKey, fmt::format("key: {} on the source, {} on the target",
                                          bytes_text(a.key_bytes), bytes_text(b.key_bytes)));
  if (a.value != b.value || a.value_bytes != b.value_bytes)
    add(DifferenceKind::kValue, fmt::format("value: {} on the source, {} on the target",
                                            bytes_text(a.value_bytes), bytes_text(b.value_bytes)));
  if (a.timestamp_ms != b.timestamp_ms)
    add(DifferenceKind::kTimestamp, fmt::format("timestamp: {} on the source, {} on the target",
                                                a.timestamp_ms, b.timestamp_ms));
  if (a.headers != b.headers || a.header_count != b.header_count)
    add(DifferenceKind::kHeaders,
        fmt::format("headers: {} on the source, {} on the target", a.header_count, b.header_count));
  return difference;
}

RecordDifference name_it(Prints source, Prints target) {
  const RecordPrint& a = source[0];
  const RecordPrint& b = target[0];
  if (source.size() > 1 && target.size() > 1 && same_content(a, target[1]) &&
      same_content(source[1], b))
    return {DifferenceKind::kSwapped, a.offset, b.own_offset,
            fmt::format("swapped with the record at {}", source[1].offset)};
  if (goes_on_alike(source.subspan(1), target))
    return missing(DifferenceKind::kMissingOnTarget, a, "the records behind it have moved up");
  if (goes_on_alike(source, target.subspan(1)))
    return missing(DifferenceKind::kMissingOnSource, b,
                   "a record that the source does not have; those behind it have moved on");
  return by_field(a, b);
}

}  // namespace

std::string_view to_string(DifferenceKind kind) {
  for (const auto& [known, name] : kNames)
    if (known == kind) return name;
  return "unknown";
}

std::optional<DifferenceKind> parse_difference_kind(std::string_view word) {
  for (const auto& [known, name] : kNames)
    if (name == word) return known;
  return std::nullopt;
}

Result<RecordPrint> print_of(int64_t offset, int64_t own_offset, int64_t timestamp_ms,
                             std::string_view body) {
  KFERRY_TRY(const wire::RecordContent content, wire::parse_body(body));
  RecordPrint print{.offset = offset, .own_offset = own_offset, .timestamp_ms = timestamp_ms};
  print.key = hash_of(content.key);
  print.key_bytes = size_of(content.key);
  print.value = hash_of(content.value);
  print.value_bytes = size_of(content.value);
  print.header_count = static_cast<int64_t>(content.headers.size());
  for (const wire::RecordHeader& header : content.headers) {
    const uint64_t sizes = header.key.size() * 31 + static_cast<uint64_t>(size_of(header.value));
    print.headers = (print.headers * 1099511628211U) ^ hash_of(header.key);
    print.headers = (print.headers * 1099511628211U) ^ hash_of(header.value);
    print.headers = (print.headers * 1099511628211U) ^ sizes;
  }
  return print;
}

Narrowed first_difference(Prints source, Prints target, bool compacted) {
  Narrowed narrowed;
  while (!source.empty() || !target.empty()) {
    const bool same_offset =
        !source.empty() && !target.empty() && source[0].offset == target[0].offset;
    if (same_offset) {
      if (!same_content(source[0], target[0])) {
        narrowed.first = compacted ? by_field(source[0], target[0]) : name_it(source, target);
        return narrowed;
      }
      source = source.subspan(1);
      target = target.subspan(1);
      continue;
    }
    const bool source_only =
        target.empty() || (!source.empty() && source[0].offset < target[0].offset);
    Prints& has_it = source_only ? source : target;
    if (!compacted || has_it[0].key_bytes < 0) {
      narrowed.first =
          missing(source_only ? DifferenceKind::kMissingOnTarget : DifferenceKind::kMissingOnSource,
                  has_it[0], "no record at that offset");
      return narrowed;
    }
    ++narrowed.compacted;
    has_it = has_it.subspan(1);
  }
  return narrowed;
}

}  // namespace kferry::verify
