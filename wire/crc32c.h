// CRC-32C (Castagnoli; RFC 3720 appendix B.4), the checksum of record batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kferry::wire {

// Thread-safe, as is all of this header.
uint32_t crc32c(std::string_view bytes);

// The checksum of a message of which some bytes change, without reading the others: CRC is linear.
// `before` and `after` are the bytes at the same place, of the same length; `following` is how many
// bytes of the message come behind them. Corruption of the other bytes stays detectable.
uint32_t crc32c_patch(uint32_t crc, std::string_view before, std::string_view after,
                      size_t following);

}  // namespace kferry::wire
