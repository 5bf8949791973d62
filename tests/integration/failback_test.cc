// The way back: after the move the old cluster is kept current, and everybody can come home.
#include <fmt/format.h>

#include "replicate/cutover_state.h"
#include "replicate/flow_progress.h"
#include "replicate/state_topic.h"
#include "tests/integration/cutover_fixture.h"

namespace kferry::mirror {
namespace {

using replicate::CutoverRecord;
using replicate::CutoverState;

class Failback : public MirrorOnBrokers {
 protected:
  // What a cut-over has decided, without the time that one takes.
  class Decisions {
   public:
    Decisions(Environment& environment, const std::string& name)
        : admin_(value_of(kafkaio::TopicAdmin::connect(
              integration::cluster_settings("target", environment.target_bootstrap_servers())
                  .properties))) {
      flow_.name = name;
      flow_.target =
          integration::cluster_settings("target", environment.target_bootstrap_servers());
      state_ = value_of(replicate::StateTopic::open(flow_, admin_, within()));
    }
    void decide(CutoverState state, bool released = false) {
      record_.state = state;
      record_.released = released;
      ++record_.version;
      value_of(state_->put({{replicate::kCutoverKey, to_json(record_)}}, within()));
    }
    // The mirror acts by the last decision.
    bool seen() {
      return before_long([&] {
        value_of(state_->catch_up(within()));
        int slots = 0;
        const replicate::LoadedState state = state_->all();
        for (const auto& [key, value] : state.records())
          if (key.starts_with(replicate::kProgressPrefix) &&
              value_of(replicate::parse_progress(value)).seen == record_.version)
            ++slots;
        return slots == replicate::StateTopic::kSlots;
      });
    }

   private:
    replicate::FlowSettings flow_;
    kafkaio::TopicAdmin admin_;
    std::unique_ptr<replicate::StateTopic> state_;
    CutoverRecord record_;
  };

  static Arguments back(const std::string& name, const std::string& groups) {
    return {"--flow", name, "--topics", name, "--groups", groups, "--reverse"};
  }
};

std::vector<std::string> values_from(const Log& log, size_t first) {
  std::vector<std::string> values;
  for (size_t i = first; i < log.size(); ++i) values.push_back(log[i].value.value_or(""));
  return values;
}

// Partition 0: producers write to the new cluster while records are still on their way. Partition
// 1: all was copied before.
TEST_F(Failback, MixedRecordsComeHomeOnceAndGroupsToTheirPlace) {
  const std::string name = "home";
  source().create(name, 2);
  for (int p = 0; p < 2; ++p) source().append_some(at(name, p), {10}, 500'000);
  MirrorProcess mirror(clusters(), {"--flow", name, "--topics", name});
  ASSERT_TRUE(mirror.reaches([](const Json& now) {
    return now["summary"]["partitions"] == 2 && has_no_lag(now);
  })) << mirror.log();
  Decisions decisions(clusters(), name);
  decisions.decide(CutoverState::kConsumersMoved, true);
  ASSERT_TRUE(decisions.seen()) << mirror.log();
  target().append_some(at(name, 0), {3}, 500'100);
  source().append_some(at(name, 0), {5}, 500'200);
  ASSERT_TRUE(mirror.reaches([&](const Json& now) {
    return partition_of(now, name, 0)["position"] == 15 && has_no_lag(now);
  })) << mirror.status().dump(1);
  target().append_some(at(name, 0), {2}, 500'300);
  target().append_some(at(name, 1), {4}, 500'400);
  const auto refused = mirror_until_caught_up(clusters(), back(name, "home-.*"), 4);
  decisions.decide(CutoverState::kStopped);
  EXPECT_EQ(mirror.finish().exit_code, 0) << mirror.log();

  target().commit("home-before", at(name, 0), 10);
  target().commit("home-before", at(name, 1), 7);
  target().commit("home-behind", at(name, 0), 20);
  target().commit("home-behind", at(name, 1), 14);
  target().commit("mixed", at(name, 0), 12);
  mirror_until_caught_up(clusters(), back(name, "home-.*"));
  const auto old_logs = read_topic(clusters().bootstrap_servers(), name, 2);
  const auto new_logs = read_topic(clusters().target_bootstrap_servers(), name, 2);
  const auto old_values = values_from(old_logs.at(at(name, 0)), 0);
  const auto new_values = values_from(new_logs.at(at(name, 0)), 0);
  ASSERT_EQ(old_values.size(), 20U);
  ASSERT_EQ(new_values.size(), 20U);
  std::vector<std::string> written_there(new_values.begin() + 10, new_values.begin() + 13);
  written_there.insert(written_there.end(), new_values.begin() + 18, new_values.end());
  EXPECT_EQ(values_from(old_logs.at(at(name, 0)), 15), written_there);
  EXPECT_EQ(values_from(old_logs.at(at(name, 1)), 0), values_from(new_logs.at(at(name, 1)), 0));
  EXPECT_EQ(source().committed("home-before", at(name, 0)), 10);
  EXPECT_EQ(source().committed("home-before", at(name, 1)), 7);
  EXPECT_EQ(source().committed("home-behind", at(name, 0)), 20);
  EXPECT_EQ(source().committed("home-behind", at(name, 1)), 14);

  // It has consumed two of the three, and nothing of what came behind them.
  mirror_until_caught_up(clusters(), back(name, "mixed"), 3);
  EXPECT_EQ(source().committed("mixed", at(name, 0)), 10);
}

TEST_F(Failback, WhatIsOnTheOldClusterOnlyIsNamed) {
  const std::string name = "left-behind";
  source().create(name, 1);
  source().append_some(at(name, 0), {10}, 510'000);
  mirror_until_caught_up(clusters(), {"--flow", name, "--topics", name});
  Decisions(clusters(), name).decide(CutoverState::kStopped);
  source().append_some(at(name, 0), {2}, 510'100);
  const Json status = mirror_until_caught_up(clusters(), back(name, "none"), 3);
  EXPECT_TRUE(test::has(partition_of(status, name, 0)["reason"],
                        "records from offset 10 to 11 that were never copied"))
      << status.dump(1);
}

// There and back again, with producers that never stop and real consumers.
TEST_F(Failback, EverybodyComesHomeAndEveryRecordIsConsumedOnce) {
  const std::string name = "there-and-back";
  const std::string group = name + "-a";
  Town town(clusters(), source(), name, {group});
  const Arguments automatic{"--auto", "--quiet", "3s"};
  const auto move = [&](const Arguments& way, const std::string& to) {
    MirrorProcess mirror(clusters(), flow_of(name) + way);
    ASSERT_TRUE(mirror.takes_over_slots()) << mirror.log();
    CutoverProcess cutover(clusters(), flow_of(name) + way + automatic);
    ASSERT_TRUE(cutover.says("reached: caught_up")) << cutover.log() << mirror.log();
    town.stop(group);
    ASSERT_TRUE(cutover.says("its last offsets are on the target")) << cutover.log();
    town.start(group, to);
    ASSERT_TRUE(cutover.says("producers may move to the target now")) << cutover.log();
    town.move_producers(to);
    EXPECT_EQ(cutover.finish().exit_code, 0) << cutover.log();
    EXPECT_EQ(mirror.finish().exit_code, 0) << mirror.log();
  };
  move({}, clusters().target_bootstrap_servers());
  const int64_t there = town.consumed[group]->count();
  ASSERT_TRUE(before_long([&] { return town.consumed[group]->count() > there + 300; }));
  move({"--reverse"}, clusters().bootstrap_servers());
  const int64_t home = town.consumed[group]->count();
  ASSERT_TRUE(before_long([&] { return town.consumed[group]->count() > home + 300; }));
  town.expect_each_record_once();
}

}  // namespace
}  // namespace kferry::mirror
