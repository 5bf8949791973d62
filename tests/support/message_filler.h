// Fills a message with values that are valid for a version; the same seed gives the same message.
#pragma once

#include <array>
#include <bit>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "wire/field.h"
#include "wire/messages/client_quotas.h"

namespace kferry::test {

// The visitor. A field that the version lacks keeps its default.
class MessageFiller {
 public:
  MessageFiller(uint64_t seed, int16_t version) : random_(seed), version_(version) {}

  template <class T>
  void operator()(const char*, T& value, wire::Field field = {}) {
    if (!field.versions.contains(version_)) return;
    if (field.tag >= 0 && below(3) == 0) return;
    if (field.nullable.contains(version_) && below(4) == 0) return;
    fill(value);
  }

 private:
  size_t below(size_t bound) { return static_cast<size_t>(random_() % bound); }

  template <class T>
  void fill(T& value) {
    if constexpr (wire::IsOptional<T>::value) {
      fill(value.emplace());
    } else if constexpr (std::is_same_v<T, wire::Float64Bits>) {
      // Neither infinite nor NaN: JSON has none.
      value = T(std::bit_cast<int64_t>(static_cast<double>(random_() >> 20) / 8));
    } else if constexpr (wire::IsNamed<T>::value) {
      fill(value.mutable_value());
    } else if constexpr (std::is_same_v<T, bool>) {
      value = below(2) == 0;
    } else if constexpr (std::is_integral_v<T>) {
      fill_number(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      fill_text(value);
    } else if constexpr (std::is_same_v<T, wire::Bytes>) {
      value.data.resize(below(5) == 0 ? 200 : below(9));
      for (char& byte : value.data) byte = static_cast<char>(random_());
    } else if constexpr (std::is_same_v<T, wire::Records>) {
      static constexpr std::string_view kData = "any bytes will do for record data";
      value.data = kData.substr(0, below(kData.size()));
    } else if constexpr (std::is_same_v<T, wire::Uuid>) {
      for (uint8_t& byte : value) byte = static_cast<uint8_t>(random_());
    } else if constexpr (wire::IsVector<T>::value) {
      value.resize(below(4));
      for (auto& element : value) fill(element);
    } else {
      value.fields(*this);
    }
  }

  template <class T>
  void fill_number(T& value) {
    constexpr std::array<T, 5> kEdges{0, 1, -1, std::numeric_limits<T>::min(),
                                      std::numeric_limits<T>::max()};
    value = below(3) == 0 ? kEdges[below(kEdges.size())] : static_cast<T>(random_());
  }

  // Empty, control characters, characters of 2, 3 and 4 bytes, and one longer than a one-byte
  // varint.
  void fill_text(std::string& value) {
    constexpr std::array<std::string_view, 7> kTexts{
        "", "a", "orders.v1", "gr\u00fcn\t\"\\\n", "\u65e5\u672c\u8a9e", "\U0001F6A2 ferry", "x"};
    const size_t chosen = below(kTexts.size() + 1);
    value =
        chosen < kTexts.size() ? std::string(kTexts[chosen]) : std::string(100 + below(100), 'l');
  }

  std::mt19937_64 random_;
  int16_t version_;
};

template <class Message>
Message filled(uint64_t seed, int16_t version) {
  Message message;
  MessageFiller filler(seed, version);
  message.fields(filler);
  return message;
}

}  // namespace kferry::test
