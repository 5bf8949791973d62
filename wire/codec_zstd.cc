// zstd (RFC 8878).
#include <algorithm>
#include <memory>

#include <zstd.h>
#include <zstd_errors.h>

#include "wire/codecs.h"

namespace kferry::wire {
namespace {

constexpr size_t kFirstBytes = 256;
constexpr size_t kMostRatio = 128 << 10;  // a block has at most so many bytes

// ZSTD_error_dstSize_tooSmall; zstd_errors.h pins its numbers. (We say source and target.)
constexpr auto kOutputTooSmall = static_cast<ZSTD_ErrorCode>(70);

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// One of each for a thread's life: to make one takes longer than to use it for a small batch. They
// keep nothing from one use to the next but memory. Null: no memory.
ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  return context.get();
}

ZSTD_DCtx* decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

}  // namespace

Result<std::string> zstd_compress(std::string_view bytes) {
  ZSTD_CCtx* const context = compressor();
  if (context == nullptr) return fail(ErrorKind::kFailed, "zstd cannot start compressing");
  std::string out;
  size_t size = 0;
  out.resize_and_overwrite(ZSTD_compressBound(bytes.size()), [&](char* data, size_t room) {
    size = ZSTD_compressCCtx(context, data, room, bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
    return ZSTD_isError(size) != 0 ? 0 : size;
  });
  if (ZSTD_isError(size) != 0)
    return fail(ErrorKind::kFailed,
                std::string("zstd does not compress: ") + ZSTD_getErrorName(size));
  return out;
}

// Not as a stream: that would allocate the window which the frame's header asks for, 128 MB and
// more, before there is any data. At one go the output is the window. Frames written by Java do not
// say how long their content is: then the room is guessed, and four times as much tried if that
// was too small, so that all tries together cost at most a third more than the last one.
Result<std::string> zstd_decompress(std::string_view bytes, size_t most_bytes) {
  const unsigned long long promised = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (promised == ZSTD_CONTENTSIZE_ERROR) return corrupt_data("zstd", "it is not a frame");
  const bool known = promised != ZSTD_CONTENTSIZE_UNKNOWN;
  if (known && promised > most_bytes) return too_much_data("zstd", most_bytes);
  if (known && promised / kMostRatio > bytes.size())
    return corrupt_data("zstd", "an impossible content size");
  ZSTD_DCtx* const context = decompressor();
  if (context == nullptr) return fail(ErrorKind::kFailed, "zstd cannot start decompressing");
  size_t room = known ? static_cast<size_t>(promised) : std::max(kFirstBytes, 6 * bytes.size());
  while (true) {
    std::string out;
    size_t size = 0;
    out.resize_and_overwrite(std::min(room, most_bytes), [&](char* data, size_t most) {
      size = ZSTD_decompressDCtx(context, data, most, bytes.data(), bytes.size());
      return ZSTD_isError(size) != 0 ? 0 : size;
    });
    if (ZSTD_isError(size) == 0) return out;
    if (ZSTD_getErrorCode(size) != kOutputTooSmall)
      return corrupt_data("zstd", ZSTD_getErrorName(size));
    if (room >= most_bytes) return too_much_data("zstd", most_bytes);
    room = std::max(kFirstBytes, 4 * room);
  }
}

}  // namespace kferry::wire
