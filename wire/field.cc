#include "wire/field.h"

#include <fmt/format.h>

namespace kferry::wire {

std::string to_hex(const Uuid& uuid) {
  std::string text;
  for (const uint8_t byte : uuid) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace kferry::wire
