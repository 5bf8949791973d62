// Data of znodes, good and bad.
#include <string>

#include <gtest/gtest.h>

#include "zkoffsets/layout.h"

namespace kferry::zkoffsets {
namespace {

using namespace std::string_literals;

struct OffsetCase {
  std::string data;
  std::optional<int64_t> offset;
  OffsetProblem problem;
  std::string detail;
};

TEST(NodeDataTest, DecimalOffsets) {
  const OffsetCase cases[] = {
      {"0", 0, OffsetProblem::kNone, "0"},
      {"42", 42, OffsetProblem::kNone, "42"},
      {"007", 7, OffsetProblem::kNone, "007"},
      {"9223372036854775806", 9223372036854775806, OffsetProblem::kNone, "9223372036854775806"},
      {"9223372036854775807", {}, OffsetProblem::kTooLarge, "9223372036854775807"},
      {"99999999999999999999", {}, OffsetProblem::kTooLarge, "99999999999999999999"},
      {"", {}, OffsetProblem::kEmpty, ""},
      {"-1", {}, OffsetProblem::kNegative, "-1"},
      {"-99999999999999999999", {}, OffsetProblem::kNegative, "-99999999999999999999"},
      {"-", {}, OffsetProblem::kNotANumber, "-"},
      {"--1", {}, OffsetProblem::kNotANumber, "--1"},
      {"+5", {}, OffsetProblem::kNotANumber, "+5"},
      {"abc", {}, OffsetProblem::kNotANumber, "abc"},
      {"12a", {}, OffsetProblem::kNotANumber, "12a"},
      {" 12", {}, OffsetProblem::kNotANumber, " 12"},
      {"12\n", {}, OffsetProblem::kNotANumber, "12\\x0a"},
      {"1e3", {}, OffsetProblem::kNotANumber, "1e3"},
      {"1.0", {}, OffsetProblem::kNotANumber, "1.0"},
      {"0x10", {}, OffsetProblem::kNotANumber, "0x10"},
      {"1\0002"s, {}, OffsetProblem::kNotANumber, "1\\x002"},
      {"\xff\x1b[2J", {}, OffsetProblem::kNotANumber, "\\xff\\x1b[2J"},
      {"\xd9\xa3", {}, OffsetProblem::kNotANumber, "\\xd9\\xa3"},  // an Arabic-Indic digit
  };
  for (const OffsetCase& one : cases) {
    const ParsedOffset parsed = parse_decimal_offset(one.data);
    EXPECT_EQ(parsed.offset ? std::optional(parsed.offset->value()) : std::nullopt, one.offset)
        << one.detail;
    EXPECT_EQ(parsed.problem, one.problem) << one.detail;
    EXPECT_EQ(parsed.detail, one.detail);
  }
}

TEST(NodeDataTest, OffsetDataOfManyBytesIsHugeWhateverItHolds) {
  EXPECT_EQ(parse_decimal_offset(std::string(4096, '0')).offset, ZookeeperOffset(0));
  EXPECT_EQ(parse_decimal_offset(std::string(4097, '0')).problem, OffsetProblem::kHuge);
  EXPECT_EQ(parse_decimal_offset(std::string(1 << 20, 'x')).problem, OffsetProblem::kHuge);
}

TEST(NodeDataTest, DetailIsCutAtFortyCharactersAndNeverInsideAnEscape) {
  EXPECT_EQ(parse_decimal_offset(std::string(40, 'x')).detail, std::string(40, 'x'));
  EXPECT_EQ(parse_decimal_offset(std::string(41, 'x')).detail, std::string(37, 'x') + "...");
  for (size_t leading = 0; leading < 8; ++leading) {
    const std::string detail =
        parse_decimal_offset(std::string(leading, 'x') + std::string(50, '\x01')).detail;
    EXPECT_LE(detail.size(), 40u);
    EXPECT_EQ((detail.size() - leading - 3) % 4, 0u) << detail;  // whole "\x01"s before the "..."
    EXPECT_TRUE(detail.ends_with("\\x01...")) << detail;
  }
}

TEST(NodeDataTest, StormTakesOffsetAndTridentNextOffset) {
  const std::string json =
      R"({"topology":{"id":"i","name":"n"},"offset":5,"nextOffset":9,"partition":3,)"
      R"("broker":{"host":"h","port":9092},"topic":"t"})";
  const auto storm = parse_storm_state(json);
  ASSERT_TRUE(storm);
  EXPECT_EQ(storm->topic, TopicName("t"));
  EXPECT_EQ(storm->partition, Partition(3));
  EXPECT_EQ(storm->offset.offset, ZookeeperOffset(5));
  EXPECT_EQ(parse_trident_state(json)->offset.offset, ZookeeperOffset(9));
}

TEST(NodeDataTest, StormStateWithoutTopicOrPartitionIsNone) {
  const std::string deep = std::string(100'000, '[');
  for (const std::string& json :
       {""s, "{"s, "null"s, "[]"s, "5"s, deep, R"({"offset":1})"s, R"({"offset":1,"topic":"t"})"s,
        R"({"offset":1,"partition":0})"s, R"({"offset":1,"topic":5,"partition":0})"s,
        R"({"offset":1,"topic":"","partition":0})"s, R"({"offset":1,"topic":"t","partition":"0"})"s,
        R"({"offset":1,"topic":"t","partition":-1})"s,
        R"({"offset":1,"topic":"t","partition":2147483648})"s,
        R"({"offset":1,"topic":"t","partition":0.5})"s,
        "{\"offset\":1,\"topic\":\"\xff\",\"partition\":0}"s})
    EXPECT_FALSE(parse_storm_state(json)) << json.substr(0, 80);
}

TEST(NodeDataTest, StormOffsetsThatAreNoOffset) {
  const auto problem_of = [](const std::string& value) {
    return parse_storm_state(R"({"topic":"t","partition":0)" + value + "}")->offset.problem;
  };
  EXPECT_EQ(problem_of(""), OffsetProblem::kEmpty);
  EXPECT_EQ(problem_of(R"(,"offset":null)"), OffsetProblem::kEmpty);
  EXPECT_EQ(problem_of(R"(,"offset":-2)"), OffsetProblem::kNegative);
  EXPECT_EQ(problem_of(R"(,"offset":"7")"), OffsetProblem::kNotANumber);
  EXPECT_EQ(problem_of(R"(,"offset":7.0)"), OffsetProblem::kNotANumber);
  EXPECT_EQ(problem_of(R"(,"offset":[7])"), OffsetProblem::kNotANumber);
  EXPECT_EQ(problem_of(R"(,"offset":9223372036854775807)"), OffsetProblem::kTooLarge);
  EXPECT_EQ(problem_of(R"(,"offset":9223372036854775808)"), OffsetProblem::kTooLarge);
  EXPECT_EQ(problem_of(R"(,"offset":9223372036854775806)"), OffsetProblem::kNone);
}

TEST(NodeDataTest, CsvOffsets) {
  const auto entries = parse_csv_offsets("0:100,12:x,3:");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].partition, Partition(0));
  EXPECT_EQ((*entries)[0].offset.offset, ZookeeperOffset(100));
  EXPECT_EQ((*entries)[1].partition, Partition(12));
  EXPECT_EQ((*entries)[1].offset.problem, OffsetProblem::kNotANumber);
  EXPECT_EQ((*entries)[2].offset.problem, OffsetProblem::kEmpty);
  for (const char* text :
       {"", "5", "0:1,", ",0:1", "a:1", "-1:1", "01:1", "0:1;1:2", "{\"0\":1}"}) {
    const auto parsed = parse_csv_offsets(text);
    EXPECT_TRUE(!parsed || (parsed->size() == 1 && !(*parsed)[0].offset.offset)) << text;
  }
}

TEST(NodeDataTest, Registration) {
  const auto registration =
      parse_registration(R"({"version":1,"subscription":{"a":2,"b":1},"pattern":"static",)"
                         R"("timestamp":"1500000000000"})");
  ASSERT_TRUE(registration);
  EXPECT_EQ(registration->topics, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(registration->pattern, "static");
  EXPECT_FALSE(registration->numeric_timestamp);
  EXPECT_TRUE(parse_registration(R"({"subscription":{}})"));
  for (const char* json :
       {"", "{ \"t\": 1 }", "*2*t.*", "{\"subscription\":[\"a\"]}", "null", "[1]"})
    EXPECT_FALSE(parse_registration(json)) << json;
}

TEST(NodeDataTest, DeepNestingIsRefusedBracketsInStringsAreNot) {
  const auto nested = [](size_t levels) {
    return R"({"subscription":{},"x":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  EXPECT_TRUE(parse_registration(nested(31)));
  EXPECT_FALSE(parse_registration(nested(32)));
  EXPECT_FALSE(parse_registration(nested(100'000)));
  EXPECT_TRUE(parse_registration(R"({"subscription":{"\"\\)" + std::string(100, '[') + "\":1}}"));
}

TEST(NodeDataTest, ClientOfARegistration) {
  const std::string uuid = "1b4e28ba-2fa1-41d2-883f-0016d3cca427";
  const auto json = [](const std::string& topics, const std::string& pattern,
                       const std::string& timestamp) {
    return R"({"version":1,"subscription":{)" + topics + R"(},"pattern":")" + pattern +
           R"(","timestamp":)" + timestamp + "}";
  };
  const std::string ms = R"("1500000000000")";
  struct Case {
    std::string id;
    std::string json;
    std::optional<Layout> layout;
  };
  const Case cases[] = {
      {"g_host-1500000000000-abcdef12", json(R"("t":1)", "static", ms), Layout::kHighLevelConsumer},
      {"g_host-1500000000000-abcdef12", json(R"("t.*":1)", "white_list", ms),
       Layout::kHighLevelConsumer},
      {"g_" + uuid, json(R"("t":1)", "white_list", ms), Layout::kKafkaNode},
      {"g_mine", json(R"("t": 1, "u": 1)", "white_list", ms), Layout::kKafkaNode},
      {"g_" + uuid, json(R"("t":1)", "static", ms), Layout::kHighLevelConsumer},
      {"host:" + uuid, json(R"("t":1)", "static", "1500000000"), Layout::kWvanbergen},
      {"host:" + uuid, json(R"("t":1)", "white_list", "1500000000"), Layout::kWvanbergen},
      {"mine", json(R"("t":1)", "static", "1500000000"), Layout::kWvanbergen},
      {uuid, json(R"("t":1)", "white_list", ms), Layout::kHighLevelConsumer},
      {"g_host-1500000000000-abcdef12", "{ \"t\": 1 }", std::nullopt},
      {"host:" + uuid, "", std::nullopt},
  };
  for (const Case& one : cases)
    EXPECT_EQ(layout_of_registration(one.id, one.json), one.layout) << one.id << " " << one.json;
}

TEST(NodeDataTest, ClusterId) {
  EXPECT_EQ(parse_cluster_id(R"({"version":"1","id":"aBc-_1"})"), "aBc-_1");
  for (const char* json : {"", "{}", R"({"id":5})", R"("aBc")"})
    EXPECT_EQ(parse_cluster_id(json), std::nullopt) << json;
}

}  // namespace
}  // namespace kferry::zkoffsets
