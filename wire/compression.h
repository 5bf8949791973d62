// The compressions of record batches, on zlib, snappy, lz4 and zstd.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kferry::wire {

// The low three bits of a batch's attributes (Kafka: CompressionType).
enum class Codec : int8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

std::string_view to_string(Codec codec);  // "none", "gzip", ...

// What Java consumers and librdkafka can read: gzip with its header, snappy in xerial's framing,
// lz4 frames, zstd frames. kFailed: an unknown codec, or the library refuses. Thread-safe.
Result<std::string> compress(Codec codec, std::string_view bytes);

// Also raw snappy without framing, gzip in several members, zstd frames in a row, and lz4 frames
// with the broken header checksum of message format 0 (`legacy_lz4`, Kafka: KAFKA-3160). What
// follows gzip's members and lz4's frame is ignored, as by Java. kFailed: corrupt, or more than
// `most_bytes` come out; never allocates more than that and what the data proves to hold.
// Thread-safe.
Result<std::string> decompress(Codec codec, std::string_view bytes, size_t most_bytes,
                               bool legacy_lz4 = false);

}  // namespace kferry::wire
