// Several processes of a flow share its partitions; and what MirrorMaker 2's own classes read in
// the topics that the binary writes.
#include <csignal>

#include <fmt/format.h>

#include "tests/integration/mirror_fixture.h"
#include "tests/integration/mirror_traffic.h"

namespace kferry::mirror {
namespace {

constexpr int32_t kPartitions = 24;

int64_t copying(std::vector<std::unique_ptr<MirrorProcess>>& processes) {
  int64_t all = 0;
  for (const auto& one : processes) {
    if (!one->running()) continue;
    const int64_t some = in_phase(one->status(), "copying");
    if (some <= 0) return -1;
    all += some;
  }
  return all;
}

// Each of them has some, together they have each once.
TEST_F(MirrorOnBrokers, ProcessesShareThePartitionsAndTakeOverThoseOfADeadOne) {
  source().create("shared", kPartitions);
  Traffic traffic(clusters().bootstrap_servers(), "shared", {.partitions = kPartitions});
  std::vector<std::unique_ptr<MirrorProcess>> processes;
  for (int i = 0; i < 3; ++i)
    processes.push_back(std::make_unique<MirrorProcess>(clusters(), flow("shared", "shared")));
  ASSERT_TRUE(before_long([&] { return copying(processes) == kPartitions; }))
      << processes[0]->log() << processes[1]->log() << processes[2]->log();
  const test::Stopwatch time;
  processes[0]->kill();
  ASSERT_TRUE(before_long([&] { return copying(processes) == kPartitions; }))
      << processes[1]->log() << processes[2]->log();
  EXPECT_LT(time.elapsed(), Duration(20'000)) << "the session timeout is 10 s";
  RecordProperty("takeover_ms", static_cast<int>(time.elapsed().count()));
  // One that goes by itself hands over at once.
  const test::Stopwatch handing_over;
  EXPECT_EQ(processes[1]->stop().exit_code, 0) << processes[1]->log();
  ASSERT_TRUE(before_long([&] { return copying(processes) == kPartitions; }))
      << processes[2]->log();
  RecordProperty("handover_ms", static_cast<int>(handing_over.elapsed().count()));
  EXPECT_LT(handing_over.elapsed(), Duration(8'000));
  traffic.stop();
  EXPECT_TRUE(processes[2]->reaches([](const Json& now) { return has_no_lag(now); }))
      << processes[2]->log();
  EXPECT_EQ(processes[2]->stop().exit_code, 0);
  mirror_until_caught_up(clusters(), flow("shared", "shared"));
  EXPECT_TRUE(same_for_java(clusters(), "shared"));
}

TEST_F(MirrorOnBrokers, Mm2sOwnClassesReadWhatTheBinaryWrites) {
  source().create("mm2", 1);
  source().append_some(at("mm2", 0), {100, 100}, 400'000);
  target().create("mm2", 1);
  target().append_some(at("mm2", 0), {50}, 410'000);
  source().commit("mm2-group", at("mm2", 0), 150);
  MirrorProcess mirror(clusters(),
                       {"--flow", "east->west", "--topics", "mm2", "--groups", "mm2-.*"});
  EXPECT_TRUE(before_long([&] { return target().committed("mm2-group", at("mm2", 0)) == 200; }));
  source().commit("mm2-group", at("mm2", 0), 160);
  EXPECT_TRUE(before_long([&] { return target().committed("mm2-group", at("mm2", 0)) == 210; }));
  EXPECT_EQ(mirror.stop().exit_code, 0) << mirror.log();
  const ProcessResult result =
      testenv::run_java("Mm2Compat", testenv::jars_dir("3.9.1"),
                        {"--source", clusters().bootstrap_servers(), "--target",
                         clusters().target_bootstrap_servers(), "--source-alias", "east",
                         "--target-alias", "west", "--groups", "mm2-group"},
                        {.timeout_ms = 180'000});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const Json found = Json::parse(result.out);
  EXPECT_EQ(found["translated"]["mm2-group"], (Json{{"mm2-0", 210}})) << found.dump(1);
  EXPECT_TRUE(test::has(found["checkpoint_topics"].dump(), "east.checkpoints.internal"));
  EXPECT_TRUE(test::has(found["upstream_clusters"].dump(), "east"));
  EXPECT_EQ(found["checkpoints"]["latest"][0]["upstream_offset"], 160);
  EXPECT_EQ(found["heartbeats"]["latest"][0]["target"], "west");
  EXPECT_EQ(found["offset_syncs"]["latest"][0]["upstream_offset"], 199);
  EXPECT_EQ(found["offset_syncs"]["latest"][0]["downstream_offset"], 249);
}

}  // namespace
}  // namespace kferry::mirror
