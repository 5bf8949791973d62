// For hostile bytes: whether a message that decodes can be encoded, and stays the same.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "wire/decoder.h"
#include "wire/encoder.h"

namespace kferry::test {

// From a block of exactly its size, so that AddressSanitizer sees every byte that is read too much.
// What the message points to lives as long as `block`.
template <class Message>
Result<Message> decode_exact(std::string_view bytes, int16_t version,
                             std::unique_ptr<char[]>& block) {
  block = std::make_unique<char[]>(bytes.size());
  std::ranges::copy(bytes, block.get());
  return wire::decode_message<Message>({block.get(), bytes.size()}, version);
}

// False: `bytes` do not decode. Throws std::runtime_error: they do, and what is encoded of that
// does not decode to the same.
template <class Message>
bool decodes_stably(std::string_view bytes, int16_t version) {
  std::unique_ptr<char[]> block, block_again;
  const Result<Message> decoded = decode_exact<Message>(bytes, version, block);
  if (!decoded) return false;
  const auto broken = [&](std::string_view what) {
    return std::runtime_error(fmt::format("{} version {}: {}", Message::kName, version, what));
  };
  std::string once, twice;
  if (const auto encoded = wire::encode_message(*decoded, version, once); !encoded)
    throw broken(encoded.error().message);
  const Result<Message> again = decode_exact<Message>(once, version, block_again);
  if (!again) throw broken(again.error().message);
  if (!wire::encode_message(*again, version, twice) || once != twice)
    throw broken("it has changed");
  return true;
}

}  // namespace kferry::test
