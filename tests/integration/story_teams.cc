#include "tests/integration/story_teams.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/integration/source_writer.h"
#include "tests/integration/two_sides.h"

namespace kferry::mirror {
namespace {

constexpr int kRecordsPerSecond = 100;  // of each team

std::vector<Team> make_teams() {
  return {{"payments",
           "story-payments",
           {{"pay-billing", true, true}, {"pay-audit", true, false}, {"pay-fraud", false, false}}},
          {"orders",
           "story-orders",
           {{"ord-ship", true, true}, {"ord-stock", true, false}, {"ord-mail", false, false}}},
          {"web", "story-clicks", {{"web-clicks", true, false}, {"web-search", false, true}}}};
}

}  // namespace

Teams::Teams(testenv::Environment& clusters, Reset reset)
    : clusters_(clusters),
      reset_(reset),
      teams_(make_teams()),
      config_file_(testing::TempDir() + "story-kferry.yaml") {
  write_config();
  SourceWriter writer(servers(testenv::Side::source));
  for (const Team& team : teams_) {
    writer.create(team.topic, kPartitions);
    for (const Member& group : team.groups)
      for (int32_t p = 0; p < kPartitions && !group.in_zookeeper; ++p)
        writer.commit(group.name, at(team.topic, p), 0);
    shops_[team.topic] =
        std::make_unique<Shop>(servers(testenv::Side::source), team.topic, kPartitions,
                               kRecordsPerSecond, written_[team.topic]);
    for (const Member& group : team.groups) {
      if (group.in_zookeeper)
        legacy_[group.name] = std::make_unique<LegacyApplication>(
            servers(testenv::Side::source), team.topic, kPartitions, consumed_[group.name]);
      else
        start(group, team.topic, testenv::Side::source);
    }
  }
}

void Teams::write_config() {
  std::ofstream file(config_file_);
  file << fmt::format("zookeeper: {}\nbootstrap_server: {}\nteams:\n",
                      clusters_.zookeeper_connect(), servers(testenv::Side::source));
  for (const Team& team : teams_) {
    file << fmt::format("  {}:\n    groups: [", team.name);
    const char* separator = "";
    for (const Member& group : team.groups) {
      if (group.in_zookeeper) file << std::exchange(separator, ", ") << group.name;
    }
    file << "]\n";
  }
}

void Teams::migrate(const Team& team) {
  nlohmann::json groups = nlohmann::json::array();
  for (const Member& group : team.groups) {
    if (!group.in_zookeeper) continue;
    nlohmann::json offsets;
    for (const auto& [partition, next] : legacy_.at(group.name)->stop())
      offsets[std::to_string(partition)] = next;
    nlohmann::json one{{"group", group.name}, {"layout", "offset-commit-v0"}};
    one["offsets"][team.topic] = std::move(offsets);
    groups.push_back(std::move(one));
  }
  clusters_.workload({{"groups", std::move(groups)}});
  const auto done = testenv::run_kferry({"migrate", "--config", config_file_, "--team", team.name,
                                         "--execute", "--quiet-period", "1s", "--report",
                                         testing::TempDir() + "story-" + team.name + ".json"});
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  for (const Member& group : team.groups)
    if (group.in_zookeeper) start(group, team.topic, testenv::Side::source);
}

void Teams::start(const Member& group, const std::string& topic, testenv::Side side) {
  Ledger& ledger = consumed_[group.name];
  consumed_before_[group.name] = ledger.count();
  if (group.java)
    workers_[group.name] =
        std::make_unique<JavaApplication>(servers(side), group.name, topic, ledger, reset_);
  else
    workers_[group.name] =
        std::make_unique<Application>(servers(side), group.name, topic, ledger, reset_);
}

bool Teams::all_at_work() {
  return integration::before_long([&] {
    return std::ranges::all_of(consumed_before_, [&](const auto& one) {
      return consumed_.at(one.first).count() > one.second;
    });
  });
}

void Teams::move_producers() {
  for (auto& [topic, shop] : shops_) {
    shop->stop();
    errors_ += shop->errors();
    shop = std::make_unique<Shop>(servers(testenv::Side::target), topic, kPartitions,
                                  kRecordsPerSecond, written_[topic]);
  }
}

void Teams::stop_producers() {
  for (auto& [topic, shop] : shops_) {
    shop->stop();
    errors_ += shop->errors();
  }
  shops_.clear();
}

Teams::Tally Teams::tally(Duration patience) {
  stop_producers();
  StopToken().sleep_for(patience);
  Tally tally;
  for (const Team& team : teams_) {
    const Values written = written_[team.topic].values();
    for (const Member& group : team.groups) {
      stop(group.name);
      const Values consumed = consumed_[group.name].values();
      for (const auto& [partition, values] : written) {
        std::map<std::string, int64_t> times;
        if (const auto found = consumed.find(partition); found != consumed.end())
          for (const std::string& value : found->second) ++times[value];
        for (const std::string& value : values) {
          ++tally.written;
          tally.lost += times[value] == 0 ? 1 : 0;
          tally.re_read += std::max<int64_t>(0, times[value] - 1);
        }
      }
    }
  }
  return tally;
}

void Teams::expect_each_record_once() {
  stop_producers();
  EXPECT_EQ(errors_, 0) << "errors that producers saw";
  for (const Team& team : teams_) {
    for (const Member& group : team.groups) {
      SCOPED_TRACE(group.name);
      const Ledger& written = written_[team.topic];
      const Ledger& consumed = consumed_[group.name];
      integration::before_long([&] { return consumed.count() >= written.count(); });
      stop(group.name);
      EXPECT_TRUE(each_exactly_once(written.values(), consumed.values()));
      EXPECT_EQ(consumed.count(), written.count());
    }
  }
}

}  // namespace kferry::mirror
