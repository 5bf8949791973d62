// Bytes as hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

namespace kferry::test {

std::string to_hex(std::string_view bytes);
// Throws std::runtime_error.
std::string from_hex(std::string_view digits);

}  // namespace kferry::test
