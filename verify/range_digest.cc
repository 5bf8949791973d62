#include "verify/range_digest.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace kferry::verify {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;

// FNV-1a: the same everywhere and for ever.
uint64_t stable_hash(std::string_view text, uint64_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

std::array<char, 8> little_endian(int64_t number) {
  std::array<char, 8> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(static_cast<uint64_t>(number) >> (8 * i));
  return bytes;
}

std::string_view view(const std::array<char, 8>& bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

bool RangeSample::selects(std::string_view topic, int32_t partition, int64_t range) const {
  if (whole()) return true;
  uint64_t hash = stable_hash(topic, 14695981039346656037U);
  hash = stable_hash(view(little_endian(partition)), hash);
  hash = stable_hash(view(little_endian(range)), hash);
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdU;
  hash ^= hash >> 33;
  return hash % 100 < static_cast<uint64_t>(percent_);
}

std::optional<RangeDigest> RangeDigester::add(int64_t offset, int64_t timestamp_ms,
                                              std::string_view body) {
  std::optional<RangeDigest> before;
  if (hash_ && range_of(offset) != current_.range) before = finish();
  if (!hash_) {
    hash_ = std::make_unique<wire::Sha256>();
    current_ = {.range = range_of(offset), .digest = {}};
  }
  // The length makes the text of two records unambiguous.
  buffer_ += view(little_endian(offset));
  buffer_ += view(little_endian(timestamp_ms));
  buffer_ += view(little_endian(static_cast<int64_t>(body.size())));
  buffer_ += body;
  if (buffer_.size() >= kBufferBytes) flush();
  ++current_.records;
  current_.bytes += static_cast<int64_t>(body.size());
  return before;
}

std::optional<RangeDigest> RangeDigester::finish() {
  if (!hash_) return std::nullopt;
  flush();
  current_.digest = hash_->hex();
  hash_.reset();
  return std::exchange(current_, {});
}

void RangeDigester::flush() {
  hash_->update(buffer_);
  buffer_.clear();
}

void RangeComparison::add(ProofSide side, RangeDigest digest) {
  const int64_t range = digest.range;
  open_[range].side[std::to_underlying(side)] = std::move(digest);
}

void RangeComparison::pass(ProofSide side, int64_t offset) {
  int64_t& passed = passed_[std::to_underlying(side)];
  passed = std::max(passed, offset);
  const int64_t both = std::min(passed_[0], passed_[1]);
  // A range at the log's end is passed by its last offset, and no record behind it comes.
  while (!open_.empty() && (open_.begin()->first + 1) * kRangeOffsets <= both) {
    const auto& [range, pair] = *open_.begin();
    ++ranges_;
    if (pair.side[0]) {
      records_ += pair.side[0]->records;
      bytes_ += pair.side[0]->bytes;
    }
    if (pair.side[0] != pair.side[1]) differing_.push_back(range);
    open_.erase(open_.begin());
  }
  if (differing_.empty())
    compared_to_ = std::max(compared_to_, both / kRangeOffsets * kRangeOffsets);
}

}  // namespace kferry::verify
