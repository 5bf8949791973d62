// The same workload in ZooKeeper, migrated with the same results on every supported source version.
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/migrate_fixture.h"

namespace kferry::integration {
namespace {

using nlohmann::json;

const std::string kWeird = "weird group \"ü\" %2F:{}";

constexpr const char* kWorkload = R"({"groups": [
  {"group": "v-billing", "layout": "offset-commit-v0", "offsets": {
     "orders": {"0": 10, "1": 20, "2": 0, "3": 100}, "payments": {"0": 5, "1": 50, "2": 49}}},
  {"group": "v-shipping", "layout": "high-level-consumer", "offsets": {
     "orders": {"0": 1, "1": 2, "2": 3, "3": 4}}},
  {"group": "v-web", "layout": "kafka-node", "offsets": {"payments": {"0": 7, "2": 9}}},
  {"group": "v-go", "layout": "wvanbergen", "offsets": {"clicks": {"0": 150, "1": 200}}},
  {"group": "weird group \"ü\" %2F:{}", "layout": "offset-commit-v0",
   "offsets": {"clicks": {"0": 11, "1": 12}}}]})";

// What must stand in Kafka afterwards, on every version.
const std::map<std::string, Offsets>& expected_offsets() {
  static const std::map<std::string, Offsets> table{
      {"v-billing",
       {{"orders-0", 10},
        {"orders-1", 20},
        {"orders-2", 0},
        {"orders-3", 100},
        {"payments-0", 5},
        {"payments-1", 50},
        {"payments-2", 49}}},
      {"v-shipping", {{"orders-0", 1}, {"orders-1", 2}, {"orders-2", 3}, {"orders-3", 4}}},
      {"v-web", {{"payments-0", 7}, {"payments-2", 9}}},
      {"v-go", {{"clicks-0", 150}, {"clicks-1", 200}}},
      {kWeird, {{"clicks-0", 11}, {"clicks-1", 12}}}};
  return table;
}

// Every partition is new in Kafka; payments-1 of v-web has no offset in ZooKeeper.
Rows expected_rows(const std::string& group, std::string_view outcome) {
  Rows rows;
  for (const auto& [partition, offset] : expected_offsets().at(group))
    rows[partition] = outcome == "migrated" ? fmt::format("create migrated none>{}", offset)
                                            : "create pending none>none";
  if (group == "v-web") rows["payments-1"] = "no_offset no_offset none>none";
  return rows;
}

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

std::vector<std::string> with_groups(std::vector<std::string> arguments) {
  for (const auto& [group, offsets] : expected_offsets())
    arguments.insert(arguments.end(), {"--group", group});
  return arguments;
}

// The layout that the report must have, which a report of any version has (docs/schemas).
void expect_sound(const KferryRun& run) {
  ASSERT_FALSE(run.report.is_null()) << run.text();
  EXPECT_EQ(run.report["schema"], "kferry/diff-report/v1");
  EXPECT_EQ(run.report["exit_code"], run.exit_code());
  EXPECT_EQ(keys_of(run.report),
            (std::vector<std::string>{"error", "executed", "exit_code", "generated_at", "groups",
                                      "schema", "source", "summary", "tool_version", "verb"}));
  std::map<std::string, int64_t> counts;
  int64_t partitions = 0;
  for (const json& group : run.report["groups"]) {
    EXPECT_EQ(keys_of(group),
              (std::vector<std::string>{"convention", "detail", "evidence", "expires_at", "group",
                                        "layout", "partitions", "team"}));
    for (const json& row : group["partitions"]) {
      ++counts[row["outcome"]];
      ++partitions;
      EXPECT_EQ(row["log_start_offset"], 0) << row;
      EXPECT_TRUE(row["log_end_offset"].is_number()) << row;
    }
  }
  EXPECT_EQ(run.report["summary"]["partitions"], partitions);
  EXPECT_EQ(run.report["summary"]["groups"], run.report["groups"].size());
  int64_t total = 0;
  for (const auto& [outcome, count] : run.report["summary"]["outcomes"].items()) {
    EXPECT_EQ(count, counts[outcome]) << outcome;
    total += count.get<int64_t>();
  }
  EXPECT_EQ(total, partitions);
}

void expect_in_kafka(Site& site, bool migrated) {
  for (const auto& [group, offsets] : expected_offsets())
    EXPECT_EQ(site.committed(group), migrated ? offsets : Offsets{}) << group;
}

class MigrateVersions : public testing::TestWithParam<const char*> {};

void scan(Site& site) {
  const KferryRun run = site.run({"scan", "--format", "json"});
  ASSERT_EQ(run.exit_code(), 0) << run.text();
  const json scan = json::parse(run.process.out);
  EXPECT_EQ(scan["schema"], "kferry/scan/v1");
  size_t found = 0;
  for (const json& group : scan["groups"]) {
    const auto expected = expected_offsets().find(group["group"]);
    if (expected == expected_offsets().end()) continue;
    ++found;
    Offsets offsets;
    for (const json& row : group["partitions"]) {
      const std::string name =
          fmt::format("{}-{}", row["topic"].get<std::string>(), row["partition"].get<int>());
      offsets[name] = row["zookeeper_offset"];
      EXPECT_EQ(row["lag"].get<int64_t>(), row["log_end_offset"].get<int64_t>() - offsets[name]);
      EXPECT_TRUE(row["kafka_offset"].is_null()) << row;
    }
    EXPECT_EQ(offsets, expected->second) << group["group"];
  }
  EXPECT_EQ(found, expected_offsets().size());
}

void plan_and_look(Site& site, const std::string& plan_file) {
  const KferryRun plan = site.run(with_groups({"plan", "--out", plan_file}));
  ASSERT_EQ(plan.exit_code(), 3) << plan.text();
  expect_sound(plan);
  const KferryRun dry = site.run({"migrate", "--plan", plan_file});
  ASSERT_EQ(dry.exit_code(), 3) << dry.text();
  const KferryRun one_shot = site.run(with_groups({"migrate"}));
  ASSERT_EQ(one_shot.exit_code(), 3) << one_shot.text();
  for (const KferryRun* run : {&plan, &dry, &one_shot}) {
    EXPECT_EQ(run->report["executed"], false);
    EXPECT_FALSE(std::filesystem::exists(run->journal()));
    for (const auto& [group, offsets] : expected_offsets())
      EXPECT_EQ(run->rows(group), expected_rows(group, "pending")) << group;
  }
  expect_in_kafka(site, false);
}

void expect_evidence(const json& group, bool group_protocol) {
  const json& evidence = group["evidence"];
  EXPECT_EQ(evidence["registered_consumers"], 0);
  EXPECT_EQ(evidence["owned_partitions"], 0);
  EXPECT_EQ(evidence["kafka_members"], 0);
  EXPECT_EQ(evidence["samples"], 3);
  EXPECT_EQ(evidence["changed_nodes"], 0);
  EXPECT_EQ(evidence["reads"], "zookeeper+broker");
  if (group_protocol) {
    EXPECT_NE(evidence["kafka_group_state"], "");
  }
}

void execute(Site& site, const std::vector<std::string>& arguments, bool group_protocol) {
  const KferryRun run = site.run(arguments);
  ASSERT_EQ(run.exit_code(), 0) << run.text();
  expect_sound(run);
  EXPECT_EQ(run.report["verb"], "migrate");
  EXPECT_EQ(run.report["executed"], true);
  EXPECT_TRUE(run.report["error"].is_null());
  EXPECT_EQ(run.report["source"]["zookeeper"], site.environment().zookeeper_connect());
  for (const auto& [group, offsets] : expected_offsets()) {
    EXPECT_EQ(run.rows(group), expected_rows(group, "migrated")) << group;
    expect_evidence(run.group(group), group_protocol);
    EXPECT_EQ(run.group(group)["convention"], "next");
  }
  expect_in_kafka(site, true);
}

void verify(Site& site, const std::vector<std::string>& arguments) {
  const KferryRun run = site.run(arguments);
  ASSERT_EQ(run.exit_code(), 0) << run.text();
  expect_sound(run);
  EXPECT_EQ(run.report["verb"], "verify");
  for (const auto& [group, offsets] : expected_offsets())
    for (const auto& [partition, offset] : offsets)
      EXPECT_NE(run.rows(group)[partition].find(fmt::format("equal {0}>{0}", offset)),
                std::string::npos)
          << group << " " << partition << ": " << run.rows(group)[partition];
}

TEST_P(MigrateVersions, SameWorkloadSameResults) {
  Site& site = site_of(GetParam());
  site.load(json::parse(kWorkload));
  const std::string plan = site.file("versions.plan.json");
  scan(site);
  if (HasFailure()) return;
  plan_and_look(site, plan);
  if (HasFailure()) return;
  execute(site, {"migrate", "--plan", plan, "--execute"}, true);
  if (HasFailure()) return;
  verify(site, {"verify", "--plan", plan});
  verify(site, with_groups({"verify"}));
}

INSTANTIATE_TEST_SUITE_P(Sources, MigrateVersions,
                         testing::Values("3.9.1", "2.8.2", "1.1.1", "0.9.0.1"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

// 0.8 has offset commits, but no members.
TEST(MigrateVersions08, NeedsSimpleCommitsAndSaysSo) {
  Site& site = site_of("0.8.2.2");
  site.load(json::parse(kWorkload));
  const std::string plan = site.file("versions.plan.json");
  plan_and_look(site, plan);
  if (HasFailure()) return;

  const KferryRun refused = site.run({"migrate", "--plan", plan, "--execute"});
  EXPECT_NE(refused.exit_code(), 0);
  EXPECT_NE(refused.exit_code(), 3);
  EXPECT_NE((refused.process.out + refused.process.err).find("--commit-mode simple"),
            std::string::npos)
      << refused.text();
  expect_in_kafka(site, false);
  if (HasFailure()) return;

  execute(site, {"migrate", "--plan", plan, "--execute", "--commit-mode", "simple"}, false);
  if (HasFailure()) return;
  verify(site, {"verify", "--plan", plan});
}

}  // namespace
}  // namespace kferry::integration
