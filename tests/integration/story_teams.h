// The three teams of the story, with their groups, their producers, and what was counted.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "testenv/testenv.h"
#include "tests/integration/story.h"

namespace kferry::mirror {

struct Member {
  std::string name;
  bool in_zookeeper = false;  // until its team is migrated
  bool java = false;          // its client from then on; else librdkafka
};

struct Team {
  std::string name;
  std::string topic;
  std::vector<Member> groups;
};

// Starts producers, 300 records/s together, and every group on the source. Not thread-safe.
class Teams {
 public:
  static constexpr int32_t kPartitions = 3;

  // `reset`: what consumers do without an offset, as auto.offset.reset of librdkafka and Java.
  explicit Teams(testenv::Environment& clusters, Reset reset = Reset::kFail);

  const std::vector<Team>& all() const { return teams_; }
  std::string config_file() const { return config_file_; }  // kferry.yaml: clusters, teams, a flow

  // Stops the team's old consumers, migrates the team with kferry, and starts the upgraded ones.
  void migrate(const Team& team);
  void start(const Member& group, const std::string& topic, testenv::Side side);
  // Until every group consumes.
  bool all_at_work();
  void stop(const std::string& group) { workers_[group].reset(); }
  void move_producers();
  // Ends everything.
  void expect_each_record_once();

  // What groups have consumed more than once, and not at all, once producers have ended and
  // consumers have had `patience` for the rest.
  struct Tally {
    int64_t written = 0;  // that each group should have consumed, of all groups
    int64_t re_read = 0;
    int64_t lost = 0;
  };
  Tally tally(Duration patience);

 private:
  std::string servers(testenv::Side side) const { return clusters_.bootstrap_servers(side); }
  void write_config();

  void stop_producers();

  testenv::Environment& clusters_;
  const Reset reset_;
  const std::vector<Team> teams_;
  const std::string config_file_;
  std::map<std::string, Ledger> written_;           // by topic
  std::map<std::string, Ledger> consumed_;          // by group
  std::map<std::string, int64_t> consumed_before_;  // when its last worker was started
  std::map<std::string, std::unique_ptr<LegacyApplication>> legacy_;
  std::map<std::string, std::unique_ptr<Worker>> workers_;
  std::map<std::string, std::unique_ptr<Shop>> shops_;  // by topic
  int64_t errors_ = 0;
};

}  // namespace kferry::mirror
