// Bad input in ZooKeeper: every partition gets its verdict, the good ones are migrated all the
// same, and nothing is committed for the others.
#include <memory>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/integration/trouble_fixture.h"

namespace kferry::trouble {
namespace {

using testenv::Environment;
using testenv::run_kferry;

constexpr const char* kOdd = "odd name: \u00fc%20{}'\"\u20ac";

// "orders" has 100 records in each of 6 partitions; the log of partition 3 starts at 40.
constexpr const char* kWorkload = R"({
  "topics": [
    {"name": "orders", "partitions": 6, "records": 100, "log_start": {"3": 40}},
    {"name": "payments", "partitions": 2, "records": 50},
    {"name": "deleted", "partitions": 1, "records": 5}],
  "delete_topics": ["deleted"],
  "groups": [
    {"group": "broken", "layout": "offset-commit-v0", "offsets": {"orders": {"0": 11}},
     "raw": {"orders": {"1": "abc", "2": "-5", "3": "", "4": "9223372036854775808"}}},
    {"group": "ranges", "offsets": {"orders": {"0": 12, "3": 39, "4": 101, "5": 100}}},
    {"group": "ranges-clamp", "offsets": {"orders": {"0": 12, "3": 39, "4": 101}}},
    {"group": "ranges-skip", "offsets": {"orders": {"0": 12, "3": 39, "4": 101}}},
    {"group": "gone", "offsets": {"orders": {"0": 13, "9": 7}, "deleted": {"0": 5}}},
    {"group": "gone-skip", "offsets": {"orders": {"0": 13, "9": 7}, "deleted": {"0": 5}}},
    {"group": "split", "offsets": {"orders": {"0": 14, "1": 20, "2": 30}}},
    {"group": "split-min", "offsets": {"orders": {"0": 14, "1": 20, "2": 30}}},
    {"group": "split-max", "offsets": {"orders": {"0": 14, "1": 20, "2": 30}}},
    {"group": "split-zookeeper", "offsets": {"orders": {"0": 14, "1": 20, "2": 30}}},
    {"group": "ancient", "layout": "kafka-0.7", "offsets": {"payments": {"0": 1234567}}},
    {"group": "ancient", "offsets": {"orders": {"0": 15}}},
    {"group": "locked", "offsets": {"orders": {"0": 17, "1": 18}}},
    {"group": "locked-topic", "offsets": {"orders": {"0": 19}, "payments": {"0": 20}}},
    {"group": "locked-tree", "offsets": {"orders": {"0": 21}}}
  ]})";

// What brokers 1.1.0 wrote beside it: partition 1 differs, partition 2 is behind.
constexpr const char* kMisplaced = R"({"orders": {"0": 14, "1": 25, "2": 28}})";

constexpr const char* kLock = R"(
zk.set('/consumers/broken/offsets/orders/4', b'9223372036854775808')
zk.create('/consumers/broken/offsets/orders/5', b'7' * 1000000)
mine = [make_digest_acl('admin', 'secret', all=True)]
for path in ('locked/offsets/orders/1', 'locked-topic/offsets/payments', 'locked-tree/offsets'):
    zk.set_acls('/consumers/' + path, mine)
)";

class TroubleInput : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    env = std::make_unique<Environment>(Environment::start({.chroot = "/kafka"}));
    Json workload = Json::parse(kWorkload);
    workload["groups"].push_back(Json{{"group", kOdd}, {"offsets", {{"orders", {{"0", 16}}}}}});
    env->workload(workload);
    Json misplaced = {{"groups", Json::array()}};
    for (const char* group : {"split", "split-min", "split-max", "split-zookeeper"})
      misplaced["groups"].push_back(
          Json{{"group", group}, {"layout", "offset-1.1.0"}, {"offsets", Json::parse(kMisplaced)}});
    env->workload(misplaced);
    with_kazoo(env->zookeeper_connect(), kLock);
  }
  static void TearDownTestSuite() { env.reset(); }

  testenv::ProcessResult kferry(const Arguments& arguments) {
    return run_kferry(arguments + connections(*env) + Arguments{"--report", report_path});
  }
  // Migrates one group, with `policy` as further arguments.
  int migrate(const std::string& group, const Arguments& policy) {
    const auto done = kferry(Arguments{"migrate", "--execute"} + quick({group}) + policy);
    report = read_json(report_path);
    return done.exit_code;
  }
  std::string ending_of(const std::string& group, int partition,
                        const std::string& topic = "orders") const {
    return ending(report, group, topic, partition);
  }

  inline static std::unique_ptr<Environment> env;
  const Folder folder;
  const std::string report_path = folder / "report.json";
  Json report;
};

struct Trouble {
  std::string group;
  std::string topic;
  int partition;
  std::string verdict;
  std::string detail;  // part of it
};

const std::vector<Trouble>& troubles() {
  static const std::vector<Trouble> table = {
      {"broken", "orders", 1, "unparsable", "abc"},
      {"broken", "orders", 2, "unparsable", "-5"},
      {"broken", "orders", 3, "unparsable", "empty"},
      {"broken", "orders", 4, "unparsable", "9223372036854775808"},
      {"broken", "orders", 5, "unparsable", "777777..."},
      {"ranges", "orders", 3, "before_log_start", "39 is before the log's start 40"},
      {"ranges", "orders", 4, "after_log_end", "101 is after the log's end 100"},
      {"gone", "orders", 9, "missing_partition", "only 6 partitions"},
      {"gone", "deleted", 0, "missing_topic", "no such topic"},
      {"split", "orders", 1, "conflict", "the znode has 20, /consumers/split/offset"},
      {"split", "orders", 2, "conflict", "has 28"},
      {"ancient", "payments", 0, "unparsable", "Kafka 0.7"},
      {"locked", "orders", 1, "denied", "denied by its ACL"},
      {"locked-topic", "payments", 0, "denied", "denied by its ACL"},
      {"locked-topic", "payments", 1, "denied", "denied by its ACL"},
  };
  return table;
}

const std::vector<std::string>& troubled_groups() {
  static const std::vector<std::string> groups = {"broken",  "ranges", "gone",         "split",
                                                  "ancient", "locked", "locked-topic", kOdd};
  return groups;
}

void expect_refusals(const Json& report) {
  for (const Trouble& one : troubles()) {
    SCOPED_TRACE(fmt::format("{} {}-{}", one.group, one.topic, one.partition));
    const Json row = row_of(report, one.group, one.topic, one.partition);
    ASSERT_FALSE(row.is_null());
    EXPECT_EQ(row.at("outcome"), "refused");
    EXPECT_EQ(row.at("verdict"), one.verdict);
    EXPECT_TRUE(contains(row.at("detail").get<std::string>(), one.detail));
    EXPECT_LT(row.at("detail").get<std::string>().size(), 300U);
  }
}

TEST_F(TroubleInput, ScanShowsWhatItCannotUse) {
  const auto done = run_kferry(Arguments{"scan", "--format", "json"} + connections(*env));
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const Json scan = Json::parse(done.out);
  for (int partition = 1; partition <= 5; ++partition) {
    const Json row = row_of(scan, "broken", "orders", partition);
    EXPECT_TRUE(row.at("zookeeper_offset").is_null());
    EXPECT_NE(row.at("problem"), "");
    EXPECT_LE(row.at("problem").get<std::string>().size(), 60U);
  }
  EXPECT_EQ(row_of(scan, kOdd, "orders", 0).at("zookeeper_offset"), 16);
  EXPECT_EQ(row_of(scan, "ranges", "orders", 4).at("lag"), -1);
  EXPECT_TRUE(contains(group_of(scan, "ancient").at("problems").dump(), "Kafka 0.7"));
  EXPECT_TRUE(contains(group_of(scan, "locked").at("problems").dump(),
                       "/consumers/locked/offsets/orders/1: reading is denied by its ACL"));
}

TEST_F(TroubleInput, ScanTableSaysWhy) {
  const auto done = run_kferry(Arguments{"scan"} + connections(*env));
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_TRUE(matches(done.out, "ranges +orders +3 +39 .*before the log's start"));
  EXPECT_TRUE(matches(done.out, "ranges +orders +4 +101 .*after the log's end"));
  EXPECT_TRUE(matches(done.out, "gone +deleted +0 +5 .*the topic does not exist"));
  EXPECT_TRUE(matches(done.out, "gone +orders +9 +7 .*the partition does not exist"));
  EXPECT_TRUE(matches(done.out, "broken +orders +3 +- .*empty"));
}

TEST_F(TroubleInput, PlanRefusesEachWithItsReason) {
  const auto done =
      kferry(Arguments{"plan", "--out", folder / "plan.json"} + quick(troubled_groups()));
  EXPECT_EQ(done.exit_code, 7) << done.err;
  report = read_json(report_path);
  ASSERT_FALSE(report.is_null());
  EXPECT_EQ(report.at("exit_code"), 7);
  EXPECT_FALSE(report.at("executed").get<bool>());
  expect_refusals(report);
  EXPECT_EQ(read_json(folder / "plan.json").at("groups").size(), troubled_groups().size());
}

TEST_F(TroubleInput, GoodPartitionsOfTheSameGroupsAreMigrated) {
  const auto done = kferry(Arguments{"migrate", "--execute"} + quick(troubled_groups()));
  EXPECT_EQ(done.exit_code, 7) << done.err;
  report = read_json(report_path);
  ASSERT_FALSE(report.is_null());
  EXPECT_TRUE(report.at("executed").get<bool>());
  EXPECT_TRUE(contains(report.at("error").dump(), "denied by its ACL; kferry is not logged in"));
  expect_refusals(report);
  const std::map<std::string, Offsets> good = {
      {"broken", {{at("orders", 0), 11}}},
      {"ranges", {{at("orders", 0), 12}, {at("orders", 5), 100}}},
      {"gone", {{at("orders", 0), 13}}},
      {"split", {{at("orders", 0), 14}}},
      {"ancient", {{at("orders", 0), 15}}},
      {kOdd, {{at("orders", 0), 16}}},
      {"locked", {{at("orders", 0), 17}}},
      {"locked-topic", {{at("orders", 0), 19}}},
  };
  std::vector<TopicPartition> all = partitions_of("orders", 6);
  for (const TopicPartition& one : partitions_of("payments", 2)) all.push_back(one);
  for (const auto& [group, offsets] : good) {
    EXPECT_EQ(committed(*env, group, all), offsets) << group;
    for (const auto& [partition, offset] : offsets)
      EXPECT_EQ(ending_of(group, partition.partition.value()), "migrated: ") << group;
  }
}

TEST_F(TroubleInput, AGroupOfWhichNothingMayBeReadIsNotDone) {
  EXPECT_EQ(migrate("locked-tree", {}), 7);
  EXPECT_TRUE(contains(report.at("error").dump(), "locked-tree"));
  EXPECT_TRUE(contains(report.at("error").dump(), "/consumers/locked-tree/offsets"));
  EXPECT_EQ(committed(*env, "locked-tree", partitions_of("orders", 6)), Offsets{});
}

TEST_F(TroubleInput, OnRangeClampStartsAtTheLogsEdge) {
  EXPECT_EQ(migrate("ranges-clamp", {"--on-range", "clamp"}), 0);
  EXPECT_TRUE(contains(ending_of("ranges-clamp", 3), "migrated: clamped from 39"));
  EXPECT_TRUE(contains(ending_of("ranges-clamp", 4), "migrated: clamped from 101"));
  const Offsets expected = {{at("orders", 0), 12}, {at("orders", 3), 40}, {at("orders", 4), 100}};
  EXPECT_EQ(committed(*env, "ranges-clamp", partitions_of("orders", 6)), expected);
  EXPECT_EQ(migrate("ranges-clamp", {"--on-range", "clamp"}), 0) << "again: nothing to do";
}

TEST_F(TroubleInput, OnRangeSkipLeavesThemOut) {
  EXPECT_EQ(migrate("ranges-skip", {"--on-range", "skip"}), 0);
  EXPECT_TRUE(contains(ending_of("ranges-skip", 3), "skipped: 39 is before"));
  EXPECT_TRUE(contains(ending_of("ranges-skip", 4), "skipped: 101 is after"));
  const Offsets expected = {{at("orders", 0), 12}};
  EXPECT_EQ(committed(*env, "ranges-skip", partitions_of("orders", 6)), expected);
}

TEST_F(TroubleInput, OnMissingSkipLeavesThemOut) {
  EXPECT_EQ(migrate("gone-skip", {"--on-missing", "skip"}), 0);
  EXPECT_TRUE(contains(ending_of("gone-skip", 9), "skipped: "));
  EXPECT_TRUE(contains(ending_of("gone-skip", 0, "deleted"), "skipped: "));
  const Offsets expected = {{at("orders", 0), 13}};
  EXPECT_EQ(committed(*env, "gone-skip", partitions_of("orders", 6)), expected);
}

TEST_F(TroubleInput, OnConflictChooses) {
  const std::map<std::string, std::pair<int64_t, int64_t>> chosen = {
      {"min", {20, 28}}, {"max", {25, 30}}, {"zookeeper", {20, 30}}};
  for (const auto& [policy, offsets] : chosen) {
    SCOPED_TRACE(policy);
    const std::string group = "split-" + policy;
    EXPECT_EQ(migrate(group, {"--on-conflict", policy}), 0);
    EXPECT_TRUE(contains(ending_of(group, 1),
                         fmt::format("took {} (--on-conflict {})", offsets.first, policy)));
    const Offsets expected = {
        {at("orders", 0), 14}, {at("orders", 1), offsets.first}, {at("orders", 2), offsets.second}};
    EXPECT_EQ(committed(*env, group, partitions_of("orders", 6)), expected);
  }
}

}  // namespace
}  // namespace kferry::trouble
