// A target partition as its leader keeps it: KIP-98's sequence numbers and memory of five batches,
// control records, and what a reader would get.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "replicate/ports.h"
#include "wire/error_code.h"
#include "wire/record_batch.h"

namespace kferry::replicate {

class FakeLog {
 public:
  struct Entry {
    int64_t offset = 0;
    int64_t producer_id = -1;
    std::string value;  // empty: a control record
  };

  int64_t end() const { return end_; }
  const std::vector<Entry>& entries() const { return entries_; }

  Ack produce(const TopicPartition& partition, std::string_view bytes) {
    auto rest = bytes;
    const auto batch = wire::take_batch(rest);
    if (!batch || !*batch) return {partition, wire::kCorruptMessage, {}, {}};
    const wire::BatchHeader& header = (*batch)->header;
    Producer& producer = producers_[header.producer_id];
    for (const auto& [sequence, count, offset] : producer.last)
      if (sequence == header.base_sequence && count == header.record_count)
        return {partition, wire::kNone, TargetOffset(offset), {}};
    if (producer.known && header.base_sequence != producer.next)
      return {partition, wire::kOutOfOrderSequenceNumber, {}, {}};
    const auto decoded = wire::decode_batch(**batch, 1 << 20);
    if (!decoded) return {partition, wire::kCorruptMessage, {}, {}};
    producer.known = true;
    producer.next = wire::advance_sequence(header.base_sequence, header.record_count);
    producer.last.push_back({header.base_sequence, header.record_count, end_});
    if (producer.last.size() > 5) producer.last.pop_front();
    const int64_t base = end_;
    for (const auto& record : decoded->records)
      entries_.push_back(
          {end_++, header.producer_id, std::string(*wire::parse_body(record.body)->value)});
    keep(std::string(bytes), base);
    return {partition, wire::kNone, TargetOffset(base), {}};
  }

  void write_markers(int32_t count, int64_t producer_id) {
    for (int32_t i = 0; i < count; ++i) {
      std::string body("\x01\x01\x00", 3);  // no key, no value, no headers
      const wire::RawRecord record{0, 0, body};
      auto bytes =
          wire::encode_batch(std::span(&record, 1), wire::Codec::kNone, {producer_id, 0, -1});
      (*bytes)[22] |= 0x20;  // control
      entries_.push_back({end_, producer_id, {}});
      keep(*bytes, end_++);
    }
  }

  // The log from `from` on, as a fetch would give it.
  std::string read(int64_t from) const {
    std::string all;
    for (const auto& [base, bytes] : segments_)
      if (base >= from || next_base(base) > from) all += bytes;
    return all;
  }

  std::optional<int32_t> last_sequence(int64_t producer_id) const {
    const auto found = producers_.find(producer_id);
    if (found == producers_.end() || found->second.last.empty()) return std::nullopt;
    const auto& [sequence, count, offset] = found->second.last.back();
    return wire::advance_sequence(sequence, count - 1);
  }

 private:
  struct Producer {
    bool known = false;
    int32_t next = 0;
    std::deque<std::tuple<int32_t, int32_t, int64_t>> last;
  };

  int64_t next_base(int64_t base) const {
    const auto next = segments_.upper_bound(base);
    return next == segments_.end() ? end_ : next->first;
  }

  void keep(std::string bytes, int64_t base) {
    for (int i = 0; i < 8; ++i)
      bytes[static_cast<size_t>(i)] = static_cast<char>(base >> (56 - 8 * i));
    segments_[base] = std::move(bytes);
  }

  int64_t end_ = 0;
  std::vector<Entry> entries_;
  std::map<int64_t, std::string> segments_;
  std::map<int64_t, Producer> producers_;
};

}  // namespace kferry::replicate
