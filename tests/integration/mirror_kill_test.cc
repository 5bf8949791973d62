// kill -9 again and again while a producer goes on, processes that hang and come back, and several
// of one flow at once: nothing is lost, doubled or out of order.
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "tests/integration/mirror_fixture.h"
#include "tests/integration/mirror_traffic.h"

namespace kferry::mirror {
namespace {

using test::ok;

int kills_wanted() {
  return std::getenv("KFERRY_SOAK") != nullptr ? 200 : 10;
}

// A flow of its own over the same topic, so that several are killed side by side: a process that
// was killed stays a member of its group for ten seconds.
struct Victim {
  std::string name;
  Arguments arguments;
  std::mt19937_64 random;
  int kills = 0;
  std::string last_log;
};

// Where the mirror dies: in the middle of what it does, or at any moment.
std::string random_hook(std::mt19937_64& random) {
  const auto pick = [&](int most) { return std::uniform_int_distribution(1, most)(random); };
  switch (pick(5)) {
    case 1:
      return fmt::format("kill:mirror.before_send:{}", pick(12));
    case 2:
      return fmt::format("kill:mirror.after_send:{}", pick(12));
    case 3:
      return fmt::format("kill:mirror.after_fill:{}", pick(6));
    default:
      return {};
  }
}

void kill_once(const Environment& environment, Victim& victim) {
  MirrorProcess mirror(environment, victim.arguments, random_hook(victim.random));
  mirror.takes_over_slots();
  const StopToken never;
  const Deadline most =
      Deadline::after(Duration(std::uniform_int_distribution(0, 1'500)(victim.random)));
  while (mirror.running() && !most.expired()) never.sleep_for(Duration(5));
  const ProcessResult result = mirror.kill();
  victim.kills += result.signal == SIGKILL ? 1 : 0;
  victim.last_log = result.err;
}

TEST_F(MirrorOnBrokers, KilledAgainAndAgainWhileAProducerGoesOn) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("KFERRY_SEED={}", seed));
  source().create("killed", 4);
  std::vector<Victim> victims;
  for (const char* const name : {"a", "b", "c"})
    victims.push_back({name,
                       flow(fmt::format("killed-{}", name), "killed") +
                           Arguments{"--prefix", fmt::format("{}.", name)},
                       std::mt19937_64(seed + static_cast<uint64_t>(*name)),
                       0,
                       {}});
  victims[2].arguments = victims[2].arguments + Arguments{"--offsets", "translate"};
  Traffic traffic(clusters().bootstrap_servers(), "killed", {.records_per_second = 1'000});
  const int wanted = kills_wanted();
  std::atomic<int> left = wanted;
  {
    std::vector<std::jthread> threads;
    for (Victim& victim : victims)
      threads.emplace_back([&] {
        while (left-- > 0) kill_once(clusters(), victim);
      });
  }
  EXPECT_GT(traffic.stop(), 1'000);
  int kills = 0;
  std::vector<std::unique_ptr<MirrorProcess>> last;
  for (Victim& victim : victims) {
    kills += victim.kills;
    last.push_back(std::make_unique<MirrorProcess>(
        clusters(), victim.arguments + Arguments{"--until-caught-up"}));
  }
  EXPECT_EQ(kills, wanted) << victims[0].last_log;
  for (size_t i = 0; i < victims.size(); ++i) {
    SCOPED_TRACE(victims[i].name);
    EXPECT_EQ(last[i]->finish().exit_code, 0) << victims[i].last_log << last[i]->log();
    const Arguments prefix{"--target-prefix", victims[i].name + "."};
    EXPECT_TRUE(
        same_for_java(clusters(), "killed", i == 2 ? prefix : prefix + Arguments{"--identity"}));
  }
}

// The first process hangs, loses its share to another, and comes back in the middle of it with
// what it still had to send.
TEST_F(MirrorOnBrokers, AProcessThatWasThoughtDeadDoesNoHarm) {
  source().create("zombie", 4);
  Traffic traffic(clusters().bootstrap_servers(), "zombie");
  const Arguments arguments =
      flow("zombie", "zombie") + Arguments{"--max-bytes-per-second", "100000"};
  MirrorProcess first(clusters(), arguments);
  ASSERT_TRUE(first.reaches([](const Json& now) { return now["summary"]["records"] > 1'000; }))
      << first.log();
  first.signal(SIGSTOP);
  MirrorProcess second(clusters(), arguments);
  ASSERT_TRUE(second.reaches([](const Json& now) { return now["summary"]["records"] > 1'000; }))
      << second.log();
  first.signal(SIGCONT);
  ASSERT_TRUE(second.reaches([](const Json& now) { return now["summary"]["records"] > 5'000; }))
      << second.log();
  traffic.stop();
  EXPECT_EQ(first.stop().exit_code, 0) << first.log();
  EXPECT_EQ(second.stop().exit_code, 0) << second.log();
  mirror_until_caught_up(clusters(), flow("zombie", "zombie"));
  EXPECT_TRUE(same_for_java(clusters(), "zombie"));
  EXPECT_TRUE(same_for_librdkafka(clusters(), "zombie", 4));
}

// Started at the same moment, before there is any state.
TEST_F(MirrorOnBrokers, TwoThatAreStartedAtOnceShareTheWork) {
  source().create("twins", 8);
  Traffic traffic(clusters().bootstrap_servers(), "twins", {.partitions = 8});
  MirrorProcess one(clusters(), flow("twins", "twins"));
  MirrorProcess other(clusters(), flow("twins", "twins"));
  EXPECT_TRUE(before_long([&] {
    const Json first = one.status();
    const Json second = other.status();
    return !first.is_null() && !second.is_null() && in_phase(first, "copying") > 0 &&
           in_phase(first, "copying") + in_phase(second, "copying") == 8;
  })) << one.log()
      << other.log();
  traffic.stop();
  EXPECT_EQ(one.stop().exit_code, 0) << one.log();
  EXPECT_EQ(other.stop().exit_code, 0) << other.log();
  const Json status = mirror_until_caught_up(clusters(), flow("twins", "twins"));
  EXPECT_EQ(status["summary"]["identity_partitions"], 8);
  EXPECT_TRUE(same_for_java(clusters(), "twins"));
}

}  // namespace
}  // namespace kferry::mirror
