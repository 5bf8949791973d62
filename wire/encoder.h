// Writes messages in Kafka's wire format.
#pragma once

#include <bit>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/result.h"
#include "wire/field.h"

namespace kferry::wire {

// Record data that belongs into a frame at `at` and is sent from where it lies.
struct Splice {
  size_t at = 0;  // in the frame's own bytes
  std::string_view data;
};
using Splices = std::vector<Splice>;

// Appends one message to `out`. The first error is kept; nothing after it counts.
class Encoder {
 public:
  // With `splices`, Records are not copied into `out` but noted there, in order.
  Encoder(std::string& out, int16_t version, bool flexible, Splices* splices = nullptr)
      : out_(&out), splices_(splices), version_(version), flexible_(flexible) {}

  int16_t version() const { return version_; }
  bool flexible() const { return flexible_; }
  const std::string& error() const { return error_; }  // empty: none

  template <class T>
  void operator()(const char* name, const T& value, Field field = {}) {
    if (!error_.empty()) return;
    if (!field.versions.contains(version_)) {
      if (!field.ignorable && !is_default(value, field))
        error_ = fmt::format("field {} is set, but version {} has no such field", name, version_);
      return;
    }
    if (field.tag >= 0) {
      if (!is_default(value, field)) encode_tagged(name, value, field);
    } else {
      encode(name, value, field);
    }
  }

  // Ends a struct: writes its tagged fields. Called by encode_struct and encode_message only.
  void end_struct() {
    if (!flexible_) return;
    unsigned_varint(static_cast<uint32_t>(tagged_.size()));
    for (const auto& [tag, bytes] : tagged_) {
      unsigned_varint(static_cast<uint32_t>(tag));
      unsigned_varint(static_cast<uint32_t>(bytes.size()));
      *out_ += bytes;
    }
    tagged_.clear();
  }

  template <class T>
  void number(T value) {
    using Unsigned = std::make_unsigned_t<T>;
    auto bits = static_cast<Unsigned>(value);
    if constexpr (sizeof(T) > 1) bits = byte_swap(bits);
    out_->append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }

  void unsigned_varint(uint32_t value) {
    while (value >= 0x80) {
      out_->push_back(static_cast<char>((value & 0x7f) | 0x80));
      value >>= 7;
    }
    out_->push_back(static_cast<char>(value));
  }

  // A string with an int16 length whatever the version: the client id of the request header.
  void classic_string(const char* name, const std::string& value) {
    const bool flexible = std::exchange(flexible_, false);
    string_length(name, value.size());
    *out_ += value;
    flexible_ = flexible;
  }

 private:
  template <class Unsigned>
  static Unsigned byte_swap(Unsigned value) {
    static_assert(std::endian::native == std::endian::little);
    if constexpr (sizeof(Unsigned) == 2) return __builtin_bswap16(value);
    if constexpr (sizeof(Unsigned) == 4) return __builtin_bswap32(value);
    return static_cast<Unsigned>(__builtin_bswap64(value));
  }

  template <class T>
  void encode(const char* name, const T& value, const Field& field) {
    if constexpr (IsOptional<T>::value) {
      if (value) return encode(name, *value, field);
      if (!field.nullable.contains(version_)) {
        error_ = fmt::format("field {} is null, which version {} does not allow", name, version_);
        return;
      }
      null_value<WireType<typename T::value_type>>();
    } else if constexpr (IsNamed<T>::value) {
      encode(name, value.value(), field);
    } else if constexpr (std::is_same_v<T, bool>) {
      out_->push_back(value ? 1 : 0);
    } else if constexpr (kIsNumber<T>) {
      number(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      string_length(name, value.size());
      *out_ += value;
    } else if constexpr (std::is_same_v<T, Bytes>) {
      length(name, value.data.size());
      *out_ += value.data;
    } else if constexpr (std::is_same_v<T, Records>) {
      length(name, value.data.size());
      if (splices_ == nullptr)
        *out_ += value.data;
      else
        splices_->push_back({out_->size(), value.data});
    } else if constexpr (std::is_same_v<T, Uuid>) {
      out_->append(reinterpret_cast<const char*>(value.data()), value.size());
    } else if constexpr (IsVector<T>::value) {
      length(name, value.size());
      for (const auto& element : value) encode(name, element, Field{});
    } else {
      encode_struct(value);
    }
  }

  template <class T>
  void encode_struct(const T& value) {
    auto outer = std::exchange(tagged_, {});
    // `fields` is one template for reading and writing, so it is not const; Encoder only reads.
    const_cast<T&>(value).fields(*this);
    end_struct();
    tagged_ = std::move(outer);
  }

  template <class T>
  void encode_tagged(const char* name, const T& value, const Field& field) {
    std::string bytes;
    std::string* const out = std::exchange(out_, &bytes);
    Splices* const splices = std::exchange(splices_, nullptr);
    encode(name, value, field);
    out_ = out;
    splices_ = splices;
    tagged_[field.tag] = std::move(bytes);
  }

  template <class T>
  void null_value() {
    if (flexible_) {
      unsigned_varint(0);
    } else if constexpr (std::is_same_v<T, std::string>) {
      number<int16_t>(-1);
    } else {
      number<int32_t>(-1);
    }
  }

  void string_length(const char* name, size_t size) {
    if (size > kMaxStringBytes) {
      error_ = fmt::format("field {} has {} bytes, a string holds at most {}", name, size,
                           kMaxStringBytes);
    } else if (flexible_) {
      unsigned_varint(static_cast<uint32_t>(size) + 1);
    } else {
      number(static_cast<int16_t>(size));
    }
  }

  void length(const char* name, size_t size) {
    if (size >= static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
      error_ = fmt::format("field {} has {} elements, at most 2^31-2 fit", name, size);
    } else if (flexible_) {
      unsigned_varint(static_cast<uint32_t>(size) + 1);
    } else {
      number(static_cast<int32_t>(size));
    }
  }

  std::string* out_;
  Splices* splices_;
  int16_t version_;
  bool flexible_;
  std::string error_;
  std::map<int, std::string> tagged_;  // of the struct being written, by tag
};

// Appends `message` in `version` to `out`. kFailed: a field is set that the version lacks, or too
// long.
template <class Message>
Result<> encode_message(const Message& message, int16_t version, std::string& out,
                        Splices* splices = nullptr) {
  const size_t size_before = out.size();
  Encoder encoder(out, version, version >= Message::kFlexibleSince, splices);
  const_cast<Message&>(message).fields(encoder);
  encoder.end_struct();
  if (encoder.error().empty()) return {};
  out.resize(size_before);
  return fail(ErrorKind::kFailed, fmt::format("{} version {} cannot be encoded: {}", Message::kName,
                                              version, encoder.error()));
}

}  // namespace kferry::wire
