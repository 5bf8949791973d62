// The same story with MirrorMaker 2, for bench/story: an operator who waits patiently at every
// step.
#include <fmt/format.h>

#include "tests/integration/cutover_fixture.h"
#include "tests/integration/story_teams.h"

namespace kferry::mirror {
namespace {

using namespace std::chrono_literals;

constexpr Duration kSyncsOfGroups{15'000};  // several, at the shortest interval that MM2 takes
constexpr Duration kQuiet{15'000};

class StoryComparison : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("KFERRY_BENCH_STORY") == nullptr) GTEST_SKIP() << "bench/story runs it";
  }
};

int64_t records_in(Environment& clusters, Side side, const Team& team) {
  SourceWriter reader(clusters.bootstrap_servers(side));
  int64_t records = 0;
  for (int32_t p = 0; p < Teams::kPartitions; ++p)
    records += reader.range_of(at(team.topic, p)).end;
  return records;
}

bool is_copied(Environment& clusters, const Team& team) {
  try {
    return records_in(clusters, Side::target, team) + 300 >=
           records_in(clusters, Side::source, team);
  } catch (const std::exception&) {
    return false;  // not created yet
  }
}

TEST_F(StoryComparison, MirrorMaker2) {
  const StopToken never;
  Environment clusters = Environment::start({.source = "3.9.1", .target = "4.1.0"});
  Teams teams(clusters, Reset::kEarliest);
  for (const Team& team : teams.all()) teams.migrate(team);
  ASSERT_TRUE(teams.all_at_work());
  clusters.start_mm2({.topics = "story-.*",
                      .groups = "(pay|ord|web)-.*",
                      .identity = true,
                      .tuned = true,
                      .settings = {{"sync.group.offsets.enabled", "true"},
                                   {"sync.group.offsets.interval.seconds", "1"},
                                   {"emit.checkpoints.interval.seconds", "1"},
                                   {"refresh.groups.interval.seconds", "1"},
                                   {"refresh.topics.interval.seconds", "1"}}});
  for (const Team& team : teams.all())
    ASSERT_TRUE(before_long([&] { return is_copied(clusters, team); }) ||
                before_long([&] { return is_copied(clusters, team); }))
        << team.topic;
  never.sleep_for(kSyncsOfGroups);
  for (const Team& team : teams.all()) {
    for (const Member& group : team.groups) teams.stop(group.name);
    never.sleep_for(kSyncsOfGroups);
    for (const Member& group : team.groups) teams.start(group, team.topic, Side::target);
  }
  teams.move_producers();
  never.sleep_for(kQuiet);
  const Teams::Tally tally = teams.tally(kQuiet);
  fmt::print("STORY {}\n", Json{{"mover", "MirrorMaker 2, tuned"},
                                {"written", tally.written},
                                {"re_read", tally.re_read},
                                {"lost", tally.lost},
                                {"pause_s", 15.0}}
                               .dump());
}

}  // namespace
}  // namespace kferry::mirror
