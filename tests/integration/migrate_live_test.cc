// Somebody else is there: before, while and after a group is migrated.
#include <csignal>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/migrate_fixture.h"

namespace kferry::integration {
namespace {

using nlohmann::json;

const json kClicks = json::parse(R"({"clicks": {"0": 10, "1": 20}})");
const Offsets kMigrated{{"clicks-0", 10}, {"clicks-1", 20}};
const Rows kAllRefused{{"clicks-0", "create refused none>none"},
                       {"clicks-1", "create refused none>none"}};
const Rows kAllMigrated{{"clicks-0", "create migrated none>10"},
                        {"clicks-1", "create migrated none>20"}};

std::string said(const KferryRun& run) {
  return run.process.out + run.process.err;
}

class MigrateLive : public testing::Test {
 protected:
  Site& site() { return site_of("3.9.1"); }

  // kferry at work on `group`, pausing for `pause_ms` when it holds it; returns when it does.
  testenv::ChildProcess start_and_hold(const std::string& group, int pause_ms) {
    const std::filesystem::path held = site().file(group + ".held");
    arguments_ = site().complete({"migrate", "--group", group, "--execute"});
    auto child = site().start(
        arguments_, {{"KFERRY_TEST_HOOK", fmt::format("touch:group.held:{},pause:group.held:{}",
                                                      held.string(), pause_ms)}});
    EXPECT_TRUE(wait_for_file(held, 30'000)) << child.out() << child.err();
    return child;
  }

  std::vector<std::string> arguments_;  // of what start_and_hold() started
};

TEST_F(MigrateLive, ARegisteredConsumerIsNamed) {
  site().load(
      {{"groups", json::array({{{"group", "l-zk"}, {"live", true}, {"offsets", kClicks}}})}});
  const KferryRun scan = site().run({"scan", "--group", "l-zk", "--format", "json"});
  ASSERT_EQ(scan.exit_code(), 0) << scan.text();
  const json group = json::parse(scan.process.out)["groups"][0];
  ASSERT_EQ(group["registered_consumers"].size(), 1U) << group;
  const std::string consumer = group["registered_consumers"][0];
  ASSERT_TRUE(consumer.starts_with("l-zk_")) << consumer;

  const KferryRun run = site().run({"migrate", "--group", "l-zk", "--execute"});
  EXPECT_EQ(run.exit_code(), 4) << run.text();
  EXPECT_NE(said(run).find(consumer), std::string::npos) << run.text();
  EXPECT_EQ(run.rows("l-zk"), kAllRefused);
  EXPECT_EQ(run.group("l-zk")["evidence"]["registered_consumers"], 1);
  EXPECT_EQ(run.group("l-zk")["evidence"]["owned_partitions"], 2);
  EXPECT_EQ(site().committed("l-zk"), Offsets{});

  site().load({{"stop_live", {"l-zk"}}});
  const KferryRun at_rest = site().run({"migrate", "--group", "l-zk", "--execute"});
  EXPECT_EQ(at_rest.exit_code(), 0) << at_rest.text();
  EXPECT_EQ(site().committed("l-zk"), kMigrated);
}

TEST_F(MigrateLive, ALiveMemberIsNamed) {
  site().write_zookeeper("l-member", kClicks);
  LiveMember member(site().properties(), "l-member", "clicks", "early-bird");
  const std::vector<std::string> members = site().members("l-member");
  ASSERT_EQ(members.size(), 1U);
  const std::string host = members[0].substr(std::string("early-bird").size());
  for (const char* const policy : {"fail", "zookeeper"}) {
    const KferryRun run =
        site().run({"migrate", "--group", "l-member", "--execute", "--on-conflict", policy});
    EXPECT_EQ(run.exit_code(), 4) << run.text();
    EXPECT_NE(said(run).find("early-bird"), std::string::npos) << run.text();
    EXPECT_NE(said(run).find(host), std::string::npos) << run.text();
    EXPECT_EQ(run.rows("l-member"), kAllRefused);
    EXPECT_FALSE(std::filesystem::exists(run.journal()));
  }
  EXPECT_EQ(site().committed("l-member"), Offsets{});
  EXPECT_EQ(site().members("l-member"), members);
}

// Between the plan and its application.
TEST_F(MigrateLive, AMemberThatCameAfterThePlanIsNamed) {
  site().write_zookeeper("l-later", kClicks);
  const std::string plan = site().file("l-later.plan.json");
  ASSERT_EQ(site().run({"plan", "--group", "l-later", "--out", plan}).exit_code(), 3);
  LiveMember member(site().properties(), "l-later", "clicks", "late-bird");
  const KferryRun run = site().run({"migrate", "--plan", plan, "--execute"});
  EXPECT_EQ(run.exit_code(), 4) << run.text();
  EXPECT_NE(said(run).find("late-bird"), std::string::npos) << run.text();
  EXPECT_EQ(run.rows("l-later"), kAllRefused);
  EXPECT_EQ(site().committed("l-later"), Offsets{});
}

// The coordinator sees kferry as the group's only member while it works, and nobody afterwards.
TEST_F(MigrateLive, TheGroupIsHeldAndLeft) {
  site().write_zookeeper("l-held", kClicks);
  auto child = start_and_hold("l-held", 1'000);
  const std::vector<std::string> members = site().members("l-held");
  ASSERT_EQ(members.size(), 1U);
  EXPECT_TRUE(members[0].starts_with("kferry")) << members[0];
  const KferryRun run = Site::finish(child, arguments_);
  EXPECT_EQ(run.exit_code(), 0) << run.text();
  EXPECT_TRUE(site().members("l-held").empty());
  EXPECT_EQ(run.rows("l-held"), kAllMigrated);
  EXPECT_EQ(site().committed("l-held"), kMigrated);
}

TEST_F(MigrateLive, AMemberThatJoinsInTheMiddleStopsIt) {
  site().write_zookeeper("l-middle", kClicks);
  auto child = start_and_hold("l-middle", 9'000);
  // Joins within the pause, and works as if kferry had never been there.
  const Offsets of_the_other{{"clicks-0", 4}, {"clicks-1", 3}};
  LiveMember intruder(site().properties(), "l-middle", "clicks", "intruder");
  EXPECT_EQ(intruder.first_offsets(2), (Offsets{{"clicks-0", 0}, {"clicks-1", 0}}));
  intruder.commit(of_the_other);
  const KferryRun run = Site::finish(child, arguments_);
  EXPECT_EQ(run.exit_code(), 4) << run.text();
  EXPECT_EQ(run.rows("l-middle"), kAllRefused);
  EXPECT_NE(run.details("l-middle").find("intruder"), std::string::npos) << run.text();
  EXPECT_NE(run.details("l-middle").find("127.0.0.1"), std::string::npos) << run.text();
  EXPECT_EQ(site().committed("l-middle"), of_the_other);
}

// Clients such as KafkaEx register nowhere: only their commits show them.
TEST_F(MigrateLive, ACommitInTheQuietPeriodIsNoticed) {
  site().write_zookeeper("l-quiet", kClicks, "offset-commit-v0");
  const auto arguments =
      site().complete({"migrate", "--group", "l-quiet", "--execute", "--quiet-period", "4s"});
  auto child = site().start(arguments);
  std::optional<testenv::ProcessResult> ended;
  for (int offset = 11; offset < 100 && !ended; ++offset) {
    site().write_zookeeper("l-quiet", {{"clicks", {{"0", offset}}}}, "offset-commit-v0");
    ended = child.wait(0);
  }
  const KferryRun run = Site::finish(child, arguments);
  EXPECT_EQ(run.exit_code(), 4) << run.text();
  EXPECT_EQ(run.rows("l-quiet"), kAllRefused);
  EXPECT_NE(run.details("l-quiet").find("/consumers/l-quiet/offsets/clicks/0"), std::string::npos)
      << run.details("l-quiet");
  EXPECT_EQ(run.group("l-quiet")["evidence"]["changed_nodes"], 1);
  EXPECT_EQ(site().committed("l-quiet"), Offsets{});
}

TEST_F(MigrateLive, CtrlCLeavesTheGroupAndResumeFinishes) {
  site().write_zookeeper("l-stopped", kClicks);
  auto child = start_and_hold("l-stopped", 1'500);
  child.send_signal(SIGINT);
  const KferryRun stopped = Site::finish(child, arguments_);
  EXPECT_EQ(stopped.exit_code(), 130) << stopped.text();
  EXPECT_TRUE(site().members("l-stopped").empty());
  EXPECT_EQ(stopped.rows("l-stopped"), (Rows{{"clicks-0", "create not_attempted none>none"},
                                             {"clicks-1", "create not_attempted none>none"}}));
  const std::string how = "--resume --execute --journal " + stopped.journal().string();
  EXPECT_NE(said(stopped).find(how), std::string::npos) << stopped.text();
  EXPECT_EQ(site().committed("l-stopped"), Offsets{});

  const KferryRun resumed =
      site().run({"migrate", "--resume", "--execute", "--journal", stopped.journal()});
  EXPECT_EQ(resumed.exit_code(), 0) << resumed.text();
  EXPECT_EQ(resumed.rows("l-stopped"), kAllMigrated);
  EXPECT_EQ(site().committed("l-stopped"), kMigrated);
}

// From the commit on the few milliseconds that are left are used to finish.
TEST_F(MigrateLive, CtrlCAfterTheCommitFinishesTheGroup) {
  site().write_zookeeper("l-late", kClicks);
  const std::filesystem::path committed = site().file("l-late.committed");
  const auto arguments = site().complete({"migrate", "--group", "l-late", "--execute"});
  auto child = site().start(
      arguments,
      {{"KFERRY_TEST_HOOK", fmt::format("touch:group.after_commit:{},pause:group.after_commit:1000",
                                        committed.string())}});
  ASSERT_TRUE(wait_for_file(committed, 30'000)) << child.out() << child.err();
  child.send_signal(SIGINT);
  const KferryRun run = Site::finish(child, arguments);
  EXPECT_EQ(run.rows("l-late"), kAllMigrated) << run.text();
  EXPECT_TRUE(site().members("l-late").empty());
  EXPECT_EQ(site().committed("l-late"), kMigrated);
}

}  // namespace
}  // namespace kferry::integration
