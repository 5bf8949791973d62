#include "zkoffsets/path_template.h"

#include <gtest/gtest.h>

#include "zkoffsets/external_layout.h"
#include "zkoffsets/layout.h"

namespace kferry::zkoffsets {
namespace {

// What a name says of the only segment of "/<segment>/..." (with the rest that a template needs).
std::optional<NameMatch> match_one(const std::string& segment, const std::string& name) {
  const bool whole = segment.find("{partition}") != std::string::npos;
  const auto parsed = parse_path_template("/" + segment + (whole ? "" : "/{partition}"));
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return match(parsed->segments.front(), name);
}

std::string error_of(const std::string& path) {
  const auto parsed = parse_path_template(path);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().kind, ErrorKind::kUsage);
  return parsed.error().message;
}

TEST(PathTemplate, NamesAreTakenApart) {
  const auto topic = match_one("{topic}", "a.b_c-d");
  ASSERT_TRUE(topic);
  EXPECT_EQ(topic->topic, TopicName("a.b_c-d"));
  EXPECT_EQ(match_one("part-{partition}.offset", "part-17.offset")->partition, Partition(17));
  const auto both = match_one("{topic}-{partition}", "orders-eu-3");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->topic, TopicName("orders-eu"));
  EXPECT_EQ(both->partition, Partition(3));
  const auto turned = match_one("{partition}-{topic}", "3-orders-eu");
  ASSERT_TRUE(turned);
  EXPECT_EQ(turned->topic, TopicName("orders-eu"));
  EXPECT_EQ(turned->partition, Partition(3));
  EXPECT_EQ(match_one("app_{group}", "app_billing")->group, GroupId("billing"));
}

TEST(PathTemplate, ANameThatDoesNotFitIsNoMatch) {
  for (const char* name : {"part-", "part-07", "part--1", "part-x", "Part-1", "part-1x", ""})
    EXPECT_FALSE(match_one("part-{partition}", name)) << name;
  EXPECT_FALSE(match_one("{topic}-{partition}", "-3"));
  EXPECT_FALSE(match_one("{topic}-{partition}", "orders-"));
  EXPECT_FALSE(match_one("{topic}-{partition}", "orders3"));
  EXPECT_FALSE(match_one("ab{topic}ba", "aba")) << "prefix and suffix overlap";
}

TEST(PathTemplate, AGroupBecomesPartOfItsNames) {
  const auto parsed = parse_path_template("/x/app_{group}/{topic}/{partition}");
  ASSERT_TRUE(parsed);
  const PathTemplate path = of_group(*parsed, GroupId("{topic}"));
  EXPECT_FALSE(path.has(PathTemplate::Kind::kGroup));
  ASSERT_TRUE(is_literal(path.segments[1]));
  EXPECT_EQ(path.segments[1].front().text, "app_{topic}") << "a name is no placeholder";
  EXPECT_EQ(to_string(parsed->segments[1]), "app_{group}");
}

TEST(PathTemplate, ErrorsSayWhatIsWrong) {
  const auto says = [](const std::string& path, const std::string& what) {
    EXPECT_NE(error_of(path).find(what), std::string::npos) << path << ": " << error_of(path);
  };
  says("a/{partition}", "begins with /");
  says("/a/{partition}/", "does not end with one");
  says("/a//{partition}", "no znode can have");
  says("/a/../{partition}", "no znode can have");
  says("/a/{topic}", "{partition} is missing");
  says("/{partition}/{partition}", "{partition} stands there twice");
  says("/{topic}/{topic}/{partition}", "{topic} stands there twice");
  says("/a/{Partition}", "'{Partition}' is no placeholder");
  says("/a/{}", "no placeholder");
  says("/a/{partition", "brace");
  says("/a/partition}", "brace");
  says("/a/{{partition}}", "no placeholder");
  says("/{topic}{partition}", "between them");
  says("/{topic}1{partition}", "between them");
  says("/{group}-{topic}/{partition}", "{group} must be the only placeholder");
}

TEST(PathTemplate, EntriesAreCheckedBeforeAnyIo) {
  const auto kind_of = [](const std::string& group, const std::string& path,
                          const std::string& topic, std::optional<std::string> pointer = {}) {
    const auto checked = check_external(
        {{GroupId(group), Layout::kCustom, path, TopicName(topic), std::move(pointer)}});
    return checked ? std::optional<ErrorKind>() : checked.error().kind;
  };
  EXPECT_EQ(kind_of("", "/a/{group}/{topic}/{partition}", ""), std::nullopt);
  EXPECT_EQ(kind_of("g", "/a/{topic}/{partition}", "", "/offset"), std::nullopt);
  EXPECT_EQ(kind_of("g", "/a/{partition}", "orders", ""), std::nullopt);
  EXPECT_EQ(kind_of("g", "/a/{partition}", ""), ErrorKind::kUsage) << "no topic";
  EXPECT_EQ(kind_of("g", "/a/{topic}/{partition}", "orders"), ErrorKind::kUsage) << "two topics";
  EXPECT_EQ(kind_of("", "/a/{topic}/{partition}", ""), ErrorKind::kUsage) << "no group";
  EXPECT_EQ(kind_of("a/b", "/{group}/{topic}/{partition}", ""), ErrorKind::kUsage);
  EXPECT_EQ(kind_of("g", "/a/{topic}/{partition}", "", "offset"), ErrorKind::kUsage);
}

TEST(JsonOffset, StandsWhereThePointerSays) {
  const std::string json = R"({"state": {"offset": 12, "a/b": [1, "34"]}, "no": null, "x": 1.5})";
  const auto at = [&](const std::string& pointer) { return parse_json_offset(json, pointer); };
  EXPECT_EQ(at("/state/offset").offset, ZookeeperOffset(12));
  EXPECT_EQ(at("/state/a~1b/1").offset, ZookeeperOffset(34));
  EXPECT_EQ(parse_json_offset("56", "").offset, ZookeeperOffset(56));
  EXPECT_EQ(at("/no").problem, OffsetProblem::kEmpty);
  for (const char* pointer : {"", "/x", "/state", "/none", "/state/a~1b/9", "/state/a~1b/-", "bad"})
    EXPECT_EQ(at(pointer).problem, OffsetProblem::kNotANumber) << pointer;
  EXPECT_EQ(parse_json_offset("", "/a").problem, OffsetProblem::kEmpty);
  EXPECT_EQ(parse_json_offset("{", "/a").problem, OffsetProblem::kNotANumber);
  EXPECT_EQ(parse_json_offset(R"({"a": -1})", "/a").problem, OffsetProblem::kNegative);
  EXPECT_TRUE(is_json_pointer("/a~0b/0"));
  EXPECT_FALSE(is_json_pointer("/a~2"));
}

}  // namespace
}  // namespace kferry::zkoffsets
