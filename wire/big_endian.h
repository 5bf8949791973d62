// Numbers in the byte order of Kafka's protocol and logs.
#pragma once

#include <bit>
#include <concepts>
#include <cstring>

namespace kferry::wire {

static_assert(std::endian::native == std::endian::little);

// The number in the sizeof(Number) bytes at `at`.
template <std::integral Number>
Number load(const char* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  return std::byteswap(number);
}

template <std::integral Number>
void store(char* at, Number number) {
  number = std::byteswap(number);
  std::memcpy(at, &number, sizeof number);
}

}  // namespace kferry::wire
