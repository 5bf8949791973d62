// Reads messages in Kafka's wire format. What comes from the wire is not trusted: each length is
// checked against the bytes that are there before it is used, nesting is that of the struct, and
// the number of decoded elements is bounded.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/result.h"
#include "wire/field.h"

namespace kferry::wire {

// Reads one message from `in`, which must outlive it. The first error is kept; after it every read
// gives an empty value.
class Decoder {
 public:
  // More array elements than that in one message is a sign of a hostile or broken peer.
  static constexpr int64_t kMaxElements = 2'000'000;
  // So are more tagged fields than that in one struct. Kafka's messages have fewer than 10.
  static constexpr uint32_t kMaxTaggedFields = 1'000;

  Decoder(std::string_view in, int16_t version, bool flexible)
      : in_(in), version_(version), flexible_(flexible) {}

  int16_t version() const { return version_; }
  const std::string& error() const { return error_; }  // empty: none
  std::string_view rest() const { return in_; }

  template <class T>
  void operator()(const char* name, T& value, Field field = {}) {
    if (!error_.empty() || !field.versions.contains(version_)) return;
    if (reading_tagged_) {
      if (field.tag >= 0) decode_tagged(name, value, field);
    } else if (field.tag < 0) {
      decode(name, value, field);
    }
  }

  // Reads the tagged fields that end a struct; `value.fields` is walked again for those it knows.
  template <class T>
  void end_struct(T& value) {
    if (!flexible_ || !error_.empty()) return;
    auto tagged = read_tagged_section();
    if (tagged.empty()) return;
    auto outer = std::exchange(tagged_, std::move(tagged));
    const bool was_reading = std::exchange(reading_tagged_, true);
    value.fields(*this);
    reading_tagged_ = was_reading;
    tagged_ = std::move(outer);
  }

  template <class T>
  T number(const char* name) {
    if (!need(name, sizeof(T))) return 0;
    std::make_unsigned_t<T> bits;
    std::memcpy(&bits, in_.data(), sizeof bits);
    in_.remove_prefix(sizeof bits);
    if constexpr (sizeof(T) == 2) bits = __builtin_bswap16(bits);
    if constexpr (sizeof(T) == 4) bits = __builtin_bswap32(bits);
    if constexpr (sizeof(T) == 8) bits = __builtin_bswap64(bits);
    return static_cast<T>(bits);
  }

  uint32_t unsigned_varint(const char* name) {
    uint32_t value = 0;
    for (int shift = 0; shift <= 28; shift += 7) {
      const auto byte = number<uint8_t>(name);
      if (shift == 28 && byte > 0x0f) break;
      value |= static_cast<uint32_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    set_error(name, "a varint of more than 32 bits");
    return 0;
  }

 private:
  template <class T>
  void decode(const char* name, T& value, const Field& field) {
    if (!error_.empty()) return;
    if constexpr (IsOptional<T>::value) {
      decode_nullable(name, value, field);
    } else if constexpr (IsNamed<T>::value) {
      decode(name, value.mutable_value(), field);
    } else if constexpr (std::is_same_v<T, bool>) {
      value = number<int8_t>(name) != 0;
    } else if constexpr (kIsNumber<T>) {
      value = number<T>(name);
    } else if constexpr (std::is_same_v<T, Uuid>) {
      const std::string_view bytes = take(name, value.size());
      if (error_.empty()) std::memcpy(value.data(), bytes.data(), value.size());
    } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Bytes> ||
                         std::is_same_v<T, Records> || IsVector<T>::value) {
      const int64_t length = read_length<T>(name);
      if (length < 0) return set_error(name, "null where null is not allowed");
      decode_sized(name, value, length);
    } else {
      decode_struct(value);
    }
  }

  template <class T>
  void decode_nullable(const char* name, T& value, const Field& field) {
    using Inner = WireType<typename T::value_type>;
    const int64_t length = read_length<Inner>(name);
    if (length < 0) {
      if (!field.nullable.contains(version_)) set_error(name, "null where null is not allowed");
      value.reset();
      return;
    }
    auto& inner = value.emplace();
    if constexpr (IsNamed<typename T::value_type>::value)
      decode_sized(name, inner.mutable_value(), length);
    else
      decode_sized(name, inner, length);
  }

  template <class T>
  void decode_sized(const char* name, T& value, int64_t length) {
    if (!error_.empty()) return;
    // Every element takes at least one byte, so that no length can be larger than what is left.
    if (!need(name, static_cast<size_t>(length))) return;
    if constexpr (std::is_same_v<T, std::string>) {
      if (static_cast<size_t>(length) > kMaxStringBytes)
        return set_error(name, fmt::format("a string of {} bytes", length));
      value = take(name, static_cast<size_t>(length));
    } else if constexpr (std::is_same_v<T, Bytes> || std::is_same_v<T, Records>) {
      value.data = take(name, static_cast<size_t>(length));
    } else {
      elements_ += length;
      if (elements_ > kMaxElements) return set_error(name, "too many array elements");
      value.clear();
      for (int64_t i = 0; i < length && error_.empty(); ++i)
        decode(name, value.emplace_back(), Field{});
    }
  }

  template <class T>
  void decode_struct(T& value) {
    const bool was_reading = std::exchange(reading_tagged_, false);
    value.fields(*this);
    end_struct(value);
    reading_tagged_ = was_reading;
  }

  template <class T>
  void decode_tagged(const char* name, T& value, const Field& field) {
    const auto found = tagged_.find(field.tag);
    if (found == tagged_.end()) return;
    const std::string_view after = std::exchange(in_, found->second);
    const bool was_reading = std::exchange(reading_tagged_, false);
    decode(name, value, field);
    reading_tagged_ = was_reading;
    if (error_.empty() && !in_.empty()) set_error(name, "a tagged field with bytes left over");
    in_ = after;
  }

  // Unknown tags are kept too, and never looked up: they are skipped, as KIP-482 wants.
  std::map<int64_t, std::string_view> read_tagged_section() {
    std::map<int64_t, std::string_view> tagged;
    const uint32_t count = unsigned_varint("tagged fields");
    if (count > kMaxTaggedFields) set_error("tagged fields", fmt::format("{} of them", count));
    for (uint32_t i = 0; i < count && error_.empty(); ++i) {
      const uint32_t tag = unsigned_varint("tag");
      const uint32_t size = unsigned_varint("size of a tagged field");
      const std::string_view bytes = take("tagged field", size);
      if (error_.empty() && !tagged.emplace(tag, bytes).second)
        set_error("tagged fields", "the same tag twice");
    }
    return tagged;
  }

  // -1: null.
  template <class T>
  int64_t read_length(const char* name) {
    if (flexible_) return static_cast<int64_t>(unsigned_varint(name)) - 1;
    const int64_t length = std::is_same_v<T, std::string> ? int64_t{number<int16_t>(name)}
                                                          : int64_t{number<int32_t>(name)};
    if (length < -1) set_error(name, fmt::format("a length of {}", length));
    return error_.empty() ? length : 0;
  }

  bool need(const char* name, size_t size) {
    if (!error_.empty()) return false;
    if (size <= in_.size()) return true;
    set_error(name, fmt::format("{} bytes wanted, {} are left", size, in_.size()));
    return false;
  }

  std::string_view take(const char* name, size_t size) {
    if (!need(name, size)) return {};
    const std::string_view bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return bytes;
  }

  void set_error(const char* name, std::string_view what) {
    if (error_.empty()) error_ = fmt::format("field {}: {}", name, what);
  }

  std::string_view in_;
  int16_t version_;
  bool flexible_;
  bool reading_tagged_ = false;
  int64_t elements_ = 0;
  std::string error_;
  std::map<int64_t, std::string_view> tagged_;  // of the struct whose tagged fields are being read
};

// Decodes the whole of `bytes`, which must outlive the message's Records; bytes left over are an
// error. kFailed with the field that is broken.
template <class Message>
Result<Message> decode_message(std::string_view bytes, int16_t version) {
  Message message;
  Decoder decoder(bytes, version, version >= Message::kFlexibleSince);
  message.fields(decoder);
  decoder.end_struct(message);
  std::string problem = decoder.error();
  if (problem.empty() && !decoder.rest().empty())
    problem = fmt::format("{} bytes left over", decoder.rest().size());
  if (problem.empty()) return message;
  return fail(ErrorKind::kFailed,
              fmt::format("malformed {} version {}: {}", Message::kName, version, problem));
}

}  // namespace kferry::wire
