#include "migrate/plan_file.h"

#include <functional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "../verify/golden.h"
#include "../verify/schema.h"
#include "planner_fixture.h"
#include "wire/digest.h"

namespace kferry::migrate {
namespace {

using kferry::testing::OnePartition;
using nlohmann::json;

Plan sample_plan() {
  OnePartition facts(50);
  facts.add_partition(1, 0, 30).kafka_has(20);
  facts.group().team = "payments";
  facts.group().zookeeper.problems = {"a \"problem\""};
  facts.facts.topics[kferry::testing::kOrders].topic_id = {0xAB, 1};
  facts.facts.offsets_retention_ms = 604'800'000;
  facts.facts.groups.push_back(kferry::testing::quiet_group("t\xC3\xA4glich"));
  return facts.plan();
}

std::string sample_text() {
  Plan plan = sample_plan();
  return to_json(plan);
}

TEST(Names, EveryValueHasANameOfItsOwn) {
  for (int i = 0; i <= static_cast<int>(Verdict::kConflict); ++i)
    EXPECT_EQ(parse_verdict(to_string(static_cast<Verdict>(i))), static_cast<Verdict>(i));
  for (int i = 0; i <= static_cast<int>(Action::kRefuse); ++i)
    EXPECT_EQ(parse_action(to_string(static_cast<Action>(i))), static_cast<Action>(i));
  for (int i = 0; i <= static_cast<int>(ConflictPolicy::kMax); ++i)
    EXPECT_EQ(parse_conflict_policy(to_string(static_cast<ConflictPolicy>(i))),
              static_cast<ConflictPolicy>(i));
  for (int i = 0; i <= static_cast<int>(RangePolicy::kSkip); ++i)
    EXPECT_EQ(parse_range_policy(to_string(static_cast<RangePolicy>(i))),
              static_cast<RangePolicy>(i));
  for (int i = 0; i <= static_cast<int>(MissingPolicy::kSkip); ++i)
    EXPECT_EQ(parse_missing_policy(to_string(static_cast<MissingPolicy>(i))),
              static_cast<MissingPolicy>(i));
  EXPECT_EQ(parse_verdict("good"), std::nullopt);
  EXPECT_EQ(parse_action(""), std::nullopt);
  EXPECT_EQ(parse_conflict_policy("Fail"), std::nullopt);
}

TEST(Digest, KnownAnswers) {  // FIPS 180-4 examples
  EXPECT_EQ(wire::sha256_hex(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(wire::sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  wire::Sha256 pieces;
  pieces.update("a");
  pieces.update("");
  pieces.update("bc");
  EXPECT_EQ(pieces.hex(), wire::sha256_hex("abc"));
}

TEST(PlanFile, Golden) {
  kferry::testing::expect_golden("plan.json", sample_text());
}

TEST(PlanFile, ReadsWhatItWrites) {
  Plan plan = sample_plan();
  const std::string text = to_json(plan);
  EXPECT_EQ(plan.id.size(), 64U);
  auto read = parse_plan(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->id, plan.id);
  EXPECT_EQ(to_json(*read), text);
  ASSERT_EQ(read->groups.size(), 2U);
  EXPECT_EQ(read->groups[0].partitions.size(), 2U);
  EXPECT_EQ(read->groups[0].partitions[0].target, Offset(50));
  EXPECT_EQ(read->groups[0].partitions[0].kafka_metadata_before, "made by a client");
  EXPECT_EQ(read->groups[0].warnings, std::vector<std::string>{"a \"problem\""});
  EXPECT_EQ(read->topic_ids, plan.topic_ids);
  EXPECT_TRUE(read->groups[1].partitions.empty());
}

TEST(PlanFile, SaysWhereAnExternalGroupIsKept) {
  Plan plan = sample_plan();
  plan.groups[0].layout = zkoffsets::Layout::kSparkCsv;
  plan.groups[0].external = {
      {plan.groups[0].group, zkoffsets::Layout::kSparkCsv, "/spark/orders", TopicName("orders")},
      {plan.groups[0].group, zkoffsets::Layout::kSparkCsv, "/p/{partition}", {}, "/a"}};
  const auto read = parse_plan(to_json(plan));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->groups[0].external.size(), 2U);
  EXPECT_EQ(read->groups[0].external[0].path, "/spark/orders");
  EXPECT_EQ(read->groups[0].external[0].topic, TopicName("orders"));
  EXPECT_EQ(read->groups[0].external[0].layout, zkoffsets::Layout::kSparkCsv);
  EXPECT_EQ(read->groups[0].external[0].offset_pointer, std::nullopt);
  EXPECT_EQ(read->groups[0].external[1].topic, TopicName());
  EXPECT_EQ(read->groups[0].external[1].offset_pointer, "/a");
  EXPECT_TRUE(read->groups[1].external.empty());
}

TEST(PlanFile, OffsetsThatWereReadThroughTheBrokers) {
  OnePartition facts(50);
  facts.facts.zookeeper.clear();
  facts.node().node = {};
  Plan plan = facts.plan();
  const std::string text = to_json(plan);
  EXPECT_EQ(kferry::testing::schema_trouble("plan.schema.json", json::parse(text)), "");
  const auto read = parse_plan(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->source.zookeeper, "");
  EXPECT_EQ(read->groups[0].evidence.reads, "broker");
  EXPECT_EQ(read->groups[0].evidence.owned_partitions, std::nullopt);
}

TEST(PlanFile, FitsTheSchema) {
  EXPECT_EQ(kferry::testing::schema_trouble("plan.schema.json", json::parse(sample_text())), "");
  Plan empty;
  EXPECT_EQ(kferry::testing::schema_trouble("plan.schema.json", json::parse(to_json(empty))), "");
}

TEST(PlanFile, EqualPlansHaveEqualIdsAndOthersNot) {
  Plan one = sample_plan();
  Plan two = sample_plan();
  EXPECT_EQ(to_json(one), to_json(two));
  two.groups[0].partitions[0].target = Offset(51);
  to_json(two);
  EXPECT_NE(one.id, two.id);
}

TEST(PlanFile, ReformattingIsNoEdit) {
  const auto read = parse_plan(nlohmann::ordered_json::parse(sample_text()).dump());
  EXPECT_TRUE(read) << read.error().message;
}

TEST(PlanFile, AnEditByHandShows) {
  const std::string text = sample_text();
  const std::pair<std::string, std::string> edits[] = {
      {"\"target\": 50", "\"target\": 51"},
      {"\"zookeeper_offset\": 50", "\"zookeeper_offset\": 49"},
      {"\"mzxid\": 100", "\"mzxid\": 101"},
      {"\"kafka_before\": 20", "\"kafka_before\": 21"},
      {"\"on_range\": \"fail\"", "\"on_range\": \"clamp\""},
      {"\"group\": \"billing\"", "\"group\": \"billinG\""},
      {"\"cluster_id\": \"abcDEF\"", "\"cluster_id\": \"abcDEf\""},
      {"ab0100", "ab0200"},
      {"\"id\": \"", "\"id\": \"0"},
  };
  for (const auto& [from, to] : edits) {
    std::string edited = text;
    const size_t at = edited.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    edited.replace(at, from.size(), to);
    const auto read = parse_plan(edited);
    ASSERT_FALSE(read) << to;
    EXPECT_EQ(read.error().kind, ErrorKind::kRefused) << to << read.error().message;
    EXPECT_NE(read.error().hint.find("--on-conflict"), std::string::npos);
  }
}

struct Broken {
  std::string what;
  std::function<void(json&)> change;
  std::string message_part;
  bool schema_sees_it = true;
};

TEST(PlanFile, BrokenDocumentsAreNamed) {
  const auto first = [](json& d) -> json& { return d["groups"][0]["partitions"][0]; };
  const auto second = [](json& d) -> json& { return d["groups"][0]["partitions"][1]; };
  const Broken cases[] = {
      {"schema", [](json& d) { d["schema"] = "kferry/plan/v2"; }, "/schema is 'kferry/plan/v2'"},
      {"report", [](json& d) { d["schema"] = 5; }, "/schema is missing"},
      {"extra", [](json& d) { d["more"] = 1; }, "/more is not a known field"},
      {"no id", [](json& d) { d.erase("id"); }, "/id is missing"},
      {"policy", [](json& d) { d["policies"]["on_range"] = "maybe"; }, "/policies/on_range"},
      {"topic id", [](json& d) { d["topic_ids"]["orders"] = 1; }, "/topic_ids/orders"},
      {"topic ids", [](json& d) { d["topic_ids"] = json::array(); }, "/topic_ids is not an object"},
      {"retention", [](json& d) { d["offsets_retention_ms"] = "7d"; }, "/offsets_retention_ms"},
      {"layout", [](json& d) { d["groups"][0]["layout"] = "x"; }, "/groups/0/layout is 'x'"},
      {"convention", [](json& d) { d["groups"][0]["convention"] = 1; }, "/groups/0/convention"},
      {"warnings", [](json& d) { d["groups"][1]["warnings"] = "x"; }, "/groups/1/warnings"},
      {"object among warnings",
       [](json& d) { d["groups"][1]["warnings"] = json::array({json::object()}); },
       "/groups/1/warnings"},
      {"groups", [](json& d) { d["groups"] = json::object(); }, "/groups is not an array"},
      {"verdict", [&](json& d) { first(d)["verdict"] = "fine"; },
       "/groups/0/partitions/0/verdict is 'fine'"},
      {"action", [&](json& d) { first(d)["action"] = true; }, "/groups/0/partitions/0/action"},
      {"commit without target", [&](json& d) { first(d)["target"] = nullptr; },
       "/groups/0/partitions/0/target is null although"},
      {"target without commit", [&](json& d) { second(d)["target"] = 5; },
       "/groups/0/partitions/1/target is a number although"},
      {"negative target", [&](json& d) { first(d)["target"] = -1; },
       "/groups/0/partitions/0/target is -1"},
      {"commit without znode", [&](json& d) { first(d)["path"] = ""; },
       "/groups/0/partitions/0/action is 'commit' although"},
      {"negative offset", [&](json& d) { first(d)["kafka_before"] = -1; },
       "/groups/0/partitions/0/kafka_before is -1"},
      {"partition", [&](json& d) { first(d)["partition"] = -1; },
       "/groups/0/partitions/0/partition is -1"},
      {"version", [&](json& d) { first(d)["version"] = 3'000'000'000; },
       "/groups/0/partitions/0/version"},
      {"missing", [&](json& d) { second(d).erase("mzxid"); },
       "/groups/0/partitions/1/mzxid is missing"},
  };
  for (const Broken& broken : cases) {
    json document = json::parse(sample_text());
    broken.change(document);
    const auto read = parse_plan(document.dump());
    ASSERT_FALSE(read) << broken.what;
    EXPECT_EQ(read.error().kind, ErrorKind::kUsage) << broken.what;
    EXPECT_NE(read.error().message.find(broken.message_part), std::string::npos)
        << broken.what << ": " << read.error().message;
    EXPECT_FALSE(read.error().hint.empty());
    EXPECT_NE(kferry::testing::schema_trouble("plan.schema.json", document), "") << broken.what;
  }
}

TEST(PlanFile, NestingTakesNoMemory) {
  constexpr size_t kDeep = 1'000'000;
  const auto plan =
      parse_plan(R"({"x":)" + std::string(kDeep, '[') + std::string(kDeep, ']') + "}");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::kUsage);
}

TEST(PlanFile, NotAPlan) {
  const std::string text = sample_text();
  for (const std::string& broken :
       {std::string(), std::string("[]"), std::string("nonsense"), text.substr(0, text.size() / 2),
        text.substr(0, text.size() - 3), text + "{}"}) {
    const auto read = parse_plan(broken);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::kUsage);
  }
}

}  // namespace
}  // namespace kferry::migrate
