#include "replicate/mm2_records.h"

#include <limits>
#include <type_traits>

#include <fmt/format.h>

namespace kferry::replicate {
namespace {

constexpr int16_t kVersion = 0;

class Writer {
 public:
  template <class Integer>
  Writer& number(Integer value) {
    using Unsigned = std::make_unsigned_t<Integer>;
    for (int shift = static_cast<int>(sizeof(Integer) - 1) * 8; shift >= 0; shift -= 8)
      bytes_ += static_cast<char>(static_cast<Unsigned>(value) >> shift & 0xFFU);
    return *this;
  }
  Writer& text(const std::string& value) {
    fits_ = fits_ && value.size() <= std::numeric_limits<int16_t>::max();
    number(static_cast<int16_t>(value.size()));
    bytes_ += value;
    return *this;
  }
  bool fits() const { return fits_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
  bool fits_ = true;
};

Result<Mm2Record> made(Writer& key, Writer& value, const char* what) {
  if (!key.fits() || !value.fits())
    return fail(ErrorKind::kFailed,
                fmt::format("{}: a text of more than 32,767 bytes has no place in it", what));
  return Mm2Record{key.take(), value.take()};
}

}  // namespace

Result<Mm2Record> checkpoint_record(const GroupCheckpoint& one) {
  Writer key;
  key.text(one.group.value()).text(one.target.topic.value()).number(one.target.partition.value());
  Writer value;
  value.number(kVersion).number(one.upstream.value()).number(one.downstream.value());
  value.text(one.metadata);
  return made(key, value, "a checkpoint");
}

Result<Mm2Record> heartbeat_record(const std::string& source_alias, const std::string& target_alias,
                                   int64_t now_ms) {
  Writer key;
  key.text(source_alias).text(target_alias);
  Writer value;
  value.number(kVersion).number(now_ms);
  return made(key, value, "a heartbeat");
}

Result<Mm2Record> offset_sync_record(const TopicPartition& source, SourceOffset upstream,
                                     TargetOffset downstream) {
  Writer key;
  key.text(source.topic.value()).number(source.partition.value());
  Writer value;
  value.number(upstream.value()).number(downstream.value());
  return made(key, value, "an offset sync");
}

TopicName checkpoints_topic(const std::string& source_alias) {
  return TopicName(source_alias + ".checkpoints.internal");
}

TopicName offset_syncs_topic(const std::string& other_alias) {
  return TopicName("mm2-offset-syncs." + other_alias + ".internal");
}

TopicName heartbeats_topic() {
  return TopicName("heartbeats");
}

TopicName remote_heartbeats_topic(const std::string& source_alias) {
  return TopicName(source_alias + ".heartbeats");
}

}  // namespace kferry::replicate
