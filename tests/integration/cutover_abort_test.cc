// The way back from each step of a cut-over: groups come home with what they have done, and the
// test counts what was written and consumed.
#include <csignal>

#include <fmt/format.h>

#include "tests/integration/cutover_fixture.h"

namespace kferry::mirror {
namespace {

using namespace std::chrono_literals;

class CutoverAbort : public MirrorOnBrokers {
 protected:
  // A cut-over that asks nobody. It is in the middle of things when it is interrupted.
  static std::unique_ptr<CutoverProcess> begin(const Town& town, const std::string& quiet) {
    auto cutover = std::make_unique<CutoverProcess>(
        town.clusters, flow_of(town.topic) + Arguments{"--auto", "--quiet", quiet});
    EXPECT_TRUE(cutover->says("reached: caught_up")) << cutover->log();
    return cutover;
  }
  static void interrupt(CutoverProcess& cutover) {
    cutover.signal(SIGINT);
    EXPECT_EQ(cutover.finish().exit_code, 130) << cutover.log();
  }
  // Its consumers are stopped, and may be started on the target.
  static void release_group(Town& town, CutoverProcess& cutover, const std::string& group) {
    town.stop(group);
    EXPECT_TRUE(cutover.says(fmt::format("group '{}': its last offsets are on the target", group)))
        << cutover.log();
  }
  static void move(Town& town, CutoverProcess& cutover, const std::vector<std::string>& groups) {
    for (const std::string& group : groups) {
      release_group(town, cutover, group);
      town.start(group, town.clusters.target_bootstrap_servers());
    }
    EXPECT_TRUE(cutover.says("producers may move to the target now")) << cutover.log();
    for (const std::string& group : groups) expect_at_work(town, group);
  }
  static void bring_home(Town& town, const std::vector<std::string>& groups) {
    for (const std::string& group : groups) town.stop(group);
    const ProcessResult aborted = act(town.clusters, "abort", flow_of(town.topic));
    EXPECT_EQ(aborted.exit_code, 0) << aborted.err;
    for (const std::string& group : groups) {
      EXPECT_TRUE(test::has(aborted.err,
                            fmt::format("group '{}': its offsets are on the source again", group)))
          << aborted.err;
      town.start(group, town.clusters.bootstrap_servers());
      expect_at_work(town, group);
    }
  }
  static void expect_at_work(Town& town, const std::string& group) {
    const Ledger& ledger = *town.consumed[group];
    const int64_t before = ledger.count();
    EXPECT_TRUE(integration::before_long([&] { return ledger.count() > before + 300; })) << group;
  }
};

// The group goes to the target, works there, and comes back.
TEST_F(CutoverAbort, BringsAGroupHomeWithWhatItHasDone) {
  const std::string name = "abort";
  Town town(clusters(), source(), name, {"abort-a"});
  MirrorProcess mirror(clusters(), flow_of(name));
  ASSERT_TRUE(mirror.takes_over_slots()) << mirror.log();
  {
    CutoverProcess cutover(clusters(), flow_of(name) + Arguments{"--group", "abort-a"});
    const ProcessResult rehearsed = testenv::run_process(CutoverProcess::arguments(
        clusters(), flow_of(name) + Arguments{"--dry-run", "--format", "json"}));
    EXPECT_EQ(rehearsed.exit_code, 0) << rehearsed.out << rehearsed.err;
    const Json rehearsal = Json::parse(rehearsed.out);
    EXPECT_EQ(rehearsal["groups"].size(), 1U);
    EXPECT_TRUE(test::has(rehearsal["groups"][0]["members"], "abort-a-app")) << rehearsal.dump(1);
    EXPECT_EQ(rehearsal["written_partitions"].size(), static_cast<size_t>(kPartitions));
    EXPECT_GT(rehearsal["predicted_pause_ms"], 1'000);
    ASSERT_TRUE(cutover.says("reached: caught_up")) << cutover.log();
    town.stop("abort-a");
    ASSERT_TRUE(cutover.says("its last offsets are on the target")) << cutover.log();
    town.start("abort-a", clusters().target_bootstrap_servers());
    EXPECT_EQ(cutover.finish().exit_code, 0) << cutover.log();
  }
  const int64_t before = town.consumed["abort-a"]->count();
  ASSERT_TRUE(before_long([&] { return town.consumed["abort-a"]->count() > before + 500; }));
  std::jthread stopping([&] {
    StopToken().sleep_for(2s);
    town.stop("abort-a");
  });
  const ProcessResult aborted = act(clusters(), "abort", flow_of(name));
  EXPECT_EQ(aborted.exit_code, 0) << aborted.err;
  EXPECT_NE(aborted.err.find("stop its consumers on the target"), std::string::npos) << aborted.err;
  stopping.join();
  town.start("abort-a", clusters().bootstrap_servers());
  const int64_t home = town.consumed["abort-a"]->count();
  ASSERT_TRUE(before_long([&] { return town.consumed["abort-a"]->count() > home + 500; }));
  // And the mirror follows it again.
  town.shop->stop();
  ASSERT_TRUE(
      before_long([&] { return town.consumed["abort-a"]->count() == town.written.count(); }));
  town.applications["abort-a"].reset();
  EXPECT_TRUE(before_long([&] {
    for (int32_t p = 0; p < kPartitions; ++p)
      if (target().committed("abort-a", at(name, p)) != source().committed("abort-a", at(name, p)))
        return false;
    return true;
  })) << mirror.log();
  town.expect_each_record_once();
  EXPECT_EQ(mirror.stop().exit_code, 0);
}

// A group that was released and not started, all groups and no producer, and then producers too:
// from there on only forward.
TEST_F(CutoverAbort, AtEachStepEveryRecordIsConsumedOnce) {
  const std::string name = "abort-steps";
  const std::vector<std::string> groups{name + "-a", name + "-b"};
  Town town(clusters(), source(), name, groups);
  MirrorProcess mirror(clusters(), flow_of(name));
  ASSERT_TRUE(mirror.takes_over_slots()) << mirror.log();
  {
    const auto cutover = begin(town, "3s");
    release_group(town, *cutover, groups[0]);
    interrupt(*cutover);
    bring_home(town, {groups[0]});
  }
  {
    const auto cutover = begin(town, "3s");
    move(town, *cutover, groups);
    interrupt(*cutover);
    bring_home(town, groups);
  }
  {
    const auto cutover = begin(town, "30s");
    move(town, *cutover, groups);
    town.move_producers();
    for (const std::string& group : groups) expect_at_work(town, group);
    interrupt(*cutover);
    const ProcessResult refused = act(clusters(), "abort", flow_of(name));
    EXPECT_EQ(refused.exit_code, 4) << refused.err;
    EXPECT_TRUE(test::has(refused.err, "producers have written to the target")) << refused.err;
  }
  CutoverProcess cutover(clusters(), flow_of(name) + Arguments{"--auto", "--quiet", "3s"});
  EXPECT_EQ(cutover.finish().exit_code, 0) << cutover.log();
  EXPECT_EQ(mirror.finish().exit_code, 0) << mirror.log();
  town.expect_each_record_once();
}

}  // namespace
}  // namespace kferry::mirror
