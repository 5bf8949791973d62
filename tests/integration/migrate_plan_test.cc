// A plan is applied to what it was made for, or not at all; and the way back.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/migrate_fixture.h"

namespace kferry::integration {
namespace {

using nlohmann::json;

const json kClicks = json::parse(R"({"clicks": {"0": 10, "1": 20}})");
const Offsets kMigrated{{"clicks-0", 10}, {"clicks-1", 20}};

class MigratePlan : public testing::Test {
 protected:
  Site& site() { return site_of("3.9.1"); }

  // Offsets in ZooKeeper, and a plan for them; its file.
  std::string plan(const std::string& group, const json& offsets = kClicks) {
    site().write_zookeeper(group, offsets);
    std::string file = site().file(group + ".plan.json");
    const KferryRun run = site().run({"plan", "--group", group, "--out", file});
    EXPECT_EQ(run.exit_code(), 3) << run.text();
    return file;
  }

  KferryRun apply(const std::string& file, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"migrate", "--plan", file, "--execute"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return site().run(arguments);
  }

  // The plan is refused for `reason`, and the group is as it was.
  void expect_refused(const std::string& file, const std::string& group, const std::string& reason,
                      const Offsets& untouched) {
    const KferryRun run = apply(file);
    EXPECT_EQ(run.exit_code(), 4) << run.text();
    const std::string said = run.process.out + run.process.err + run.details(group);
    EXPECT_NE(said.find(reason), std::string::npos) << run.text();
    EXPECT_EQ(site().committed(group), untouched);
    EXPECT_TRUE(site().members(group).empty());
  }
};

TEST_F(MigratePlan, AppliedTwice) {
  const std::string file = plan("p-twice");
  const KferryRun first = apply(file);
  ASSERT_EQ(first.exit_code(), 0) << first.text();
  const KferryRun second = apply(file);
  EXPECT_EQ(second.exit_code(), 0) << second.text();
  EXPECT_EQ(second.report["summary"]["outcomes"]["equal"], 2) << second.text();
  EXPECT_EQ(second.report["summary"]["outcomes"]["migrated"], 0);
  EXPECT_EQ(site().committed("p-twice"), kMigrated);
}

TEST_F(MigratePlan, AZnodeThatChangedIsDrift) {
  const std::string file = plan("p-znode");
  // The same number again is a change too: somebody still commits.
  site().write_zookeeper("p-znode", {{"clicks", {{"1", 20}}}});
  expect_refused(file, "p-znode", "/consumers/p-znode/offsets/clicks/1 was changed", {});
  const std::string advanced = plan("p-znode");
  site().write_zookeeper("p-znode", {{"clicks", {{"0", 11}}}});
  expect_refused(advanced, "p-znode", "/consumers/p-znode/offsets/clicks/0 was changed", {});
}

TEST_F(MigratePlan, AnOffsetInKafkaThatChangedIsDrift) {
  const std::string file = plan("p-kafka");
  site().commit("p-kafka", {{"clicks-0", 3}});
  expect_refused(file, "p-kafka", "Kafka's offset was none when the plan was made and is 3 now",
                 {{"clicks-0", 3}});
}

TEST_F(MigratePlan, ARecreatedTopicIsDrift) {
  const json topic = json::parse(R"([{"name": "recreated", "partitions": 1, "records": 50}])");
  site().load({{"topics", topic}});
  const std::string file = plan("p-recreated", {{"recreated", {{"0", 10}}}});
  site().load({{"delete_topics", {"recreated"}}});
  site().load({{"topics", topic}});
  expect_refused(file, "p-recreated", "topic 'recreated' was deleted or created anew", {});
}

TEST_F(MigratePlan, ForAnotherClusterOrEditedIsRefused) {
  const std::string file = plan("p-foreign");
  Site& other = site_of("2.8.2");
  const std::string elsewhere = other.environment().bootstrap_servers();
  const KferryRun foreign = apply(file, {"--bootstrap-server", elsewhere});
  EXPECT_EQ(foreign.exit_code(), 4) << foreign.text();
  EXPECT_NE(foreign.process.err.find(site().environment().source_cluster_id()), std::string::npos)
      << foreign.text();
  EXPECT_NE(foreign.process.err.find(other.environment().source_cluster_id()), std::string::npos)
      << foreign.text();
  EXPECT_EQ(other.committed("p-foreign"), Offsets{});
  // ZooKeeper of one cluster, brokers of the other.
  const KferryRun mixed =
      site().run({"migrate", "--group", "p-foreign", "--execute", "--bootstrap-server", elsewhere});
  EXPECT_EQ(mixed.exit_code(), 4) << mixed.text();

  const std::string original = read_text(file);
  for (const auto& [from, to] : std::map<std::string, std::string>{
           {"\"target\":10", "\"target\":11"}, {"\"target\": 10", "\"target\": 11"}}) {
    std::string text = original;
    const size_t at = text.find(from);
    if (at == std::string::npos) continue;
    write_text(file, text.replace(at, from.size(), to));
  }
  ASSERT_NE(read_text(file), original) << original;
  expect_refused(file, "p-foreign", "edited", {});
}

class MigrateRollback : public MigratePlan {
 protected:
  KferryRun rollback(const KferryRun& of, bool execute) {
    std::vector<std::string> arguments{"rollback", "--journal", of.journal()};
    if (execute) arguments.emplace_back("--execute");
    return site().run(arguments);
  }
};

TEST_F(MigrateRollback, RestoresWhatWasAndDeletesWhatWasNot) {
  site().commit("b-both", {{"clicks-0", 3}});
  const KferryRun run = apply(plan("b-both"));
  ASSERT_EQ(run.exit_code(), 0) << run.text();
  ASSERT_EQ(run.rows("b-both"),
            (Rows{{"clicks-0", "advance migrated 3>10"}, {"clicks-1", "create migrated none>20"}}));
  const KferryRun dry = rollback(run, false);
  EXPECT_EQ(dry.exit_code(), 3) << dry.text();
  EXPECT_EQ(dry.report["executed"], false);
  EXPECT_EQ(dry.report["summary"]["outcomes"]["pending"], 2);
  EXPECT_EQ(site().committed("b-both"), kMigrated);

  const KferryRun back = rollback(run, true);
  EXPECT_EQ(back.exit_code(), 0) << back.text();
  EXPECT_EQ(back.rows("b-both"),
            (Rows{{"clicks-0", "advance restored 10>3"}, {"clicks-1", "create deleted 20>none"}}));
  EXPECT_EQ(site().committed("b-both"), (Offsets{{"clicks-0", 3}}));
  EXPECT_EQ(rollback(run, true).exit_code(), 2);

  // The receipts went too: nothing claims that the group was migrated.
  const KferryRun again = site().run({"migrate", "--group", "b-both", "--execute"});
  EXPECT_EQ(again.exit_code(), 0) << again.text();
  EXPECT_EQ(site().committed("b-both"), kMigrated);
}

TEST_F(MigrateRollback, LeavesAloneWhatHasMovedOn) {
  const KferryRun run = apply(plan("b-moved"));
  ASSERT_EQ(run.exit_code(), 0) << run.text();
  {
    LiveMember member(site().properties(), "b-moved", "clicks", "new-app");
    const KferryRun alive = rollback(run, true);
    EXPECT_EQ(alive.exit_code(), 4) << alive.text();
    EXPECT_NE(alive.details("b-moved").find("new-app"), std::string::npos) << alive.text();
    EXPECT_EQ(site().committed("b-moved"), kMigrated);
    member.commit({{"clicks-0", 77}});
  }
  const KferryRun back = rollback(run, true);
  EXPECT_EQ(back.exit_code(), 4) << back.text();
  EXPECT_EQ(back.rows("b-moved"),
            (Rows{{"clicks-0", "create refused 77>77"}, {"clicks-1", "create deleted 20>none"}}));
  EXPECT_EQ(site().committed("b-moved"), (Offsets{{"clicks-0", 77}}));
}

}  // namespace
}  // namespace kferry::integration
