#include "tests/support/hex.h"

#include <charconv>
#include <cstdint>
#include <stdexcept>

namespace kferry::test {

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  for (const char byte : bytes) {
    digits += kDigits[static_cast<uint8_t>(byte) >> 4];
    digits += kDigits[static_cast<uint8_t>(byte) & 0x0f];
  }
  return digits;
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    uint8_t byte = 0;
    const char* const end = digits.data() + i + 2;
    if (std::from_chars(end - 2, end, byte, 16).ptr != end)
      throw std::runtime_error("not hexadecimal digits");
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace kferry::test
