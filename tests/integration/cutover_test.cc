// The whole move with people at work: producers that never stop, groups of real consumers, the
// mirror, the cut-over. The test counts what was written and consumed.
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "tests/integration/cutover_fixture.h"

namespace kferry::mirror {
namespace {

using namespace std::chrono_literals;

class CutoverOnBrokers : public MirrorOnBrokers {};

TEST_F(CutoverOnBrokers, StepByStepEveryRecordIsConsumedOnce) {
  const std::string name = "steps";
  Town town(clusters(), source(), name, {"steps-a", "steps-b"});
  source().commit("steps-idle", at(name, 0), 5);
  MirrorProcess mirror(clusters(), flow_of(name));
  ASSERT_TRUE(mirror.takes_over_slots()) << mirror.log();
  const std::string report_file = testing::TempDir() + "cutover-steps.json";
  const std::string page_file = testing::TempDir() + "cutover-steps.html";
  CutoverProcess cutover(clusters(), flow_of(name) + Arguments{"--quiet", "3s", "--report",
                                                               report_file, "--html", page_file});
  ASSERT_TRUE(cutover.says("reached: caught_up")) << cutover.log() << mirror.log();
  ASSERT_TRUE(cutover.says("begins with moving the consumers"));
  EXPECT_EQ(act(clusters(), "show", flow_of(name)).exit_code, 3);
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  for (const std::string group : {"steps-a", "steps-b"}) {
    town.stop(group);
    ASSERT_TRUE(cutover.says(fmt::format("group '{}': its last offsets are on the target", group)))
        << cutover.log();
    town.start(group, clusters().target_bootstrap_servers());
    ASSERT_TRUE(cutover.says(fmt::format("group '{}': at work on the target", group)))
        << cutover.log();
  }
  ASSERT_TRUE(cutover.says("reached: consumers_moved")) << cutover.log();
  ASSERT_TRUE(cutover.says("lets producers write to the target"));
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  ASSERT_TRUE(cutover.says("producers may move to the target now")) << cutover.log();
  town.move_producers();
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  ASSERT_TRUE(cutover.says("reached: drained")) << cutover.log();
  ASSERT_TRUE(cutover.says("reached: proved")) << cutover.log();
  ASSERT_TRUE(cutover.says("ends the mirror for good")) << cutover.log();
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  EXPECT_EQ(cutover.finish().exit_code, 0) << cutover.log();
  EXPECT_EQ(mirror.finish().exit_code, 0) << mirror.log();
  town.expect_each_record_once();
  std::ifstream file(report_file);
  const Json report = Json::parse(file);
  EXPECT_EQ(report["state"], "stopped");
  EXPECT_TRUE(report["alarms"].empty()) << report["alarms"];
  EXPECT_TRUE(test::has(report["proof"], "are the same")) << report["proof"];
  ASSERT_EQ(report["groups"].size(), 3U);
  EXPECT_GT(report["groups"][0]["pause_ms"], 0);
  EXPECT_TRUE(report["groups"][2]["pause_ms"].is_null());
  std::stringstream page;
  page << std::ifstream(page_file).rdbuf();
  EXPECT_NE(page.str().find(">the move is over</span>"), std::string::npos) << page.str();
  EXPECT_NE(page.str().find(">steps-idle</td>"), std::string::npos) << page.str();
  const ProcessResult status = testenv::run_kferry(
      {"status", "--target", clusters().target_bootstrap_servers(), "--flow", name});
  EXPECT_EQ(status.exit_code, 0) << status.out << status.err;
  EXPECT_NE(status.out.find("the move is over"), std::string::npos) << status.out;
}

// Nobody is asked, and kferry is killed at every transition: another one goes on.
TEST_F(CutoverOnBrokers, KilledAtEveryTransitionItGoesOn) {
  const std::string name = "killed-cutover";
  Town town(clusters(), source(), name, {"killed-cutover-a"});
  auto mirror = std::make_unique<MirrorProcess>(clusters(), flow_of(name));
  ASSERT_TRUE(mirror->takes_over_slots()) << mirror->log();
  const Arguments arguments = flow_of(name) + Arguments{"--auto", "--quiet", "3s", "--take-over"};
  for (const char* const point :
       {"cutover.before.caught_up", "cutover.after.caught_up", "cutover.before_moved"}) {
    CutoverProcess cutover(clusters(), arguments, fmt::format("kill:{}", point));
    if (std::string(point) == "cutover.before_moved") town.stop("killed-cutover-a");
    EXPECT_EQ(cutover.finish().signal, SIGKILL) << point << cutover.log();
  }
  // The mirror too, with what it has in flight.
  mirror->kill();
  mirror = std::make_unique<MirrorProcess>(clusters(), flow_of(name));
  {
    CutoverProcess cutover(clusters(), arguments, "kill:cutover.after_moved");
    EXPECT_EQ(cutover.finish().signal, SIGKILL) << cutover.log();
  }
  town.start("killed-cutover-a", clusters().target_bootstrap_servers());
  for (const char* const point :
       {"cutover.before.consumers_moved", "cutover.after.consumers_moved"}) {
    CutoverProcess cutover(clusters(), arguments, fmt::format("kill:{}", point));
    EXPECT_EQ(cutover.finish().signal, SIGKILL) << point << cutover.log();
  }
  {
    CutoverProcess cutover(clusters(), arguments, "kill:cutover.before.producers_moved");
    ASSERT_TRUE(cutover.says("producers may move to the target now")) << cutover.log();
    town.move_producers();
    EXPECT_EQ(cutover.finish().signal, SIGKILL) << cutover.log();
  }
  for (const char* const point :
       {"cutover.after.producers_moved", "cutover.before.drained", "cutover.after.drained",
        "cutover.before_proof", "cutover.before.proved", "cutover.after.proved",
        "cutover.before.stopped"}) {
    CutoverProcess cutover(clusters(), arguments, fmt::format("kill:{}", point));
    EXPECT_EQ(cutover.finish().signal, SIGKILL) << point << cutover.log();
  }
  CutoverProcess cutover(clusters(), arguments);
  EXPECT_EQ(cutover.finish().exit_code, 0) << cutover.log();
  EXPECT_EQ(mirror->finish().exit_code, 0) << mirror->log();
  town.expect_each_record_once();
}

// A consumer that goes on at the source after its group was moved, and a producer after all were
// said to have moved.
TEST_F(CutoverOnBrokers, ThoseWhoStayBehindAreNamed) {
  const std::string name = "rogue";
  source().create(name, 1);
  source().append_some(at(name, 0), {50}, 1'000);
  source().commit("rogue-a", at(name, 0), 10);
  MirrorProcess mirror(clusters(), flow_of(name));
  ASSERT_TRUE(mirror.takes_over_slots()) << mirror.log();
  CutoverProcess cutover(clusters(), flow_of(name) + Arguments{"--quiet", "2s"});
  ASSERT_TRUE(cutover.says("begins with moving the consumers")) << cutover.log();
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  ASSERT_TRUE(cutover.says("reached: consumers_moved")) << cutover.log();
  source().commit("rogue-a", at(name, 0), 20);
  EXPECT_TRUE(cutover.says("ALARM: group 'rogue-a' has two homes")) << cutover.log();
  EXPECT_EQ(target().committed("rogue-a", at(name, 0)), 10);
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  ASSERT_TRUE(cutover.says("producers may move to the target now")) << cutover.log();
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  ASSERT_TRUE(cutover.says("ends the mirror for good")) << cutover.log();
  source().append_some(at(name, 0), {7}, 2'000);
  EXPECT_TRUE(cutover.says("ALARM: a producer still writes to rogue-0 on the source: 7 records"))
      << cutover.log();
  cutover.signal(SIGINT);
  const ProcessResult ended = cutover.finish();
  EXPECT_EQ(ended.exit_code, 130);
  EXPECT_NE(ended.err.find("`kferry cutover` goes on"), std::string::npos) << ended.err;
  EXPECT_EQ(mirror.stop().exit_code, 0);
}

}  // namespace
}  // namespace kferry::mirror
