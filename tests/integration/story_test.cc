// The whole story on real servers: three teams with eight groups, five of which keep their offsets
// in ZooKeeper; each team is migrated, the mirror runs, consumers move, then producers, drain,
// proof. Producers never stop, and the test counts what every group has consumed: each record once,
// in the order of its partition.
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "tests/integration/cutover_fixture.h"
#include "tests/integration/story_teams.h"

namespace kferry::mirror {
namespace {

using namespace std::chrono_literals;

// What goes wrong in the middle.
enum class Trouble { kNone, kSourceRestarts, kTargetRestarts, kKferryStalls, kKferryIsKilled };

std::string name_of(const testing::TestParamInfo<Trouble>& info) {
  constexpr const char* kNames[] = {"AllIsWell", "SourceRestarts", "TargetRestarts",
                                    "KferryStallsFor20s", "KferryIsKilled"};
  return kNames[static_cast<int>(info.param)];
}

class Story : public testing::TestWithParam<Trouble> {
 protected:
  static constexpr const char* kGroups = "(pay|ord|web)-.*";

  Arguments flow() const {
    return {"--config", teams_.config_file(), "--topics", "story-.*", "--groups", kGroups};
  }
  void start_kferry() {
    mirror_ = std::make_unique<MirrorProcess>(clusters_, flow());
    ASSERT_TRUE(mirror_->takes_over_slots()) << mirror_->log();
    start_cutover();
  }
  void start_cutover() {
    cutover_ = std::make_unique<CutoverProcess>(
        clusters_,
        flow() + Arguments{"--auto", "--quiet", "3s", "--take-over", "--report", report_file_});
  }
  void trouble() {
    const StopToken never;
    switch (GetParam()) {
      case Trouble::kNone:
        break;
      case Trouble::kSourceRestarts:
        clusters_.broker("stop", 0);
        clusters_.broker("start", 0);
        break;
      case Trouble::kTargetRestarts:
        clusters_.broker("stop", 1, Side::target);
        clusters_.broker("start", 1, Side::target);
        break;
      case Trouble::kKferryStalls:
        for (const int number : {SIGSTOP, SIGCONT}) {
          mirror_->signal(number);
          cutover_->signal(number);
          if (number == SIGSTOP) never.sleep_for(20s);
        }
        break;
      case Trouble::kKferryIsKilled:
        mirror_->kill();
        cutover_->signal(SIGKILL);
        cutover_->finish();
        start_kferry();
        break;
    }
  }

  Environment clusters_ = Environment::start({.source = "3.9.1", .target = "4.1.0"});
  Teams teams_{clusters_};
  const std::string report_file_ = testing::TempDir() + "story.json";
  std::unique_ptr<MirrorProcess> mirror_;
  std::unique_ptr<CutoverProcess> cutover_;
};

TEST_P(Story, EveryGroupConsumesEveryRecordOnce) {
  if (GetParam() != Trouble::kNone && std::getenv("KFERRY_SOAK") == nullptr)
    GTEST_SKIP() << "./test.sh --soak plays the story with troubles too";
  for (const Team& team : teams_.all()) teams_.migrate(team);
  ASSERT_TRUE(teams_.all_at_work());
  start_kferry();
  ASSERT_TRUE(cutover_->says("reached: caught_up")) << cutover_->log() << mirror_->log();
  bool in_trouble = false;
  for (const Team& team : teams_.all()) {
    for (const Member& group : team.groups) teams_.stop(group.name);
    if (!std::exchange(in_trouble, true)) trouble();
    for (const Member& group : team.groups) {
      ASSERT_TRUE(cutover_->says(fmt::format("group '{}': its last offsets are on", group.name)))
          << cutover_->log() << mirror_->log();
      teams_.start(group, team.topic, Side::target);
    }
  }
  ASSERT_TRUE(cutover_->says("producers may move to the target now")) << cutover_->log();
  teams_.move_producers();
  const ProcessResult moved = cutover_->finish();
  EXPECT_EQ(moved.exit_code, 0) << moved.err << mirror_->log();
  EXPECT_EQ(mirror_->finish().exit_code, 0) << mirror_->log();
  teams_.expect_each_record_once();
  const Teams::Tally tally = teams_.tally(Duration(0));
  std::ifstream file(report_file_);
  const Json report = Json::parse(file);
  EXPECT_EQ(report["state"], "stopped");
  EXPECT_TRUE(report["alarms"].empty()) << report["alarms"];
  EXPECT_TRUE(test::has(report["proof"], "are the same")) << report["proof"];
  ASSERT_EQ(report["groups"].size(), 8U);
  double longest_s = 0;
  for (const Json& group : report["groups"]) {
    ASSERT_TRUE(group["pause_ms"].is_number()) << group.dump(1);
    const double pause_s = group["pause_ms"].get<double>() / 1000;
    fmt::print("{:<12} {:>6.1f} s without consumers\n", group["group"].get<std::string>(), pause_s);
    longest_s = std::max(longest_s, pause_s);
  }
  fmt::print("STORY {}\n", Json{{"mover", "kferry"},
                                {"written", tally.written},
                                {"re_read", tally.re_read},
                                {"lost", tally.lost},
                                {"pause_s", longest_s}}
                               .dump());
}

INSTANTIATE_TEST_SUITE_P(WholeStory, Story,
                         testing::Values(Trouble::kNone, Trouble::kSourceRestarts,
                                         Trouble::kTargetRestarts, Trouble::kKferryStalls,
                                         Trouble::kKferryIsKilled),
                         name_of);

}  // namespace
}  // namespace kferry::mirror
