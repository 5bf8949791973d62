// Again and again: a group that was migrated stays as it is, whoever has moved since.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/migrate_fixture.h"

namespace kferry::integration {
namespace {

using nlohmann::json;

constexpr const char* kVersion = "3.9.1";
const json kClicks = json::parse(R"({"clicks": {"0": 10, "1": 20}})");
const Offsets kMigrated{{"clicks-0", 10}, {"clicks-1", 20}};

class MigrateAgain : public testing::Test {
 protected:
  Site& site() { return site_of(kVersion); }

  KferryRun one_shot(const std::string& group, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"migrate", "--group", group, "--execute"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return site().run(arguments);
  }

  // A group whose offsets have just been migrated.
  void migrated(const std::string& group) {
    site().write_zookeeper(group, kClicks);
    const KferryRun run = one_shot(group);
    ASSERT_EQ(run.exit_code(), 0) << run.text();
    ASSERT_EQ(site().committed(group), kMigrated);
  }
};

#define ASSERT_MIGRATED(group) ASSERT_NO_FATAL_FAILURE(migrated(group))

TEST_F(MigrateAgain, TheSecondRunWritesNothing) {
  site().write_zookeeper("i-twice", kClicks);
  const std::string report = site().file("twice.json");
  const auto run = [&] { return one_shot("i-twice", {"--report", report}); };
  const KferryRun first = run();
  ASSERT_EQ(first.exit_code(), 0) << first.text();
  EXPECT_EQ(first.rows("i-twice"), (Rows{{"clicks-0", "create migrated none>10"},
                                         {"clicks-1", "create migrated none>20"}}));
  const auto runs = [&] {
    const auto entries = std::filesystem::directory_iterator(first.journal());
    return std::distance(begin(entries), end(entries));
  };
  const auto runs_before = runs();
  EXPECT_GE(runs_before, 1);

  const KferryRun second = run();
  EXPECT_EQ(second.exit_code(), 0) << second.text();
  EXPECT_EQ(second.rows("i-twice"),
            (Rows{{"clicks-0", "equal equal 10>10"}, {"clicks-1", "equal equal 20>20"}}));
  EXPECT_EQ(runs(), runs_before);
  EXPECT_EQ(site().committed("i-twice"), kMigrated);
}

TEST_F(MigrateAgain, AGroupThatHasMovedOnIsLeftAlone) {
  ASSERT_MIGRATED("i-moved");
  const Offsets moved{{"clicks-0", 60}, {"clicks-1", 20}};
  const Rows kept{{"clicks-0", "kafka_ahead kafka_ahead 60>60"}, {"clicks-1", "equal equal 20>20"}};
  {
    LiveMember member(site().properties(), "i-moved", "clicks");
    member.commit({{"clicks-0", 60}});
    const KferryRun alive = one_shot("i-moved");
    EXPECT_EQ(alive.exit_code(), 0) << alive.text();
    EXPECT_EQ(alive.rows("i-moved"), kept);
    EXPECT_FALSE(std::filesystem::exists(alive.journal()));
    EXPECT_EQ(site().committed("i-moved"), moved);
    EXPECT_EQ(site().members("i-moved").size(), 1U);
  }
  const KferryRun gone = one_shot("i-moved");
  EXPECT_EQ(gone.exit_code(), 0) << gone.text();
  EXPECT_EQ(gone.rows("i-moved"), kept);
  EXPECT_EQ(site().committed("i-moved"), moved);
  EXPECT_EQ(site().run({"verify", "--group", "i-moved"}).exit_code(), 0);
}

// Somebody tried the new consumer under the old name: nothing says which side is right.
TEST_F(MigrateAgain, KafkaAheadWithoutAnEarlierMigrationIsRefused) {
  site().write_zookeeper("i-ahead", kClicks);
  const Offsets before{{"clicks-0", 90}};
  site().commit("i-ahead", before);
  const KferryRun refused = one_shot("i-ahead");
  EXPECT_EQ(refused.exit_code(), 4) << refused.text();
  // What is not in dispute is migrated (ADR 4).
  EXPECT_EQ(refused.rows("i-ahead"), (Rows{{"clicks-0", "kafka_ahead refused 90>90"},
                                           {"clicks-1", "create migrated none>20"}}));
  EXPECT_NE(refused.details("i-ahead").find("Kafka is ahead by 80; choose with --on-conflict"),
            std::string::npos)
      << refused.details("i-ahead");
  EXPECT_EQ(site().committed("i-ahead").at("clicks-0"), 90);

  const KferryRun kept = one_shot("i-ahead", {"--on-conflict", "kafka"});
  EXPECT_EQ(kept.exit_code(), 0) << kept.text();
  EXPECT_EQ(kept.rows("i-ahead").at("clicks-0"), "kafka_ahead kafka_ahead 90>90");
  EXPECT_EQ(site().committed("i-ahead").at("clicks-0"), 90);

  const KferryRun rewound = one_shot("i-ahead", {"--on-conflict", "zookeeper"});
  EXPECT_EQ(rewound.exit_code(), 0) << rewound.text();
  EXPECT_EQ(rewound.rows("i-ahead").at("clicks-0"), "kafka_ahead migrated 90>10");
  EXPECT_NE(rewound.details("i-ahead").find("rewinds Kafka by 80"), std::string::npos)
      << rewound.details("i-ahead");
  EXPECT_EQ(site().committed("i-ahead"), kMigrated);
}

TEST_F(MigrateAgain, AnOldConsumerThatWentOnIsMigratedAgain) {
  ASSERT_MIGRATED("i-old");
  site().write_zookeeper("i-old", {{"clicks", {{"0", 33}}}});
  const KferryRun again = one_shot("i-old");
  EXPECT_EQ(again.exit_code(), 0) << again.text();
  EXPECT_EQ(again.rows("i-old"),
            (Rows{{"clicks-0", "advance migrated 10>33"}, {"clicks-1", "equal equal 20>20"}}));
  EXPECT_EQ(site().committed("i-old"), (Offsets{{"clicks-0", 33}, {"clicks-1", 20}}));

  // Both sides have moved: that is for people to decide.
  site().commit("i-old", {{"clicks-0", 50}});
  site().write_zookeeper("i-old", {{"clicks", {{"0", 70}}}});
  const KferryRun both = one_shot("i-old");
  EXPECT_EQ(both.exit_code(), 4) << both.text();
  EXPECT_NE(both.details("i-old").find("both sides have moved"), std::string::npos)
      << both.details("i-old");
  EXPECT_EQ(site().committed("i-old").at("clicks-0"), 50);
}

TEST_F(MigrateAgain, HowLongOffsetsAreKept) {
  constexpr int64_t kDay = 24 * 3600;
  const auto days_left = [](const json& group) {
    std::tm time{};
    const std::string text = group["expires_at"].is_null() ? "" : group["expires_at"];
    strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
    return static_cast<double>(timegm(&time) - std::time(nullptr)) / kDay;
  };
  site().write_zookeeper("i-retained", kClicks);
  const KferryRun retained = one_shot("i-retained", {"--retain", "30d"});
  ASSERT_EQ(retained.exit_code(), 0) << retained.text();
  EXPECT_NEAR(days_left(retained.group("i-retained")), 30, 0.01);

  site().write_zookeeper("i-default", kClicks);
  const KferryRun by_default = one_shot("i-default");
  ASSERT_EQ(by_default.exit_code(), 0) << by_default.text();
  EXPECT_NEAR(days_left(by_default.group("i-default")), 7, 0.01);
}

// The CSV is for Kafka's own tool.
TEST_F(MigrateAgain, KafkasOwnToolReadsTheCsv) {
  const auto check = [&](const std::vector<std::string>& groups) {
    const std::string csv = site().file(groups.back() + ".csv");
    std::vector<std::string> migrate{"migrate", "--execute", "--csv", csv};
    std::vector<std::string> argv{"java",
                                  "-cp",
                                  site().environment().jars_dir().string() + "/*",
                                  "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
                                  "--bootstrap-server",
                                  site().environment().bootstrap_servers(),
                                  "--reset-offsets",
                                  "--dry-run",
                                  "--from-file",
                                  csv};
    for (const std::string& group : groups) {
      site().write_zookeeper(group, kClicks);
      migrate.insert(migrate.end(), {"--group", group});
      argv.insert(argv.end(), {"--group", group});
    }
    const KferryRun run = site().run(migrate);
    ASSERT_EQ(run.exit_code(), 0) << run.text();
    const auto tool = testenv::run_process(argv);
    EXPECT_EQ(tool.exit_code, 0) << tool.out << tool.err << read_text(csv);
    for (const std::string& group : groups)
      for (const char* row : {"clicks +0 +10", "clicks +1 +20"})
        EXPECT_TRUE(testing::internal::RE::PartialMatch(tool.out, group + " +" + row))
            << tool.out << tool.err << read_text(csv);
  };
  check({"i-csv"});
  check({"i-csv-one", "i-csv-two"});
}

// Teams by name and by pattern.
TEST_F(MigrateAgain, TeamsSelectTheirGroups) {
  for (const char* const group : {"t-pay-a", "t-pay-b", "t-web-a", "t-other"})
    site().write_zookeeper(group, kClicks);
  const auto config = [&](const std::string& teams) {
    const std::string file = site().file("teams.yaml");
    write_text(file, fmt::format("zookeeper: {}\nbootstrap_server: {}\nteams:\n{}",
                                 site().environment().zookeeper_connect(),
                                 site().environment().bootstrap_servers(), teams));
    return file;
  };
  const auto groups_of = [](const KferryRun& run) {
    std::map<std::string, std::string> teams;
    if (run.report.is_null()) return teams;
    for (const json& group : run.report["groups"]) teams[group["group"]] = group["team"];
    return teams;
  };
  const std::string good =
      config("  payments:\n    patterns: [\"t-pay-.*\"]\n  web:\n    groups: [t-web-a]\n");
  const KferryRun payments = site().run({"plan", "--config", good, "--team", "payments"});
  EXPECT_EQ(payments.exit_code(), 3) << payments.text();
  EXPECT_EQ(groups_of(payments),
            (std::map<std::string, std::string>{{"t-pay-a", "payments"}, {"t-pay-b", "payments"}}));
  const KferryRun web = site().run({"migrate", "--config", good, "--team", "web", "--execute"});
  EXPECT_EQ(web.exit_code(), 0) << web.text();
  EXPECT_EQ(groups_of(web), (std::map<std::string, std::string>{{"t-web-a", "web"}}));
  EXPECT_EQ(site().committed("t-web-a"), kMigrated);
  EXPECT_EQ(site().committed("t-pay-a"), Offsets{});
  EXPECT_EQ(site().run({"plan", "--config", good, "--team", "nobody"}).exit_code(), 2);

  for (const char* const teams :
       {"  payments:\n    groups: [t-pay-a]\n  web:\n    groups: [t-pay-a]\n",
        "  payments:\n    patterns: [\"t-pay-.*\"]\n  web:\n    groups: [t-pay-a]\n",
        "  payments:\n    patterns: [\"t-pay-.*\"]\n  web:\n    patterns: [\".*-pay-a\"]\n"}) {
    const KferryRun claimed = site().run({"plan", "--config", config(teams), "--team", "payments"});
    EXPECT_EQ(claimed.exit_code(), 2) << teams << claimed.text();
    EXPECT_NE(claimed.process.err.find("t-pay-a"), std::string::npos) << claimed.text();
  }
}

}  // namespace
}  // namespace kferry::integration
