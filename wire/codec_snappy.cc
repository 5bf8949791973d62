// snappy, in the framing of the Java library xerial (SnappyOutputStream), which is what Kafka's
// clients write, and raw, as some others do.
#include <snappy.h>

#include "wire/big_endian.h"
#include "wire/codecs.h"

namespace kferry::wire {
namespace {

// The magic, the version that wrote it and the oldest version that can read it; then blocks, each
// with its compressed length (int32) in front.
constexpr std::string_view kMagic("\x82SNAPPY\0", 8);
constexpr std::string_view kHeader("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kLengthBytes = sizeof(int32_t);

// 64 bytes from 3 is the most that an element of the format gives.
constexpr size_t kMostRatio = 22;

std::unexpected<Error> corrupt(std::string_view what) {
  return corrupt_data("snappy", what);
}

Result<size_t> decompressed_size(std::string_view block) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size))
    return corrupt("a block without its length");
  if (size / kMostRatio > block.size()) return corrupt("a block of an impossible length");
  return size;
}

// Calls on_block for each block of a stream in xerial's framing.
template <class OnBlock>
Result<> for_each_block(std::string_view bytes, const OnBlock& on_block) {
  while (!bytes.empty()) {
    if (bytes.starts_with(kMagic)) {  // streams may follow one another
      if (bytes.size() < kHeader.size()) return corrupt("it ends in its header");
      bytes.remove_prefix(kHeader.size());
      continue;
    }
    if (bytes.size() < kLengthBytes) return corrupt("it ends in the middle");
    const auto length = load<int32_t>(bytes.data());
    bytes.remove_prefix(kLengthBytes);
    if (length < 0 || static_cast<size_t>(length) > bytes.size())
      return corrupt("a block is longer than what is there");
    KFERRY_CHECK(on_block(bytes.substr(0, static_cast<size_t>(length))));
    bytes.remove_prefix(static_cast<size_t>(length));
  }
  return {};
}

template <class OnBlock>
Result<> for_each_block_or_raw(std::string_view bytes, const OnBlock& on_block) {
  return bytes.starts_with(kMagic) ? for_each_block(bytes, on_block) : on_block(bytes);
}

}  // namespace

Result<std::string> snappy_compress(std::string_view bytes) {
  const size_t blocks = (bytes.size() + kBlockBytes - 1) / kBlockBytes;
  const size_t most_in_block = kLengthBytes + snappy::MaxCompressedLength(kBlockBytes);
  std::string out;
  out.resize_and_overwrite(kHeader.size() + blocks * most_in_block, [&](char* data, size_t) {
    char* at = data + kHeader.copy(data, kHeader.size());
    for (size_t done = 0; done < bytes.size(); done += kBlockBytes) {
      const std::string_view block = bytes.substr(done, kBlockBytes);
      size_t length = 0;
      snappy::RawCompress(block.data(), block.size(), at + kLengthBytes, &length);
      store(at, static_cast<int32_t>(length));
      at += kLengthBytes + length;
    }
    return static_cast<size_t>(at - data);
  });
  return out;
}

Result<std::string> snappy_decompress(std::string_view bytes, size_t most_bytes) {
  size_t total = 0;
  KFERRY_CHECK(for_each_block_or_raw(bytes, [&](std::string_view block) -> Result<> {
    KFERRY_TRY(const size_t size, decompressed_size(block));
    if (size > most_bytes - total) return too_much_data("snappy", most_bytes);
    total += size;
    return {};
  }));
  std::string out;
  bool intact = true;
  out.resize_and_overwrite(total, [&](char* at, size_t) {
    // The framing has been checked: what can fail is a block.
    intact = for_each_block_or_raw(bytes, [&](std::string_view block) -> Result<> {
               if (!snappy::RawUncompress(block.data(), block.size(), at))
                 return corrupt("a malformed block");
               at += *decompressed_size(block);
               return {};
             }).has_value();
    return intact ? total : 0;
  });
  if (!intact) return corrupt("a malformed block");
  return out;
}

}  // namespace kferry::wire
