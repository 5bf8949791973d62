// What the fuzz targets have in common. Each is one file with a LLVMFuzzerTestOneInput; what breaks
// an invariant throws, which ends it as a crash does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kferry::fuzz {

// The first byte of an input chooses what the rest is taken for.
struct Input {
  Input(const uint8_t* data, size_t size)
      : choice(size == 0 ? 0 : data[0]),
        rest(reinterpret_cast<const char*>(data) + (size == 0 ? 0 : 1), size == 0 ? 0 : size - 1) {}

  size_t choice;
  std::string rest;  // on the heap, of exactly its size: AddressSanitizer sees its end
};

inline void expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

// What is read, written and read again is the same. `read(text)` gives a Result, `write(value)` a
// text.
template <class Read, class Write>
void expect_stable(const std::string& text, const Read& read, const Write& write) {
  auto once = read(text);
  if (!once) return;
  const std::string written = write(*once);
  auto twice = read(written);
  if (!twice) throw std::runtime_error("not readable again: " + twice.error().message);
  expect(write(*twice) == written, "it has changed");
}

}  // namespace kferry::fuzz
