// Nothing that comes from the wire can crash a decoder or make it read beyond its input. Meant to
// run under AddressSanitizer too, for which every input is in a block of exactly its size.
#include <memory>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/all_messages.h"
#include "tests/support/message_filler.h"
#include "tests/support/stable_decode.h"

namespace kferry::test {
namespace {

template <class Message>
Result<> accepts_exactly(std::string_view bytes, int16_t version) {
  std::unique_ptr<char[]> block;
  const Result<Message> decoded = decode_exact<Message>(bytes, version, block);
  if (!decoded) return std::unexpected(decoded.error());
  return {};
}

template <class Message>
std::string encode_filled(uint64_t seed, int16_t version) {
  std::string bytes;
  EXPECT_TRUE(wire::encode_message(filled<Message>(seed, version), version, bytes));
  return bytes;
}

TEST(Robustness, TruncationAtEveryByteIsAnError) {
  size_t tried = 0;
  for_each_message_version([&]<class Message>(std::type_identity<Message>, int16_t version) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      const std::string bytes = encode_filled<Message>(seed, version);
      for (size_t size = 0; size < bytes.size(); ++size, ++tried)
        EXPECT_FALSE(accepts_exactly<Message>(std::string_view(bytes).substr(0, size), version))
            << fmt::format("{} version {} seed {} cut to {} of {} bytes", Message::kName, version,
                           seed, size, bytes.size());
      EXPECT_TRUE(accepts_exactly<Message>(bytes, version)) << Message::kName;
    }
  });
  EXPECT_GT(tried, 10'000U);
}

// Some bytes changed, most often to those that are special in lengths, counts and varints;
// sometimes some bytes taken out or put in.
std::string mutated(std::string bytes, std::mt19937_64& random) {
  constexpr std::string_view kSpecial("\x00\x01\x7f\x80\xff\xfe", 6);
  for (size_t left = 1 + random() % 4; left > 0 && !bytes.empty(); --left) {
    const size_t at = random() % bytes.size();
    switch (random() % 6) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, 1 + random() % 4);
        break;
      case 2:
        bytes.insert(at, 1 + random() % 4, kSpecial[random() % kSpecial.size()]);
        break;
      default:
        bytes[at] = kSpecial[random() % kSpecial.size()];
    }
  }
  return bytes;
}

TEST(Robustness, MutatedMessagesNeverCrashTheDecoder) {
  constexpr uint64_t kSeed = 20260101;
  constexpr int kRounds = 150;
  std::mt19937_64 random(kSeed);
  int decoded = 0;
  int rejected = 0;
  for_each_message_version([&]<class Message>(std::type_identity<Message>, int16_t version) {
    for (int round = 0; round < kRounds; ++round) {
      const std::string bytes = mutated(encode_filled<Message>(random(), version), random);
      (decodes_stably<Message>(bytes, version) ? decoded : rejected) += 1;
    }
  });
  // Both happen often, or the test does not test.
  EXPECT_GT(decoded, 1000);
  EXPECT_GT(rejected, 1000);
}

}  // namespace
}  // namespace kferry::test
