// lz4 in its frame format. Kafka's Java client reads one frame, with independent blocks only
// (Kafka: Lz4BlockInputStream).
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include <lz4frame.h>

#include "wire/codecs.h"

namespace kferry::wire {
namespace {

constexpr size_t kFirstBytes = 256;
constexpr size_t kMostRatio = 255;  // of the block format
constexpr size_t kMagicBytes = 4;
constexpr size_t kMostHeaderBytes = LZ4F_HEADER_SIZE_MAX;

struct FreeContext {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};
using Context = std::unique_ptr<LZ4F_dctx, FreeContext>;

std::unexpected<Error> corrupt(std::string_view what) {
  return corrupt_data("lz4", what);
}

// xxHash's 32 bits of less than 16 bytes, seed 0 (github.com/Cyan4973/xxHash,
// doc/xxhash_spec.md): the library has it, and keeps it to itself.
uint32_t short_xxh32(std::string_view bytes) {
  constexpr uint32_t kPrime1 = 2654435761U;
  constexpr uint32_t kPrime2 = 2246822519U;
  constexpr uint32_t kPrime3 = 3266489917U;
  constexpr uint32_t kPrime4 = 668265263U;
  constexpr uint32_t kPrime5 = 374761393U;
  uint32_t hash = kPrime5 + static_cast<uint32_t>(bytes.size());
  for (; bytes.size() >= sizeof(uint32_t); bytes.remove_prefix(sizeof(uint32_t))) {
    uint32_t lane = 0;
    std::memcpy(&lane, bytes.data(), sizeof lane);
    hash = std::rotl(hash + lane * kPrime3, 17) * kPrime4;
  }
  for (const char byte : bytes)
    hash = std::rotl(hash + static_cast<uint8_t>(byte) * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 15)) * kPrime2;
  hash = (hash ^ (hash >> 13)) * kPrime3;
  return hash ^ (hash >> 16);
}

// Reads a frame's header off the front of `bytes`. With `repair` its checksum does not count:
// clients of message format 0 took the magic into it, which it does not cover (KAFKA-3160).
Result<LZ4F_frameInfo_t> read_header(LZ4F_dctx* context, std::string_view& bytes, bool repair) {
  const size_t size = bytes.size() < LZ4F_MIN_SIZE_TO_KNOW_HEADER_LENGTH
                          ? bytes.size()
                          : LZ4F_headerSize(bytes.data(), bytes.size());
  if (LZ4F_isError(size) != 0) return corrupt(LZ4F_getErrorName(size));
  if (size < LZ4F_HEADER_SIZE_MIN || size > std::min(bytes.size(), kMostHeaderBytes))
    return corrupt("it ends in its header");
  std::array<char, kMostHeaderBytes> header{};
  bytes.copy(header.data(), size);
  bytes.remove_prefix(size);
  const std::string_view descriptor(header.data() + kMagicBytes, size - kMagicBytes - 1);
  if (repair) header[size - 1] = static_cast<char>(short_xxh32(descriptor) >> 8);
  LZ4F_frameInfo_t info = LZ4F_INIT_FRAMEINFO;
  size_t consumed = size;
  const size_t code = LZ4F_getFrameInfo(context, &info, header.data(), &consumed);
  if (LZ4F_isError(code) != 0) return corrupt(LZ4F_getErrorName(code));
  if (info.frameType != LZ4F_frame || consumed != size) return corrupt("a frame without data");
  return info;
}

// The blocks behind the header, to the end of the frame or until there is too much.
Result<> read_blocks(LZ4F_dctx* context, std::string_view bytes, GrowingOutput& out) {
  size_t wanted = 1;
  while (wanted != 0 && !out.too_much()) {
    out.make_room();
    size_t produced = out.free_size();
    size_t consumed = bytes.size();
    wanted = LZ4F_decompress(context, out.free_bytes(), &produced, bytes.data(), &consumed,
                             nullptr);
    if (LZ4F_isError(wanted) != 0) return corrupt(LZ4F_getErrorName(wanted));
    out.add(produced);
    bytes.remove_prefix(consumed);
    if (wanted != 0 && produced == 0 && consumed == 0) return corrupt("it ends in the middle");
  }
  return {};
}

}  // namespace

Result<std::string> lz4_compress(std::string_view bytes) {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;  // as Kafka's clients
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  std::string out;
  size_t size = 0;
  const size_t most = LZ4F_compressFrameBound(bytes.size(), &preferences);
  out.resize_and_overwrite(most, [&](char* data, size_t room) {
    size = LZ4F_compressFrame(data, room, bytes.data(), bytes.size(), &preferences);
    return LZ4F_isError(size) != 0 ? 0 : size;
  });
  if (LZ4F_isError(size) != 0)
    return fail(ErrorKind::kFailed,
                std::string("lz4 does not compress: ") + LZ4F_getErrorName(size));
  return out;
}

// What follows the frame is ignored, as by Kafka's Java client.
Result<std::string> lz4_decompress(std::string_view bytes, size_t most_bytes, bool legacy) {
  LZ4F_dctx* created = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&created, LZ4F_VERSION)) != 0)
    return fail(ErrorKind::kFailed, "lz4 cannot start decompressing");
  const Context context(created);
  KFERRY_TRY(const LZ4F_frameInfo_t info, read_header(context.get(), bytes, legacy));
  if (info.contentSize > most_bytes) return too_much_data("lz4", most_bytes);
  if (info.contentSize / kMostRatio > bytes.size()) return corrupt("an impossible content size");
  // One byte more than the content: the end of the frame is only seen with room left.
  const size_t first = info.contentSize != 0 ? static_cast<size_t>(info.contentSize) + 1
                                             : std::max(kFirstBytes, 4 * bytes.size());
  GrowingOutput out(most_bytes, first);
  KFERRY_CHECK(read_blocks(context.get(), bytes, out));
  if (out.too_much()) return too_much_data("lz4", most_bytes);
  return out.take();
}

}  // namespace kferry::wire
