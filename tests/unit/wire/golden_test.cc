// Our bytes are the Java client's bytes: every message, every version, both directions, some seeds.
#include <functional>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/all_messages.h"
#include "tests/support/command.h"
#include "tests/support/kafka_definitions.h"
#include "tests/support/message_filler.h"
#include "tests/support/message_json.h"
#include "wire/decoder.h"
#include "wire/encoder.h"

namespace kferry::test {
namespace {

constexpr uint64_t kSeeds = 12;

struct GoldenCase {
  std::string name;
  int16_t version = 0;
  uint64_t seed = 0;
  std::string json;
  std::string ours;
  std::function<Result<std::string>(const std::string&)> decode_and_encode;
};

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return text;
}

std::string unhex(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

template <class Message>
GoldenCase make_case(int16_t version, uint64_t seed) {
  const auto message = filled<Message>(seed, version);
  GoldenCase made{Message::kName, version, seed, message_json(message, version).dump(), "", {}};
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

// One line of Java's answer per case, in order.
std::vector<std::string> ask_java(const std::string& kafka_version,
                                  const std::vector<GoldenCase>& cases) {
  std::string input;
  for (const GoldenCase& one : cases)
    input += fmt::format("{}\t{}\t{}\n", one.name, one.version, one.json);
  const TemporaryFile file(input);
  const CommandResult result = run_command(fmt::format(
      "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp {} {} < {}",
      shell_quote(jar_folder(kafka_version) + "/*"),
      shell_quote(KFERRY_SOURCE_DIR "/tests/java/WireGolden.java"), shell_quote(file.path())));
  EXPECT_EQ(result.exit_code, 0) << "java failed";
  std::vector<std::string> lines;
  std::istringstream output(result.output);
  for (std::string line; std::getline(output, line);) lines.push_back(line);
  return lines;
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, OurBytesAreJavas) {
  const std::vector<GoldenCase> cases = make_cases(GetParam());
  const std::vector<std::string> answers = ask_java(GetParam(), cases);
  ASSERT_EQ(answers.size(), cases.size());
  ASSERT_GT(cases.size(), 100 * kSeeds);
  for (size_t i = 0; i < cases.size(); ++i) {
    const GoldenCase& one = cases[i];
    SCOPED_TRACE(
        fmt::format("{} version {} seed {}: {}", one.name, one.version, one.seed, one.json));
    const std::string prefix = fmt::format("{} {} ", one.name, one.version);
    ASSERT_TRUE(answers[i].starts_with(prefix)) << answers[i];
    const std::string javas = answers[i].substr(prefix.size());
    EXPECT_EQ(hex(one.ours), javas);
    const Result<std::string> again = one.decode_and_encode(unhex(javas));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(hex(*again), javas);
  }
}

INSTANTIATE_TEST_SUITE_P(Kafka, Golden, testing::Values("3.9.1", "4.2.0"), [](const auto& version) {
  std::string name = version.param;
  std::erase(name, '.');
  return name;
});

}  // namespace
}  // namespace kferry::test
