#include "wire/compression.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "wire/codecs.h"

namespace kferry::wire {
namespace {

// A record batch is never longer; so no library is asked for sizes that it counts in 32 bits.
constexpr size_t kMostInput = std::numeric_limits<int32_t>::max();

std::unexpected<Error> unknown_codec(Codec codec) {
  return fail(ErrorKind::kFailed,
              fmt::format("{} is not the number of a compression", static_cast<int>(codec)));
}

Result<> check_input(std::string_view bytes) {
  if (bytes.size() <= kMostInput) return {};
  return fail(ErrorKind::kFailed,
              fmt::format("{} bytes are more than a record batch can have", bytes.size()));
}

}  // namespace

std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::kNone:
      return "none";
    case Codec::kGzip:
      return "gzip";
    case Codec::kSnappy:
      return "snappy";
    case Codec::kLz4:
      return "lz4";
    case Codec::kZstd:
      return "zstd";
  }
  return "unknown";
}

Result<std::string> compress(Codec codec, std::string_view bytes) {
  KFERRY_CHECK(check_input(bytes));
  switch (codec) {
    case Codec::kNone:
      return std::string(bytes);
    case Codec::kGzip:
      return gzip_compress(bytes);
    case Codec::kSnappy:
      return snappy_compress(bytes);
    case Codec::kLz4:
      return lz4_compress(bytes);
    case Codec::kZstd:
      return zstd_compress(bytes);
  }
  return unknown_codec(codec);
}

Result<std::string> decompress(Codec codec, std::string_view bytes, size_t most_bytes,
                               bool legacy_lz4) {
  KFERRY_CHECK(check_input(bytes));
  switch (codec) {
    case Codec::kNone:
      if (bytes.size() > most_bytes) return too_much_data("uncompressed", most_bytes);
      return std::string(bytes);
    case Codec::kGzip:
      return gzip_decompress(bytes, most_bytes);
    case Codec::kSnappy:
      return snappy_decompress(bytes, most_bytes);
    case Codec::kLz4:
      return lz4_decompress(bytes, most_bytes, legacy_lz4);
    case Codec::kZstd:
      return zstd_decompress(bytes, most_bytes);
  }
  return unknown_codec(codec);
}

std::unexpected<Error> corrupt_data(std::string_view codec, std::string_view what) {
  return fail(ErrorKind::kFailed, fmt::format("corrupt {} data: {}", codec, what));
}

std::unexpected<Error> too_much_data(std::string_view codec, size_t most_bytes) {
  return fail(ErrorKind::kFailed,
              fmt::format("{} data of more than the {} bytes that are allowed", codec, most_bytes));
}

GrowingOutput::GrowingOutput(size_t most_bytes, size_t first_bytes)
    : most_bytes_(std::min(most_bytes, std::numeric_limits<size_t>::max() / 4)) {
  resize(std::clamp<size_t>(first_bytes, 1, most_bytes_ + 1));
}

void GrowingOutput::make_room() {
  if (free_size() == 0 && !too_much()) resize(std::min(2 * text_.size(), most_bytes_ + 1));
}

std::string GrowingOutput::take() {
  text_.resize(size_);
  return std::move(text_);
}

void GrowingOutput::resize(size_t size) {
  text_.resize_and_overwrite(size, [](char*, size_t whole) { return whole; });
}

}  // namespace kferry::wire
