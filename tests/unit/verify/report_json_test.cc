#include "verify/report_json.h"

#include <functional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "golden.h"
#include "sample_report.h"
#include "schema.h"

namespace kferry::verify {
namespace {

using nlohmann::json;

json sample_json() {
  return json::parse(to_json(kferry::testing::sample_report()));
}

TEST(ReportJson, Golden) {
  kferry::testing::expect_golden("report.json", to_json(kferry::testing::sample_report()));
}

TEST(ReportJson, ReadsWhatItWrites) {
  for (const bool with_error : {true, false}) {
    DiffReport report = kferry::testing::sample_report();
    if (!with_error) report.error.reset();
    const std::string text = to_json(report);
    const auto read = parse_report(text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(to_json(*read), text);
    EXPECT_EQ(read->groups[0].partitions[0].zookeeper_offset, 9'223'372'036'854'775'806);
    EXPECT_EQ(read->groups[0].expires_at_ms, 1'796'069'045'000);
    EXPECT_EQ(read->groups[1].group.value(), "t\xC3\xA4glich, \"5\n");
    EXPECT_EQ(read->groups[1].team, std::nullopt);
    EXPECT_EQ(read->error.has_value(), with_error);
  }
}

// Teams keep their reports: those of before a missing right had an outcome of its own.
TEST(ReportJson, AnOlderOneIsReadWithoutDenied) {
  json older = sample_json();
  const auto denied = older["summary"]["outcomes"]["denied"].get<int>();
  older["summary"]["outcomes"].erase("denied");
  EXPECT_EQ(parse_report(older.dump()).has_value(), denied == 0);
  DiffReport empty;
  empty.verb = "plan";
  older = json::parse(to_json(empty));
  older["summary"]["outcomes"].erase("denied");
  EXPECT_TRUE(parse_report(older.dump()));
}

TEST(ReportJson, ReadThroughTheBrokers) {
  DiffReport report = kferry::testing::sample_report();
  report.source.zookeeper.clear();
  report.groups[0].evidence.reads = "broker";
  report.groups[0].evidence.registered_consumers.reset();
  report.groups[0].evidence.owned_partitions.reset();
  const std::string text = to_json(report);
  EXPECT_EQ(kferry::testing::schema_trouble("report.schema.json", json::parse(text)), "");
  EXPECT_TRUE(json::parse(text)["source"]["zookeeper"].is_null());
  const auto read = parse_report(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), text);
  EXPECT_EQ(read->groups[0].evidence.registered_consumers, std::nullopt);
}

TEST(ReportJson, FitsTheSchema) {
  EXPECT_EQ(kferry::testing::schema_trouble("report.schema.json", sample_json()), "");
  DiffReport empty;
  empty.verb = "plan";
  EXPECT_EQ(kferry::testing::schema_trouble("report.schema.json", json::parse(to_json(empty))), "");
}

TEST(ReportJson, AllOutcomesAreCountedAndAddUp) {
  const json summary = sample_json()["summary"];
  EXPECT_EQ(summary["outcomes"].size(), 14U);
  int64_t sum = 0;
  for (const auto& [name, count] : summary["outcomes"].items()) sum += count.get<int64_t>();
  EXPECT_EQ(sum, summary["partitions"].get<int64_t>());
  EXPECT_EQ(summary["groups"], 2);
}

TEST(ReportJson, NamesThatAreNotUtf8DoNotThrow) {
  DiffReport report = kferry::testing::sample_report();
  report.groups[0].group = GroupId(
      "a\xFF"
      "b");
  report.groups[0].partitions[0].topic = TopicName("\xC3");
  const json document = json::parse(to_json(report));
  EXPECT_EQ(document["groups"][0]["group"],
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(document["groups"][0]["partitions"][0]["topic"], "\xEF\xBF\xBD");
}

struct Broken {
  std::string what;
  std::function<void(json&)> change;
  std::string message_part;
  bool schema_sees_it = true;
};

TEST(ReportJson, BrokenDocumentsAreNamed) {
  const auto partition = [](json& d) -> json& { return d["groups"][0]["partitions"][2]; };
  const Broken cases[] = {
      {"schema", [](json& d) { d["schema"] = "kferry/diff-report/v2"; }, "/schema"},
      {"no schema", [](json& d) { d.erase("schema"); }, "/schema"},
      {"verb", [](json& d) { d["verb"] = 5; }, "/verb is not a string"},
      {"time", [](json& d) { d["generated_at"] = "yesterday"; }, "/generated_at"},
      {"month", [](json& d) { d["generated_at"] = "2026-13-01T00:00:00.000Z"; }, "/generated_at",
       false},
      {"extra", [](json& d) { d["more"] = 1; }, "/more is not a known field"},
      {"groups", [](json& d) { d["groups"] = "none"; }, "/groups is not an array"},
      {"group", [](json& d) { d["groups"][0] = 7; }, "/groups has an element"},
      {"group name", [](json& d) { d["groups"][1].erase("group"); }, "/groups/1/group is missing"},
      {"evidence", [](json& d) { d["groups"][0]["evidence"]["samples"] = "3"; },
       "/groups/0/evidence/samples"},
      {"notes", [](json& d) { d["groups"][0]["evidence"]["notes"] = {1}; },
       "/groups/0/evidence/notes"},
      {"partitions", [](json& d) { d["groups"][0]["partitions"][0] = nullptr; },
       "/groups/0/partitions has an element"},
      {"outcome", [&](json& d) { partition(d)["outcome"] = "fine"; },
       "/groups/0/partitions/2/outcome is 'fine'"},
      {"offset", [&](json& d) { partition(d)["kafka_offset"] = "12"; },
       "/groups/0/partitions/2/kafka_offset"},
      {"negative", [&](json& d) { partition(d)["kafka_offset"] = -1; },
       "/groups/0/partitions/2/kafka_offset is -1"},
      {"fraction", [&](json& d) { partition(d)["kafka_offset"] = 1.5; },
       "/groups/0/partitions/2/kafka_offset"},
      {"too large", [&](json& d) { partition(d)["kafka_offset"] = 9'223'372'036'854'775'808U; },
       "/groups/0/partitions/2/kafka_offset"},
      {"partition", [&](json& d) { partition(d)["partition"] = 2'147'483'648; },
       "/groups/0/partitions/2/partition"},
      {"missing", [&](json& d) { partition(d).erase("detail"); },
       "/groups/0/partitions/2/detail is missing"},
      {"summary", [](json& d) { d["summary"]["partitions"] = 16; }, "/summary/partitions should be",
       false},
      {"outcomes", [](json& d) { d["summary"]["outcomes"].erase("equal"); },
       "/summary/outcomes/equal is missing"},
      {"exit code", [](json& d) { d["exit_code"] = 0; }, "/exit_code should be", false},
      {"error", [](json& d) { d["error"]["kind"] = "bad"; }, "/error/kind is 'bad'"},
      {"error", [](json& d) { d["error"] = "bad"; }, "/error is not an object"},
  };
  for (const Broken& broken : cases) {
    json document = sample_json();
    broken.change(document);
    const auto read = parse_report(document.dump());
    ASSERT_FALSE(read) << broken.what;
    EXPECT_EQ(read.error().kind, ErrorKind::kUsage);
    EXPECT_NE(read.error().message.find(broken.message_part), std::string::npos)
        << broken.what << ": " << read.error().message;
    EXPECT_EQ(kferry::testing::schema_trouble("report.schema.json", document).empty(),
              !broken.schema_sees_it)
        << broken.what;
  }
}

TEST(ReportJson, NotJson) {
  const std::string text = to_json(kferry::testing::sample_report());
  for (const std::string& broken :
       {std::string(), std::string("[]"), std::string("7"), std::string("\xFF"),
        text.substr(0, text.size() / 2), text.substr(0, text.size() - 3), text + "x",
        std::string(100'000, '['), R"({"a": ")" + std::string(100'000, 'x')}) {
    const auto read = parse_report(broken);
    ASSERT_FALSE(read) << broken.substr(0, 100);
    EXPECT_EQ(read.error().kind, ErrorKind::kUsage);
    EXPECT_LT(read.error().message.size(), 400U);
  }
}

}  // namespace
}  // namespace kferry::verify
