// The zig-zag numbers of variable length in records (Kafka: ByteUtils.readVarint, readVarlong).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kferry::wire {

constexpr size_t kMaxVarintBytes = 10;

constexpr uint64_t zig_zag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

// How many bytes put_varint() writes. An int32 takes the same bytes whether it is written as 32 or
// as 64 bits.
constexpr size_t varint_bytes(int64_t value) {
  return (static_cast<size_t>(std::bit_width(zig_zag(value) | 1)) + 6) / 7;
}

// Gives the place behind what it wrote.
inline char* put_varint(char* at, int64_t value) {
  uint64_t bits = zig_zag(value);
  for (; bits >= 0x80; bits >>= 7) *at++ = static_cast<char>(bits | 0x80);
  *at++ = static_cast<char>(bits);
  return at;
}

// Reads what records are made of. Once something is malformed, or longer than what is there, it
// has failed, and everything read after that is 0 or empty.
class VarintReader {
 public:
  explicit VarintReader(std::string_view in) : at_(in.data()), end_(in.data() + in.size()) {}

  bool failed() const { return failed_; }
  std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }

  int32_t varint() { return static_cast<int32_t>(un_zig_zag(bits<32>())); }
  int64_t varlong() { return un_zig_zag(bits<64>()); }

  void skip_byte() { bytes(1); }

  std::string_view bytes(int64_t size) {
    if (size < 0 || size > end_ - at_) {
      set_failed();
      return {};
    }
    const char* const start = at_;
    at_ += size;
    return {start, static_cast<size_t>(size)};
  }

  void set_failed() {
    failed_ = true;
    at_ = end_;
  }

 private:
  static int64_t un_zig_zag(uint64_t bits) {
    return static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
  }

  template <int kBits>
  uint64_t bits() {
    uint64_t value = 0;
    for (int shift = 0; shift < kBits && at_ != end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      if (kBits - shift < 7 && (byte >> (kBits - shift)) != 0) break;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    set_failed();
    return 0;
  }

  const char* at_;
  const char* end_;
  bool failed_ = false;
};

}  // namespace kferry::wire
