#include "wire/crc32c.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace kferry::wire {
namespace {

std::string random_bytes(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, 0);
  for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
    const uint64_t number = random();
    std::memcpy(bytes.data() + i, &number, std::min(sizeof number, size - i));
  }
  return bytes;
}

// RFC 3720, appendix B.4.
TEST(Crc32c, IsTheRfcs) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
}

TEST(Crc32c, APatchIsARecomputation) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    // All magnitudes, up to 4 MB.
    const size_t size = (size_t{1} << (random() % 22)) + random() % 1000;
    const std::string before = random_bytes(size, random());
    const size_t at = random() % size;
    const size_t length = std::min(size - at, random() % (i % 10 == 0 ? size : 60));
    std::string after = before;
    for (size_t k = at; k < at + length; ++k) after[k] = static_cast<char>(random());
    const uint32_t patched =
        crc32c_patch(crc32c(before), std::string_view(before).substr(at, length),
                     std::string_view(after).substr(at, length), size - at - length);
    ASSERT_EQ(patched, crc32c(after)) << size << " bytes, " << length << " changed at " << at;
  }
}

TEST(Crc32c, APatchKeepsCorruptionVisible) {
  const std::string before = random_bytes(1000, 3);
  const uint32_t crc = crc32c(before);
  std::string after = before;
  after.replace(10, 4, "abcd");
  after[500] = static_cast<char>(after[500] ^ 0x10);  // on the way, not by us
  EXPECT_NE(crc32c_patch(crc, before.substr(10, 4), "abcd", 986), crc32c(after));
}

// Where it cannot be recomputed: 2^40 bytes follow, and then 4096 more.
TEST(Crc32c, APatchReachesFar) {
  constexpr size_t kFar = size_t{1} << 40;
  const uint32_t near = crc32c_patch(0, "a", "b", kFar);
  // What a register gives after zeros, it gives as the difference of four bytes in their place.
  std::string difference(4, '\0');
  for (size_t k = 0; k < 4; ++k) difference[k] = static_cast<char>(near >> (8 * k));
  const std::string zeros(4096, '\0');
  EXPECT_EQ(crc32c_patch(0, "a", "b", kFar + zeros.size()),
            crc32c(difference + zeros.substr(4)) ^ crc32c(zeros));
}

}  // namespace
}  // namespace kferry::wire
