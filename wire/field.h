// How a message names its fields. Each message is one struct for all its versions, with one member
// template
//     template <class Io> void fields(Io& io) { io("GroupId", group_id); io("Reason", reason,
//     {...}); }
// that names each field once, in wire order, as Kafka's message definitions name it. Encoder,
// Decoder and the tests' visitors walk it. (Kafka:
// clients/src/main/resources/common/message/README.md)
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/named.h"

namespace kferry::wire {

struct VersionRange {
  int16_t first = 0;
  int16_t last = std::numeric_limits<int16_t>::max();

  constexpr bool contains(int16_t version) const { return first <= version && version <= last; }
  friend constexpr bool operator==(const VersionRange&, const VersionRange&) = default;
};

constexpr VersionRange since(int16_t first) {
  return {first, std::numeric_limits<int16_t>::max()};
}
constexpr VersionRange kNoVersion{0, -1};

struct Field {
  VersionRange versions{};             // in which the field is on the wire
  VersionRange nullable = kNoVersion;  // in which it may be null; its type is std::optional then
  bool ignorable = false;     // a set value is dropped, not an error, where versions lacks it
  int tag = -1;               // >= 0: a tagged field (KIP-482) in all its versions
  int64_t default_value = 0;  // of a number; of anything else the default is the empty value
};

// Kafka's "bytes": int32 length and bytes. std::string is Kafka's "string": int16 length and UTF-8.
struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

// Kafka's "records": as Bytes, but a view. Decoded, it points into the frame it came in; what is
// encoded must live until it has been sent.
struct Records {
  std::string_view data;
  friend bool operator==(const Records&, const Records&) = default;
};

constexpr size_t kMaxStringBytes = 32767;  // also where the length is a varint

using Uuid = std::array<uint8_t, 16>;
// 32 hexadecimal digits.
std::string to_hex(const Uuid& uuid);

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsNamed : std::false_type {};
template <class T, class Tag>
struct IsNamed<Named<T, Tag>> : std::true_type {};

// What goes over the wire for a T: a Named's value, or T itself.
template <class T>
struct WireTypeOf {
  using type = T;
};
template <class T, class Tag>
struct WireTypeOf<Named<T, Tag>> {
  using type = T;
};
template <class T>
using WireType = typename WireTypeOf<T>::type;

template <class T>
constexpr bool kIsNumber = std::is_integral_v<T> && !std::is_same_v<T, bool>;

// Whether `value` is what a reader of a version without this field would assume.
template <class T>
bool is_default(const T& value, const Field& field) {
  if constexpr (IsNamed<T>::value) {
    return is_default(value.value(), field);
  } else if constexpr (kIsNumber<T>) {
    return static_cast<int64_t>(value) == field.default_value;
  } else if constexpr (std::is_same_v<T, bool>) {
    return value == (field.default_value != 0);
  } else if constexpr (IsOptional<T>::value) {
    return !value;
  } else if constexpr (IsVector<T>::value || std::is_same_v<T, std::string>) {
    return value.empty();
  } else {
    return value == T{};
  }
}

}  // namespace kferry::wire
