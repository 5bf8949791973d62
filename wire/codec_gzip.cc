// gzip by zlib (RFC 1952).
#include <algorithm>
#include <limits>

#include <zlib.h>

#include "wire/codecs.h"

namespace kferry::wire {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest window; 16: with gzip's header and trailer
constexpr std::string_view kMagic = "\x1f\x8b";
constexpr size_t kFirstBytes = 256;
constexpr size_t kMostAtOnce = std::numeric_limits<uInt>::max();

Bytef* as_input(std::string_view bytes) {
  // zlib only reads; it lacks the const.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

struct Inflater {
  explicit Inflater(std::string_view bytes) {
    stream.next_in = as_input(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    ready = inflateInit2(&stream, kGzipWindow) == Z_OK;
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // What has not been read yet.
  std::string_view rest() const {
    return {reinterpret_cast<const char*>(stream.next_in), stream.avail_in};
  }

  z_stream stream{};
  bool ready = false;
};

// Appends to `out` until the end of the member, or until there is too much.
Result<> inflate_member(Inflater& inflater, GrowingOutput& out) {
  z_stream& stream = inflater.stream;
  for (int code = Z_OK; code != Z_STREAM_END && !out.too_much();) {
    out.make_room();
    const size_t room = std::min(out.free_size(), kMostAtOnce);
    stream.next_out = reinterpret_cast<Bytef*>(out.free_bytes());
    stream.avail_out = static_cast<uInt>(room);
    code = inflate(&stream, Z_NO_FLUSH);
    out.add(room - stream.avail_out);
    if (code == Z_BUF_ERROR || (code == Z_OK && stream.avail_out != 0 && stream.avail_in == 0))
      return corrupt_data("gzip", "it ends in the middle");
    if (code != Z_OK && code != Z_STREAM_END)
      return corrupt_data("gzip", stream.msg != nullptr ? stream.msg : zError(code));
  }
  return {};
}

}  // namespace

Result<std::string> gzip_compress(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, MAX_MEM_LEVEL - 1,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return fail(ErrorKind::kFailed, "zlib cannot start compressing");
  const size_t most = deflateBound(&stream, bytes.size());
  std::string out;
  int code = Z_OK;
  out.resize_and_overwrite(most, [&](char* data, size_t room) {
    stream.next_in = as_input(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(data);
    stream.avail_out = static_cast<uInt>(room);
    code = deflate(&stream, Z_FINISH);
    return room - stream.avail_out;
  });
  deflateEnd(&stream);
  if (code != Z_STREAM_END) return fail(ErrorKind::kFailed, "zlib did not finish compressing");
  return out;
}

Result<std::string> gzip_decompress(std::string_view bytes, size_t most_bytes) {
  Inflater inflater(bytes);
  if (!inflater.ready) return fail(ErrorKind::kFailed, "zlib cannot start decompressing");
  GrowingOutput out(most_bytes, std::max(kFirstBytes, 4 * bytes.size()));
  while (true) {
    KFERRY_CHECK(inflate_member(inflater, out));
    if (out.too_much()) return too_much_data("gzip", most_bytes);
    // Java's GZIPInputStream too reads members to the last one and ignores what follows.
    if (!inflater.rest().starts_with(kMagic)) return out.take();
    inflateReset(&inflater.stream);
  }
}

}  // namespace kferry::wire
