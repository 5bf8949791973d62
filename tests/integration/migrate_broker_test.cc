// --offset-source broker: all is read by OffsetFetch version 0, and no ZooKeeper is named anywhere.
#include <algorithm>
#include <csignal>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/migrate_fixture.h"

namespace kferry::integration {
namespace {

using nlohmann::json;

const json kClicks = json::parse(R"({"clicks": {"0": 10, "1": 20}})");
const Offsets kMigrated{{"clicks-0", 10}, {"clicks-1", 20}};
const Rows kAllMigrated{{"clicks-0", "create migrated none>10"},
                        {"clicks-1", "create migrated none>20"}};
const Rows kAllRefused{{"clicks-0", "create refused none>none"},
                       {"clicks-1", "create refused none>none"}};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string said(const KferryRun& run) {
  return run.process.out + run.process.err;
}

class MigrateBroker : public testing::Test {
 protected:
  Site& site() { return site_of("3.9.1"); }

  KferryRun run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--offset-source", "broker"});
    return site().run(arguments);
  }
  KferryRun migrate(const std::string& group, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"migrate", "--group", group, "--execute"});
    return run(more);
  }

  // kferry at work on `group`, pausing for `pause_ms` when it holds it; returns when it does.
  testenv::ChildProcess start_and_hold(const std::string& group, int pause_ms) {
    const std::filesystem::path held = site().file(group + ".held");
    arguments_ =
        site().complete({"migrate", "--group", group, "--execute", "--offset-source", "broker"});
    auto child = site().start(
        arguments_, {{"KFERRY_TEST_HOOK", fmt::format("touch:group.held:{},pause:group.held:{}",
                                                      held.string(), pause_ms)}});
    EXPECT_TRUE(wait_for_file(held, 30'000)) << child.out() << child.err();
    return child;
  }

  std::vector<std::string> arguments_;  // of what start_and_hold() started
};

void expect_said_that_consumers_are_not_seen(const KferryRun& run, const std::string& group) {
  EXPECT_TRUE(contains(run.process.out, "could not be looked at")) << run.text();
  EXPECT_TRUE(run.report["source"]["zookeeper"].is_null());
  const json& evidence = run.group(group)["evidence"];
  EXPECT_EQ(evidence["reads"], "broker");
  EXPECT_TRUE(evidence["registered_consumers"].is_null()) << evidence;
  EXPECT_TRUE(evidence["owned_partitions"].is_null()) << evidence;
  EXPECT_TRUE(contains(evidence["notes"].dump(), "registered in ZooKeeper could not")) << evidence;
}

// From the first look to the way back, with no topic named.
TEST_F(MigrateBroker, BothLayoutsThereAndBack) {
  site().write_zookeeper("ob-tree", kClicks);
  site().write_zookeeper("ob-commit", kClicks, "offset-commit-v0");
  site().write_zookeeper("ob-commit", {{"orders", {{"2", 5}}}}, "offset-commit-v0");
  const std::vector<std::string> both{"--group", "ob-tree", "--group", "ob-commit"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), both.begin(), both.end());
    return run(arguments);
  };
  const KferryRun scan = with({"scan", "--format", "json"});
  ASSERT_EQ(scan.exit_code(), 0) << scan.text();
  EXPECT_EQ(json::parse(scan.process.out)["groups"].size(), 2U);
  EXPECT_TRUE(json::parse(scan.process.out)["groups"][0]["registered_consumers"].is_null());
  EXPECT_TRUE(contains(with({"scan"}).process.out, "ZooKeeper not seen"));

  const std::string plan = site().file("b.plan.json");
  const KferryRun planned = with({"plan", "--out", plan});
  ASSERT_EQ(planned.exit_code(), 3) << planned.text();
  expect_said_that_consumers_are_not_seen(planned, "ob-tree");
  EXPECT_TRUE(contains(json::parse(read_text(plan))["groups"][0]["warnings"].dump(),
                       "registered in ZooKeeper could not"));

  const KferryRun done = run({"migrate", "--plan", plan, "--execute"});
  ASSERT_EQ(done.exit_code(), 0) << done.text();
  expect_said_that_consumers_are_not_seen(done, "ob-commit");
  EXPECT_EQ(done.rows("ob-tree"), kAllMigrated);
  Rows rows = kAllMigrated;
  rows["orders-2"] = "create migrated none>5";
  for (const char* const none : {"orders-0", "orders-1", "orders-3"})
    rows[none] = "no_offset no_offset none>none";
  EXPECT_EQ(done.rows("ob-commit"), rows);
  EXPECT_EQ(site().committed("ob-tree"), kMigrated);

  EXPECT_EQ(with({"verify"}).exit_code(), 0);
  EXPECT_EQ(run({"verify", "--plan", plan}).exit_code(), 0);
  const KferryRun again = with({"migrate", "--execute"});
  EXPECT_EQ(again.exit_code(), 0) << again.text();
  EXPECT_EQ(again.report["summary"]["outcomes"]["equal"], 5);

  // The journal says where the offsets were read.
  const auto back =
      testenv::run_kferry({"rollback", "--journal", done.journal(), "--execute", "--no-progress",
                           "--bootstrap-server", site().environment().bootstrap_servers()});
  EXPECT_EQ(back.exit_code, 0) << back.out << back.err;
  EXPECT_EQ(site().committed("ob-tree"), Offsets{});
}

// Receipts of one way of reading hold for the other one.
TEST_F(MigrateBroker, AGroupThatHasMovedOnIsLeftAlone) {
  const Offsets moved_on{{"clicks-0", 15}, {"clicks-1", 25}};
  for (const bool broker_first : {true, false}) {
    const std::string group = broker_first ? "ob-moved" : "z-moved";
    site().write_zookeeper(group, kClicks);
    const auto by_zookeeper = [&] {
      return site().run({"migrate", "--group", group, "--execute"});
    };
    const KferryRun first = broker_first ? migrate(group) : by_zookeeper();
    ASSERT_EQ(first.exit_code(), 0) << first.text();
    site().commit(group, moved_on);
    for (const KferryRun& later : {migrate(group), by_zookeeper()}) {
      EXPECT_EQ(later.exit_code(), 0) << later.text();
      EXPECT_EQ(later.report["summary"]["outcomes"]["kafka_ahead"], 2) << later.text();
    }
    EXPECT_EQ(site().committed(group), moved_on);
    // Set back in ZooKeeper since: that is another migration.
    site().write_zookeeper(group, {{"clicks", {{"0", 12}}}});
    EXPECT_EQ(migrate(group).exit_code(), 4);
  }
}

TEST_F(MigrateBroker, ARegisteredConsumerIsNotSeenWhichIsSaid) {
  site().load(
      {{"groups", json::array({{{"group", "ob-live"}, {"live", true}, {"offsets", kClicks}}})}});
  const KferryRun done = migrate("ob-live");
  EXPECT_EQ(done.exit_code(), 0) << done.text();
  expect_said_that_consumers_are_not_seen(done, "ob-live");
  site().load({{"stop_live", {"ob-live"}}});
}

TEST_F(MigrateBroker, ACommitInTheQuietPeriodIsNoticed) {
  site().write_zookeeper("ob-quiet", kClicks, "offset-commit-v0");
  const auto arguments = site().complete({"migrate", "--group", "ob-quiet", "--execute",
                                          "--offset-source", "broker", "--quiet-period", "4s"});
  auto child = site().start(arguments);
  std::optional<testenv::ProcessResult> ended;
  for (int offset = 11; offset < 100 && !ended; ++offset) {
    site().write_zookeeper("ob-quiet", {{"clicks", {{"0", offset}}}}, "offset-commit-v0");
    ended = child.wait(0);
  }
  const KferryRun run = Site::finish(child, arguments);
  EXPECT_EQ(run.exit_code(), 4) << run.text();
  EXPECT_EQ(run.rows("ob-quiet"), kAllRefused);
  EXPECT_EQ(run.group("ob-quiet")["evidence"]["changed_nodes"], 1);
  EXPECT_EQ(site().committed("ob-quiet"), Offsets{});
}

TEST_F(MigrateBroker, ACommitAfterThePlanIsDrift) {
  site().write_zookeeper("ob-drift", kClicks);
  const std::string plan = site().file("ob-drift.plan.json");
  ASSERT_EQ(run({"plan", "--group", "ob-drift", "--out", plan}).exit_code(), 3);
  site().write_zookeeper("ob-drift", {{"clicks", {{"1", 21}}}});
  const KferryRun refused = run({"migrate", "--plan", plan, "--execute"});
  EXPECT_EQ(refused.exit_code(), 4) << refused.text();
  EXPECT_EQ(refused.rows("ob-drift"), kAllRefused);
  EXPECT_TRUE(contains(refused.details("ob-drift"), "clicks/1 was changed")) << refused.text();
  const KferryRun verified = run({"verify", "--plan", plan});
  EXPECT_TRUE(contains(verified.details("ob-drift"), "was changed in ZooKeeper"))
      << verified.text();
}

TEST_F(MigrateBroker, ACommitWhileTheGroupIsMigratedIsSeenAtTheEnd) {
  site().write_zookeeper("ob-end", kClicks);
  auto child = start_and_hold("ob-end", 3'000);
  site().write_zookeeper("ob-end", {{"clicks", {{"0", 11}}}});
  const KferryRun done = Site::finish(child, arguments_);
  EXPECT_EQ(done.exit_code(), 3) << done.text();
  EXPECT_EQ(done.rows("ob-end"), (Rows{{"clicks-0", "create different none>10"},
                                       {"clicks-1", "create migrated none>20"}}));
}

TEST_F(MigrateBroker, ACutOffRunIsResumed) {
  site().write_zookeeper("ob-stopped", kClicks);
  auto child = start_and_hold("ob-stopped", 1'500);
  child.send_signal(SIGINT);
  const KferryRun stopped = Site::finish(child, arguments_);
  ASSERT_EQ(stopped.exit_code(), 130) << stopped.text();
  // Another way of reading cannot say whether it is still as it was.
  const KferryRun other =
      site().run({"migrate", "--group", "ob-stopped", "--execute", "--journal", stopped.journal()});
  EXPECT_EQ(other.exit_code(), 6) << other.text();
  EXPECT_TRUE(contains(said(other), "another --offset-source")) << other.text();
  const auto resumed = testenv::run_kferry(
      {"migrate", "--resume", "--execute", "--journal", stopped.journal(), "--no-progress"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
  EXPECT_EQ(site().committed("ob-stopped"), kMigrated);
}

TEST_F(MigrateBroker, WhatHasNoOffsetIsNotTakenForDone) {
  const KferryRun unknown = migrate("ob-nobody");
  EXPECT_EQ(unknown.exit_code(), 4) << unknown.text();
  EXPECT_TRUE(contains(said(unknown), "group 'ob-nobody' has no offset")) << unknown.text();

  site().write_zookeeper("ob-part", {{"clicks", {{"0", 10}}}});
  const KferryRun named = migrate("ob-part", {"--topic", "clicks", "--topic", "payments"});
  EXPECT_EQ(named.exit_code(), 0) << named.text();
  Rows rows{{"clicks-0", "create migrated none>10"}};
  for (const char* const none : {"clicks-1", "payments-0", "payments-1", "payments-2"})
    rows[none] = "no_offset no_offset none>none";
  EXPECT_EQ(named.rows("ob-part"), rows);

  const KferryRun elsewhere = migrate("ob-part", {"--topic", "payments"});
  EXPECT_EQ(elsewhere.exit_code(), 4) << elsewhere.text();
  EXPECT_TRUE(contains(said(elsewhere), "(payments)")) << elsewhere.text();
  const KferryRun mistyped = migrate("ob-part", {"--topic", "klicks"});
  EXPECT_EQ(mistyped.exit_code(), 4) << mistyped.text();
  EXPECT_TRUE(contains(said(mistyped), "topic 'klicks' was named")) << mistyped.text();
}

TEST_F(MigrateBroker, AnUnreadableOffsetIsRefusedAlone) {
  site().load({{"groups", json::array({{{"group", "ob-raw"},
                                        {"offsets", {{"clicks", {{"0", 10}}}}},
                                        {"raw", {{"clicks", {{"1", "abc"}}}}}}})}});
  const KferryRun done = migrate("ob-raw");
  EXPECT_EQ(done.rows("ob-raw"), (Rows{{"clicks-0", "create migrated none>10"},
                                       {"clicks-1", "unparsable refused none>none"}}))
      << done.text();
  EXPECT_EQ(done.exit_code(), 4) << done.text();
}

TEST_F(MigrateBroker, TheConfigurationNamesGroupsAndTopics) {
  site().write_zookeeper("ob-one", {{"clicks", {{"0", 1}}}, {"orders", {{"0", 1}}}});
  const std::string config = site().file("broker.yaml");
  write_text(config,
             fmt::format("bootstrap_server: {}\noffset_source: broker\n"
                         "teams: {{web: {{groups: [ob-one, ob-none], topics: [clicks]}}}}\n",
                         site().environment().bootstrap_servers()));
  const KferryRun done = site().run({"migrate", "--config", config, "--team", "web", "--execute"});
  EXPECT_EQ(done.exit_code(), 0) << done.text();
  EXPECT_EQ(done.rows("ob-one"), (Rows{{"clicks-0", "create migrated none>1"},
                                       {"clicks-1", "no_offset no_offset none>none"}}));
  EXPECT_TRUE(contains(said(done), "ob-none")) << "left out, which is said: " << done.text();
  const KferryRun scan = site().run({"scan", "--config", config});
  EXPECT_EQ(scan.exit_code(), 0) << scan.text();
  // The groups must be named somewhere.
  const KferryRun nothing = run({"migrate", "--all-groups"});
  EXPECT_EQ(nothing.exit_code(), 2) << nothing.text();
  EXPECT_TRUE(contains(said(nothing), "no group is named")) << nothing.text();
}

TEST_F(MigrateBroker, TheDoctorNeedsNoZookeeper) {
  const auto doctor =
      testenv::run_kferry({"doctor", "--no-progress", "--offset-source", "broker",
                           "--bootstrap-server", site().environment().bootstrap_servers()});
  EXPECT_NE(doctor.exit_code, 2) << doctor.err;
  EXPECT_TRUE(contains(doctor.out, "rights")) << doctor.out << doctor.err;
}

class MigrateBrokerVersions : public testing::TestWithParam<const char*> {};

// 0.8.2 answers UNKNOWN_TOPIC_OR_PARTITION where there is no offset, and keeps groups of its own.
TEST_P(MigrateBrokerVersions, ThereIsVersion0) {
  Site& site = site_of(GetParam());
  site.write_zookeeper("ob-old", {{"clicks", {{"0", 10}}}}, "offset-commit-v0");
  std::vector<std::string> arguments{"migrate",   "--group",         "ob-old",
                                     "--execute", "--offset-source", "broker"};
  if (std::string(GetParam()).starts_with("0.8"))
    arguments.insert(arguments.end(), {"--commit-mode", "simple"});
  const KferryRun done = site.run(arguments);
  EXPECT_EQ(done.exit_code(), 0) << done.text();
  EXPECT_EQ(done.rows("ob-old"), (Rows{{"clicks-0", "create migrated none>10"},
                                       {"clicks-1", "no_offset no_offset none>none"}}));
  arguments[2] = "ob-nobody";
  EXPECT_EQ(site.run(arguments).exit_code(), 4);
}

INSTANTIATE_TEST_SUITE_P(Sources, MigrateBrokerVersions,
                         testing::Values("0.8.2.2", "0.9.0.1", "1.1.1"), [](const auto& one) {
                           std::string name = one.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

// 4.x does not know version 0; 3.x advertises it, and refuses it then.
TEST(MigrateBrokerKraft, IsRefusedWithWhatToDo) {
  auto environment = testenv::Environment::start({.source = "4.1.0", .target = "3.9.1"});
  const json topic = {{"topics", json::array({{{"name", "clicks"}, {"partitions", 1}}})}};
  for (const auto side : {testenv::Side::source, testenv::Side::target}) {
    environment.workload(topic, side);
    const auto done =
        testenv::run_kferry({"plan", "--group", "g", "--offset-source", "broker", "--no-progress",
                             "--bootstrap-server", environment.bootstrap_servers(side)});
    EXPECT_EQ(done.exit_code, 2) << done.out << done.err;
    EXPECT_TRUE(contains(done.err, "KRaft")) << done.err;
    EXPECT_TRUE(contains(done.err, "--offset-source zookeeper")) << done.err;
  }
}

}  // namespace
}  // namespace kferry::integration
