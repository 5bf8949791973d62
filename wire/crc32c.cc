#include "wire/crc32c.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <isa-l/crc.h>

namespace kferry::wire {
namespace {

// A CRC register is a polynomial over GF(2) modulo this one, its bits reflected: the highest bit is
// the coefficient of x^0.
constexpr uint32_t kCastagnoli = 0x82f63b78;

constexpr uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  // Without branches: nobody could predict them.
  for (; a != 0; a <<= 1) {
    product ^= b & (0 - (a >> 31));
    b = (b >> 1) ^ (kCastagnoli & (0 - (b & 1)));
  }
  return product;
}

// The register after `bytes`, without the inversions at start and end.
uint32_t update(uint32_t state, std::string_view bytes) {
  constexpr size_t kMostAtOnce = size_t{1} << 30;  // the library counts in int
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kMostAtOnce);
    // The library only reads; it lacks the const.
    auto* const data = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));
    state = crc32_iscsi(data, static_cast<int>(piece.size()), state);
    bytes.remove_prefix(piece.size());
  }
  return state;
}

// Up to so many zeros are faster read than multiplied with.
constexpr size_t kFewBits = 12;
constexpr std::array<char, size_t{1} << kFewBits> kZeros{};

// Entry k is x to the power of 8 * 2^k: what 2^k bytes of zeros multiply the register with.
constexpr std::array<uint32_t, 64> make_zero_bytes() {
  std::array<uint32_t, 64> powers{};
  powers[0] = 0x80000000U >> 8;
  for (size_t k = 1; k < powers.size(); ++k) powers[k] = multiply(powers[k - 1], powers[k - 1]);
  return powers;
}
constexpr std::array<uint32_t, 64> kZeroBytes = make_zero_bytes();

// The register after `count` more bytes of zeros.
uint32_t advance(uint32_t state, size_t count) {
  state = update(state, {kZeros.data(), count % kZeros.size()});
  size_t k = kFewBits;
  for (size_t rest = count >> kFewBits; rest != 0; rest >>= 1, ++k)
    if ((rest & 1) != 0) state = multiply(kZeroBytes[k], state);
  return state;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  return ~update(~0U, bytes);
}

uint32_t crc32c_patch(uint32_t crc, std::string_view before, std::string_view after,
                      size_t following) {
  if (before.size() != after.size()) throw std::invalid_argument("crc32c_patch: sizes differ");
  // crc(a) ^ crc(b) is the register that a ^ b leaves, started at 0: the inversions cancel out, and
  // zeros in front of the first difference leave it at 0.
  uint32_t difference = 0;
  std::array<char, 256> piece{};
  for (size_t done = 0; done < before.size(); done += piece.size()) {
    const size_t size = std::min(piece.size(), before.size() - done);
    for (size_t i = 0; i < size; ++i)
      piece[i] = static_cast<char>(before[done + i] ^ after[done + i]);
    difference = update(difference, {piece.data(), size});
  }
  return crc ^ advance(difference, following);
}

}  // namespace kferry::wire
