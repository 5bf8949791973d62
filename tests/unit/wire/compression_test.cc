#include "wire/compression.h"

#include <limits>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zstd.h>

#include "tests/support/java_wire.h"
#include "tests/support/records.h"

namespace kferry::wire {
namespace {

using test::from_hex;
using test::to_hex;

constexpr size_t kPlenty = 64 << 20;
constexpr size_t kMax = std::numeric_limits<size_t>::max();

std::string random_bytes(size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, 0);
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::string text(size_t size) {
  std::string out;
  const int count = 1 + static_cast<int>(size / 100);
  for (const test::TestRecord& record : test::some_records(0, count, 200))
    out += record_body(record);
  out.resize(size);
  return out;
}

// The decompressed bytes, or the error.
std::string outcome(Codec codec, std::string_view bytes, size_t most_bytes, bool legacy = false) {
  const auto plain = decompress(codec, bytes, most_bytes, legacy);
  return plain ? *plain : "error: " + plain.error().message;
}

std::string compressed(Codec codec, std::string_view bytes) {
  auto packed = compress(codec, bytes);
  EXPECT_TRUE(packed) << packed.error().message;
  return packed.value_or("");
}

class CompressionOf : public testing::TestWithParam<Codec> {};

TEST_P(CompressionOf, WhatGoesInComesOut) {
  for (const size_t size : {0, 1, 17, 100, 32'767, 32'768, 32'769, 65'536, 200'000, 3'000'000}) {
    for (const std::string& plain : {random_bytes(size), text(size), std::string(size, 'x')}) {
      const std::string packed = compressed(GetParam(), plain);
      // Exactly as much is enough, one less is not.
      EXPECT_TRUE(outcome(GetParam(), packed, size) == plain) << size;
      EXPECT_TRUE(outcome(GetParam(), packed, kMax) == plain) << size;
      if (size > 0) {
        EXPECT_TRUE(outcome(GetParam(), packed, size - 1).ends_with("bytes that are allowed"));
        EXPECT_TRUE(outcome(GetParam(), packed, 0).ends_with("bytes that are allowed"));
      }
    }
  }
}

TEST_P(CompressionOf, ABoundIsKeptWhateverItIs) {
  const std::string plain = text(3000);
  const std::string packed = compressed(GetParam(), plain);
  for (size_t most = 0; most < plain.size(); ++most)
    ASSERT_TRUE(outcome(GetParam(), packed, most).ends_with("bytes that are allowed")) << most;
}

TEST_P(CompressionOf, ABombIsStopped) {
  const std::string bomb = compressed(GetParam(), std::string(100 << 20, '\0'));
  EXPECT_TRUE(outcome(GetParam(), bomb, 1 << 20).ends_with("bytes that are allowed"));
}

TEST_P(CompressionOf, ATruncationIsAnError) {
  // snappy's framing has no end: it may stop between two blocks. No compression never has.
  const bool has_end = GetParam() != Codec::kNone && GetParam() != Codec::kSnappy;
  const std::string plain = text(100'000);
  const std::string packed = compressed(GetParam(), plain);
  for (size_t size = 0; size < packed.size(); size += 1 + size / 50) {
    const auto cut = decompress(GetParam(), std::string_view(packed).substr(0, size), kPlenty);
    if (!cut) continue;
    EXPECT_FALSE(has_end) << size << " of " << packed.size();
    EXPECT_TRUE(plain.starts_with(*cut));
  }
}

TEST_P(CompressionOf, DamageDoesNotCrash) {
  const std::string packed = compressed(GetParam(), text(600));
  std::mt19937_64 random(7);
  for (size_t bit = 0; bit < packed.size() * 8; ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    outcome(GetParam(), damaged, 1 << 20);
    outcome(GetParam(), damaged, 1 << 20, true);
    for (int k = 0; k < 3; ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
    outcome(GetParam(), damaged, 1 << 20);
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, CompressionOf,
                         testing::Values(Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4,
                                         Codec::kZstd),
                         [](const auto& codec) { return std::string(to_string(codec.param)); });

TEST(Compression, UnknownCodecs) {
  for (const int number : {-1, 5, 6, 7}) {
    const auto codec = static_cast<Codec>(number);
    EXPECT_EQ(to_string(codec), "unknown");
    EXPECT_EQ(compress(codec, "x").error().message,
              fmt::format("{} is not the number of a compression", number));
    EXPECT_FALSE(decompress(codec, "x", kPlenty));
  }
}

TEST(Compression, GzipInSeveralMembers) {
  const std::string one = compressed(Codec::kGzip, "one ");
  const std::string two = compressed(Codec::kGzip, "two");
  EXPECT_EQ(outcome(Codec::kGzip, one + two, kPlenty), "one two");
  EXPECT_EQ(outcome(Codec::kGzip, one + two, 7), "one two");
  EXPECT_EQ(outcome(Codec::kGzip, one + two, 6),
            "error: gzip data of more than the 6 bytes that are allowed");
  EXPECT_EQ(outcome(Codec::kGzip, one + "padding", kPlenty), "one ");
  EXPECT_FALSE(decompress(Codec::kGzip, one + two.substr(0, 12), kPlenty));
}

TEST(Compression, SnappyIsFramedAsXerials) {
  const std::string packed = compressed(Codec::kSnappy, std::string(40'000, 'x'));
  EXPECT_EQ(to_hex(packed.substr(0, 16)), "82534e4150505900" "00000001" "00000001");
  const auto first = static_cast<size_t>(std::stoi(to_hex(packed.substr(16, 4)), nullptr, 16));
  size_t length = 0;
  ASSERT_TRUE(snappy::GetUncompressedLength(packed.data() + 20, first, &length));
  EXPECT_EQ(length, 32'768U);
}

TEST(Compression, RawSnappyAndStreamsInARow) {
  const std::string plain = text(100'000);
  std::string raw;
  snappy::Compress(plain.data(), plain.size(), &raw);
  EXPECT_TRUE(outcome(Codec::kSnappy, raw, plain.size()) == plain);
  EXPECT_FALSE(decompress(Codec::kSnappy, raw, plain.size() - 1));
  const std::string framed = compressed(Codec::kSnappy, "abc");
  EXPECT_EQ(outcome(Codec::kSnappy, framed + framed, kPlenty), "abcabc");
}

TEST(Compression, SnappyLengthsThatCannotBe) {
  // Raw, 2^32-1 bytes promised; framed, a block of 2^31-1, of -1, and one that promises 2^32-1.
  const std::string header = "82534e415050590000000001" "00000001";
  EXPECT_EQ(outcome(Codec::kSnappy, from_hex("ffffffff0f00"), kMax),
            "error: corrupt snappy data: a block of an impossible length");
  for (const char* const block : {"7fffffff00", "ffffffff00", "00000006ffffffff0f00", "0000"})
    EXPECT_TRUE(outcome(Codec::kSnappy, from_hex(header + block), kMax).starts_with("error: corr"));
}

// By hand: what a client may write and our compress() does not.
std::string lz4_frame(std::string_view plain, const LZ4F_preferences_t& preferences) {
  std::string packed(LZ4F_compressFrameBound(plain.size(), &preferences), 0);
  const size_t size = LZ4F_compressFrame(packed.data(), packed.size(), plain.data(), plain.size(),
                                         &preferences);
  EXPECT_FALSE(LZ4F_isError(size));
  packed.resize(size);
  return packed;
}

TEST(Compression, Lz4FramesOfAllKinds) {
  const std::string plain = text(500'000);
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  for (const auto size : {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max4MB}) {
    for (const auto mode : {LZ4F_blockLinked, LZ4F_blockIndependent}) {
      for (const bool with_content : {false, true}) {
        preferences.frameInfo.blockSizeID = size;
        preferences.frameInfo.blockMode = mode;
        preferences.frameInfo.contentSize = with_content ? plain.size() : 0;
        preferences.frameInfo.contentChecksumFlag =
            with_content ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum;
        const std::string frame = lz4_frame(plain, preferences);
        EXPECT_TRUE(outcome(Codec::kLz4, frame, plain.size()) == plain);
        EXPECT_TRUE(outcome(Codec::kLz4, frame + "behind", kMax) == plain);
        EXPECT_FALSE(decompress(Codec::kLz4, frame, plain.size() - 1));
      }
    }
  }
}

TEST(Compression, Lz4BlocksAreIndependent) {
  // Java refuses others. Bits of FLG: version 1, independent, no checksums, no content size.
  const std::string packed = compressed(Codec::kLz4, text(300'000));
  EXPECT_EQ(to_hex(packed.substr(0, 6)), "04224d18" "60" "40");
}

TEST(Compression, TheBrokenLz4Header) {
  std::string packed = compressed(Codec::kLz4, "abc");
  packed[6] = static_cast<char>(packed[6] ^ 0x55);
  EXPECT_EQ(outcome(Codec::kLz4, packed, kPlenty),
            "error: corrupt lz4 data: ERROR_headerChecksum_invalid");
  EXPECT_EQ(outcome(Codec::kLz4, packed, kPlenty, true), "abc");
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.contentSize = 3;
  std::string sized = lz4_frame("abc", preferences);
  EXPECT_EQ(outcome(Codec::kLz4, sized, kPlenty, true), "abc");
  sized[14] = static_cast<char>(sized[14] ^ 0x55);
  EXPECT_FALSE(decompress(Codec::kLz4, sized, kPlenty));
  EXPECT_EQ(outcome(Codec::kLz4, sized, kPlenty, true), "abc");
}

TEST(Compression, Lz4PromisesAreChecked) {
  // 2^40 bytes of content; the header's checksum is repaired, as for format 0.
  const std::string frame = from_hex("04224d18" "6840" "0000000000010000" "00" "00000000");
  EXPECT_EQ(outcome(Codec::kLz4, frame, kPlenty, true),
            "error: lz4 data of more than the 67108864 bytes that are allowed");
  EXPECT_EQ(outcome(Codec::kLz4, frame, kMax, true),
            "error: corrupt lz4 data: an impossible content size");
  const std::string skippable = from_hex("502a4d18" "00000000");
  EXPECT_FALSE(decompress(Codec::kLz4, skippable, kPlenty));
}

// A frame whose header does not say how long its content is, and wants a window of 2^27 bytes: as
// Java writes at high levels.
std::string zstd_stream(std::string_view plain, int window_log = 27) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string packed(ZSTD_compressBound(plain.size()), 0);
  ZSTD_inBuffer in{plain.data(), plain.size(), 0};
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  // In pieces, so that the library does not know the size either.
  in.size = plain.size() / 2;
  EXPECT_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush)));
  in.size = plain.size();
  EXPECT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  EXPECT_EQ(ZSTD_getFrameContentSize(packed.data(), packed.size()), ZSTD_CONTENTSIZE_UNKNOWN);
  return packed;
}

TEST(Compression, ZstdStreams) {
  for (const size_t size : {0, 1, 1000, 20'000, 1'000'000}) {
    for (const std::string& plain : {text(size), random_bytes(size), std::string(size, 'z')}) {
      const std::string packed = zstd_stream(plain);
      EXPECT_TRUE(outcome(Codec::kZstd, packed, size) == plain) << size;
      EXPECT_TRUE(outcome(Codec::kZstd, packed, kMax) == plain) << size;
      if (size > 0) {
        EXPECT_FALSE(decompress(Codec::kZstd, packed, size - 1)) << size;
      }
    }
  }
  const std::string plain = text(3000);
  const std::string packed = zstd_stream(plain);
  for (size_t most = 0; most < plain.size(); ++most)
    ASSERT_TRUE(outcome(Codec::kZstd, packed, most).ends_with("bytes that are allowed")) << most;
}

TEST(Compression, ZstdFramesInARow) {
  const std::string empty = compressed(Codec::kZstd, "");
  const std::string one = compressed(Codec::kZstd, "one ");
  const std::string plain = text(70'000);
  EXPECT_EQ(outcome(Codec::kZstd, empty + one + one, kPlenty), "one one ");
  EXPECT_TRUE(outcome(Codec::kZstd, one + zstd_stream(plain), kPlenty) == "one " + plain);
  EXPECT_FALSE(decompress(Codec::kZstd, one + zstd_stream(plain), plain.size() + 3));
  EXPECT_FALSE(decompress(Codec::kZstd, one + "behind", kPlenty));
}

TEST(Compression, ZstdPromisesAreChecked) {
  // A single segment, 2^40 bytes of content, one empty block.
  const std::string frame = from_hex("28b52ffd" "e0" "0000000000010000" "010000");
  EXPECT_EQ(outcome(Codec::kZstd, frame, kPlenty),
            "error: zstd data of more than the 67108864 bytes that are allowed");
  EXPECT_EQ(outcome(Codec::kZstd, frame, kMax),
            "error: corrupt zstd data: an impossible content size");
}

}  // namespace
}  // namespace kferry::wire
