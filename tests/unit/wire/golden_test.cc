// Our bytes are the Java client's bytes: every message, every version, both directions, some seeds.
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/all_messages.h"
#include "tests/support/java_wire.h"
#include "tests/support/kafka_definitions.h"
#include "tests/support/message_filler.h"
#include "tests/support/message_json.h"
#include "wire/decoder.h"
#include "wire/encoder.h"

namespace kferry::test {
namespace {

constexpr uint64_t kSeeds = 20;

struct GoldenCase {
  WireQuestion question;
  std::string ours;
  std::function<Result<std::string>(const std::string&)> decode_and_encode;
};

template <class Message>
GoldenCase make_case(int16_t version, uint64_t seed) {
  const auto message = filled<Message>(seed, version);
  GoldenCase made{{Message::kName, version, message_json(message, version).dump()}, "", {}};
  const Result<> encoded = wire::encode_message(message, version, made.ours);
  EXPECT_TRUE(encoded) << encoded.error().message;
  made.decode_and_encode = [version](const std::string& bytes) -> Result<std::string> {
    KFERRY_TRY(auto decoded, wire::decode_message<Message>(bytes, version));
    std::string again;
    KFERRY_CHECK(wire::encode_message(decoded, version, again));
    return again;
  };
  return made;
}

std::vector<std::string> message_names() {
  std::vector<std::string> names;
  for_each_message([&]<class Message>(std::type_identity<Message>, wire::ApiVersionRange) {
    names.emplace_back(Message::kName);
  });
  return names;
}

std::vector<GoldenCase> make_cases(const std::string& kafka_version) {
  const auto definitions = load_definitions(kafka_version, message_names());
  std::vector<GoldenCase> cases;
  for_each_message_version([&]<class Message>(std::type_identity<Message>, int16_t version) {
    if (!definitions.at(Message::kName).versions.contains(version)) return;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed)
      cases.push_back(make_case<Message>(version, seed));
  });
  return cases;
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, OurBytesAreJavas) {
  const std::vector<GoldenCase> cases = make_cases(GetParam());
  ASSERT_GT(cases.size(), 100 * kSeeds);
  std::vector<WireQuestion> questions;
  for (const GoldenCase& one : cases) questions.push_back(one.question);
  const std::vector<std::string> answers = java_bytes(GetParam(), questions);
  for (size_t i = 0; i < cases.size(); ++i) {
    const WireQuestion& question = questions[i];
    SCOPED_TRACE(fmt::format("{} version {}: {}", question.name, question.version, question.json));
    EXPECT_EQ(to_hex(cases[i].ours), answers[i]);
    const Result<std::string> again = cases[i].decode_and_encode(from_hex(answers[i]));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(to_hex(*again), answers[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Kafka, Golden, testing::Values("3.9.1", "4.2.0"), [](const auto& version) {
  std::string name = version.param;
  std::erase(name, '.');
  return name;
});

}  // namespace
}  // namespace kferry::test
