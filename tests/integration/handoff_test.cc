// `kferry handoff` and `kferry export` on real servers: who is ready and who is not, the mirror
// with the ready groups alone, and MirrorMaker 2 itself on what was exported.
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "tests/integration/mirror_fixture.h"
#include "tests/unit/verify/schema.h"

namespace kferry::mirror {
namespace {

using test::has;
using testenv::run_kferry;

class HandoffOnServers : public MirrorOnBrokers {
 protected:
  static void SetUpTestSuite() {
    MirrorOnBrokers::SetUpTestSuite();
    folder_ =
        std::filesystem::temp_directory_path() / ("kferry-handoff-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_ / "reports");
  }
  static void TearDownTestSuite() {
    std::filesystem::remove_all(folder_);
    MirrorOnBrokers::TearDownTestSuite();
  }

  static std::string file(const std::string& name) { return (folder_ / name).string(); }
  static Json read_json(const std::string& name) {
    std::ifstream text(file(name));
    return Json::parse(text, nullptr, false);
  }

  static Arguments both_sides() {
    return {"--source",    clusters().bootstrap_servers(),
            "--target",    clusters().target_bootstrap_servers(),
            "--zookeeper", clusters().zookeeper_connect()};
  }
  static ProcessResult handoff(const Arguments& more, const std::string& groups = "ho-.*") {
    return run_kferry(Arguments{"handoff", "--topics", "ho-orders", "--groups", groups, "--flow",
                                "handoff", "--no-mm2-topics", "--format", "json"} +
                          both_sides() + more,
                      {.timeout_ms = 120'000});
  }
  static ProcessResult migrate(const Arguments& groups, const std::string& report) {
    return run_kferry(Arguments{"migrate", "--zookeeper", clusters().zookeeper_connect(),
                                "--bootstrap-server", clusters().bootstrap_servers(), "--execute",
                                "--quiet-period", "0s", "--report", file(report)} +
                      groups);
  }
  static void write_zookeeper(const std::string& group, int64_t first, int64_t second) {
    const Json offsets{{"ho-orders", {{"0", first}, {"1", second}}}};
    Json spec;
    spec["groups"] = Json::array();
    spec["groups"].push_back({{"group", group}, {"offsets", offsets}});
    clusters().workload(spec);
  }
  // Four groups: two are migrated, of which one is consumed from the old way afterwards; one is
  // not; one has always kept its offsets in Kafka.
  static void play_teams() {
    source().create("ho-orders", 2);
    for (const int partition : {0, 1}) source().append_some(at("ho-orders", partition), {100}, 1);
    write_zookeeper("ho-ready", 10, 20);
    write_zookeeper("ho-moved", 30, 40);
    write_zookeeper("ho-behind", 50, 60);
    source().commit("ho-kafka", at("ho-orders", 0), 70);
    const auto migrated =
        migrate({"--group", "ho-ready", "--group", "ho-moved"}, "reports/team.json");
    ASSERT_EQ(migrated.exit_code, 0) << migrated.out << migrated.err;
    write_zookeeper("ho-moved", 30, 45);
  }

 private:
  inline static std::filesystem::path folder_;
};

// {"ho-ready": "", "ho-behind": "no report is about it"}.
std::map<std::string, std::string> reasons(const Json& report) {
  std::map<std::string, std::string> found;
  for (const Json& group : report.at("groups"))
    found[group.at("group")] =
        group.at("ready") ? "" : group.at("reasons").at(0).get<std::string>();
  return found;
}

TEST_F(HandoffOnServers, TheReadyGroupsGoAlongAndNoOther) {
  play_teams();
  // Anything else in the folder is passed over.
  std::ofstream(file("reports/plan.json")) << "{}\n";
  const auto shown = handoff({"--reports", file("reports"), "--report", file("handoff.json")});
  EXPECT_EQ(shown.exit_code, 3) << shown.err;
  EXPECT_TRUE(has(shown.err, "passed over"));
  const Json report = Json::parse(shown.out, nullptr, false);
  EXPECT_EQ(report, read_json("handoff.json"));
  EXPECT_EQ(testing::schema_trouble("handoff-report.schema.json", report), "");
  const std::map<std::string, std::string> expected{
      {"ho-behind", "no report is about it"},
      {"ho-kafka", ""},
      {"ho-moved", "ZooKeeper has moved since: ho-orders-1 was at 40 and is at 45"},
      {"ho-ready", ""}};
  EXPECT_EQ(reasons(report), expected);

  const auto all = handoff({"--reports", file("reports"), "--execute", "--require-all"});
  EXPECT_EQ(all.exit_code, 4);
  EXPECT_TRUE(has(all.err, "2 of 4 groups are not ready ('ho-behind' for one)"));
  EXPECT_EQ(target().committed("ho-ready", at("ho-orders", 0)), -1) << "nothing was launched";

  const auto done = handoff({"--reports", file("reports"), "--report", file("handoff.json"),
                             "--execute", "--until-caught-up"});
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  EXPECT_TRUE(has(done.err, "stays behind group=ho-behind"));
  EXPECT_TRUE(has(done.err, "stays behind group=ho-moved"));
  const Json status = Json::parse(done.out, nullptr, false);
  EXPECT_EQ(status.at("groups").size(), 2U) << "one document: the mirror's";
  EXPECT_EQ(read_json("handoff.json").at("executed"), true);
  EXPECT_EQ(target().committed("ho-ready", at("ho-orders", 0)), 10);
  EXPECT_EQ(target().committed("ho-ready", at("ho-orders", 1)), 20);
  EXPECT_EQ(target().committed("ho-kafka", at("ho-orders", 0)), 70);
  EXPECT_EQ(target().committed("ho-moved", at("ho-orders", 0)), -1);
  EXPECT_EQ(target().committed("ho-behind", at("ho-orders", 0)), -1);
}

TEST_F(HandoffOnServers, WithoutReportsTheGroupsAreVerifiedNow) {
  const auto before = handoff({});
  EXPECT_EQ(before.exit_code, 3);
  const auto found = reasons(Json::parse(before.out, nullptr, false));
  EXPECT_EQ(found.at("ho-ready"), "");
  EXPECT_EQ(found.at("ho-behind"), "2 partitions missing in Kafka (ho-orders-0: should be 50)");
  EXPECT_TRUE(has(found.at("ho-moved"), "1 partition different (ho-orders-1: should be 45"));

  const auto none = handoff({"--execute"}, "ho-behind");
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_TRUE(has(none.err, "no group is ready"));

  ASSERT_EQ(migrate({"--group", "ho-behind"}, "behind.json").exit_code, 0);
  // A report that is named, and the configuration's word for a group that nobody has.
  std::ofstream(file("kferry.yaml")) << "teams: {web: {groups: [ho-behind, ho-typo]}}\n";
  const auto after = handoff({"--reports", file("behind.json"), "--config", file("kferry.yaml")},
                             "ho-behind|ho-typo");
  EXPECT_EQ(after.exit_code, 3);
  const Json report = Json::parse(after.out, nullptr, false);
  EXPECT_EQ(reasons(report),
            (std::map<std::string, std::string>{
                {"ho-behind", ""}, {"ho-typo", "neither ZooKeeper nor Kafka knows it"}}));
  EXPECT_EQ(report.at("groups").at(0).at("team"), "web");
}

TEST_F(HandoffOnServers, MirrorMaker2RunsOnWhatWasExported) {
  constexpr int kRecords = 500;
  source().create("ex-orders", 1);
  source().append_some(at("ex-orders", 0), {kRecords / 2, kRecords / 2}, 2);
  for (const char* const group : {"ex-ready", "ex-behind"})
    source().commit(group, at("ex-orders", 0), kRecords);
  Json handoff{{"schema", "kferry/handoff-report/v1"}, {"groups", Json::array()}};
  handoff["groups"].push_back({{"group", "ex-behind"}, {"ready", false}});
  std::ofstream(file("ex-handoff.json")) << handoff;
  const auto exported = run_kferry(
      Arguments{"export", "mm2", "--topics", "ex-.*", "--groups", "ex-.*", "--flow", "old->new",
                "--handoff", file("ex-handoff.json"), "--out", file("mm2.properties")} +
      both_sides());
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_EQ(exported.out, "");
  clusters().start_mm2({.name = "exported", .properties = file("mm2.properties")});
  int64_t committed = -1;
  const StopToken never;
  for (const Deadline patience = Deadline::after(Duration(180'000));
       committed < kRecords && !patience.expired(); never.sleep_for(Duration(500)))
    committed = target().committed("ex-ready", at("ex-orders", 0));
  clusters().mm2("stop", "exported");
  // In transactions: their markers take offsets, and the group's is translated.
  EXPECT_GE(committed, kRecords);
  const auto copied = clusters().compare_topics("ex-orders");
  EXPECT_EQ(copied.at("target_records"), kRecords) << copied;
  EXPECT_EQ(copied.at("duplicates"), 0);
  EXPECT_EQ(copied.at("missing"), 0);
  EXPECT_EQ(target().committed("ex-behind", at("ex-orders", 0)), -1);

  const auto read_back = run_kferry(
      {"replicate", "--mm2-properties", file("mm2.properties"), "--dry-run", "--format", "json"});
  EXPECT_TRUE(read_back.exit_code == 0 || read_back.exit_code == 3) << read_back.err;
  EXPECT_FALSE(has(read_back.err, "no such key"));
}

}  // namespace
}  // namespace kferry::mirror
