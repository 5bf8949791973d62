// ZooKeeper's serialisation (jute, big-endian), as far as the bulk reads need it. Private to
// zkoffsets/.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace kferry::zkoffsets {

class JuteWriter {
 public:
  template <class T>
  JuteWriter& number(T value) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8);
    const T swapped = swap(value);
    bytes_.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
    return *this;
  }
  JuteWriter& boolean(bool value) {
    bytes_.push_back(value ? 1 : 0);
    return *this;
  }
  // A buffer or a string: both have an int32 length.
  JuteWriter& text(std::string_view value) {
    number(static_cast<int32_t>(value.size()));
    bytes_.append(value);
    return *this;
  }
  // What is serialised already.
  JuteWriter& append(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

  template <class T>
  static T swap(T value) {
    static_assert(std::endian::native == std::endian::little);
    if constexpr (sizeof(T) == 4)
      return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
    else
      return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
  }

 private:
  std::string bytes_;
};

// Every length is checked against the bytes that are there. After the first that does not fit,
// failed() is true and all that is read is empty.
class JuteReader {
 public:
  explicit JuteReader(std::string_view in) : in_(in) {}

  template <class T>
  T number() {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8);
    T value{};
    if (const std::string_view bytes = take(sizeof(T)); !bytes.empty())
      std::memcpy(&value, bytes.data(), sizeof value);
    return JuteWriter::swap(value);
  }
  bool boolean() {
    const std::string_view byte = take(1);
    return !byte.empty() && byte.front() != 0;
  }
  // The length -1 is that of a node that was created without data.
  std::string_view text() {
    const auto size = number<int32_t>();
    if (size < -1) failed_ = true;
    return size < 0 ? std::string_view() : take(static_cast<size_t>(size));
  }
  // The number of elements that follow; each takes at least `element_bytes`.
  size_t count(size_t element_bytes) {
    const auto size = number<int32_t>();
    if (size < 0 || static_cast<size_t>(size) > in_.size() / element_bytes) failed_ = true;
    return failed_ ? 0 : static_cast<size_t>(size);
  }
  void skip(size_t size) { take(size); }

  bool failed() const { return failed_; }
  bool at_end() const { return in_.empty(); }

 private:
  std::string_view take(size_t size) {
    if (failed_ || size > in_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return bytes;
  }

  std::string_view in_;
  bool failed_ = false;
};

}  // namespace kferry::zkoffsets
