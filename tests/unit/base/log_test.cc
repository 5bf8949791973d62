#include "base/log.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kferry::log {
namespace {

TEST(Log, QuotesAsRfc8259Says) {
  EXPECT_EQ(json_quote(""), R"("")");
  EXPECT_EQ(json_quote("plain"), R"("plain")");
  EXPECT_EQ(json_quote("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(json_quote("\n\r\t"), R"("\n\r\t")");
  EXPECT_EQ(json_quote(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(json_quote("gr\u00fcn \U0001F6A2"), "\"gr\u00fcn \U0001F6A2\"");
}

TEST(Log, EveryCharacterComesBackFromJson) {
  std::string all;
  for (char c = 0; c < 127; ++c) all += c;
  EXPECT_EQ(nlohmann::json::parse(json_quote(all)), all);
}

// What `write` logs. The logger keeps its configuration, so each test sets its own.
template <class Write>
std::string captured(Format format, Level level, Write write) {
  configure(format, level);
  testing::internal::CaptureStderr();
  write();
  configure(Format::kText, Level::kWarn);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, AJsonLineIsOneObject) {
  const std::string line = captured(Format::kJson, Level::kInfo, [] {
    info("joined \"x\"\n%v", {{"group", "bil\"ling"}, {"members", "1"}});
  });
  ASSERT_TRUE(line.ends_with('\n')) << line;
  EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
  const nlohmann::json object = nlohmann::json::parse(line);
  EXPECT_EQ(object.at("level"), "info");
  EXPECT_EQ(object.at("message"), "joined \"x\"\n%v");
  EXPECT_EQ(object.at("group"), "bil\"ling");
  EXPECT_EQ(object.at("members"), "1");
  EXPECT_TRUE(object.contains("time"));
}

TEST(Log, TextLinesHaveKeysAndValues) {
  const std::string line = captured(Format::kText, Level::kWarn, [] {
    warn("slow {} %s", {{"topic", "orders"}});
  });
  EXPECT_TRUE(line.ends_with("slow {} %s topic=orders\n")) << line;
}

TEST(Log, LevelsBelowTheConfiguredOneAreSilent) {
  const std::string lines = captured(Format::kText, Level::kWarn, [] {
    debug("one");
    info("two");
    warn("three");
    error("four");
  });
  EXPECT_EQ(lines.find("one"), lines.npos);
  EXPECT_EQ(lines.find("two"), lines.npos);
  EXPECT_NE(lines.find("three"), lines.npos);
  EXPECT_NE(lines.find("four"), lines.npos);
}

}  // namespace
}  // namespace kferry::log
