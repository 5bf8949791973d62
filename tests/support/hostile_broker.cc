#include "tests/support/hostile_broker.h"

#include <random>

namespace kferry::test {
namespace {

std::string garbage(size_t size) {
  std::mt19937 random(7);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

FakeBroker::Handler always(FakeReply reply) {
  return [reply = std::move(reply)](const WireRequest&) { return reply; };
}

// The same four bytes over and over: whatever field is read, it is a length or a count of that.
std::string repeated(std::string_view number, size_t times) {
  std::string body;
  for (size_t i = 0; i < times; ++i) body += number;
  return body;
}

}  // namespace

std::vector<Hostility> hostilities() {
  using namespace std::string_literals;
  constexpr size_t kMillion = 1'000'000;
  constexpr Duration kDrip{1'000};
  const std::string large = int32_bytes(100 * kMillion);
  return {
      {"garbage", always({.bytes = garbage(5'000), .raw = true})},
      {"garbage in a frame", always({.bytes = garbage(5'000)})},
      {"2 GB", always({.bytes = "\x7f\xff\xff\xff"s + garbage(100), .raw = true})},
      {"a negative length", always({.bytes = "\xff\xff\xff\xff"s + garbage(100), .raw = true})},
      {"100 MB that never come", always({.bytes = large + garbage(100), .raw = true})},
      {"an array of 2^31-1", always({.bytes = repeated("\x7f\xff\xff\xff", kMillion)})},
      {"an array of 2^32-2", always({.bytes = repeated("\xff\xff\xff\xff\x0f", kMillion)})},
      {"millions of empty elements",
       always({.bytes = "\0\0\0\0\xc1\x8d\xb7\1"s + std::string(3 * kMillion, '\0')})},
      {"a byte a second", always({.bytes = garbage(100), .drip = kDrip})},
      {"a byte a second of 100 MB",
       always({.bytes = large + garbage(100), .raw = true, .drip = kDrip})},
      {"another correlation id", always({.bytes = std::string(50, '\0'), .correlation_shift = 1})},
      {"silence", always({.silent = true})},
      {"an end in a frame", always({.bytes = large + "abc", .raw = true, .close = true})},
      {"an end", always({.close = true})},
  };
}

}  // namespace kferry::test
