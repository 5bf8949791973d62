// Disks and servers that fail in the middle of a migration: nothing is committed that is not
// journalled, what is done is reported, and --resume finishes the rest.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/integration/trouble_fixture.h"

namespace kferry::trouble {
namespace {

using testenv::ChildProcess;
using testenv::Environment;
using testenv::ProcessOptions;
using testenv::ProcessResult;
using testenv::run_kferry;
using testenv::run_process;

constexpr int kGroups = 3;

std::vector<std::string> groups_of(const std::string& set) {
  std::vector<std::string> groups;
  for (int i = 0; i < kGroups; ++i) groups.push_back(fmt::format("{}-{}", set, i));
  return groups;
}

class TroubleServers : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    env = std::make_unique<Environment>(Environment::start());
    Json workload = Json::parse(R"({"topics": [{"name": "orders", "records": 50}]})");
    workload["groups"] = Json::array();
    for (const char* set :
         {"limit", "full", "middle", "read-only", "zookeeper", "broker", "frozen"})
      for (const std::string& group : groups_of(set))
        workload["groups"].push_back(Json{{"group", group}, {"offsets", {{"orders", {{"0", 7}}}}}});
    env->workload(workload);
  }
  static void TearDownTestSuite() { env.reset(); }

  void plan(const std::string& set) {
    const auto done = run_kferry(Arguments{"plan", "--out", folder / "plan.json"} +
                                 quick(groups_of(set)) + connections(*env));
    ASSERT_EQ(done.exit_code, 3) << done.out << done.err;
  }
  Arguments migration(const std::string& journal_folder) const {
    return {"migrate",
            "--execute",
            "--parallel",
            "1",
            "--plan",
            folder / "plan.json",
            "--session-timeout",
            "6s",
            "--journal",
            journal_folder,
            "--report",
            report_path,
            "--no-progress",
            "--request-timeout",
            "3s"};
  }
  Arguments resumption() const {
    return {"migrate",   "--execute", "--resume", "--session-timeout", "6s",
            "--journal", journal,     "--report", report_path,         "--no-progress"};
  }
  // How many groups of `set` have their offset in Kafka.
  static int migrated(const std::string& set) {
    int count = 0;
    for (const std::string& group : groups_of(set)) {
      const Offsets offsets = committed(*env, group, {at("orders", 0)});
      if (offsets.empty()) continue;
      EXPECT_EQ(offsets, (Offsets{{at("orders", 0), 7}}));
      ++count;
    }
    return count;
  }
  void expect_all_migrated(const std::string& set) {
    EXPECT_EQ(migrated(set), kGroups);
    for (const std::string& group : groups_of(set))
      EXPECT_EQ(ending(read_json(report_path), group, "orders", 0), "migrated: ");
  }
  // Runs the migration until it has reached `point` for the second time, and pauses there.
  ChildProcess paused_at(const std::string& point, int pause_ms) {
    const std::string hook = fmt::format("pause:{}:{},touch:{}:{}", point, pause_ms,
                                         "group.before_intent", folder / "reached");
    return ChildProcess(Arguments{testenv::kferry_binary().string()} + migration(journal),
                        {.environment = {{"KFERRY_TEST_HOOK", hook}}});
  }
  bool wait_for_file(const std::string& path) {
    for (int i = 0; i < 200 && !std::filesystem::exists(path); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return std::filesystem::exists(path);
  }
  int count_done_records() const {
    int count = 0;
    for (const auto& run : std::filesystem::directory_iterator(journal)) {
      const std::string text = read_text((run.path() / "journal.jsonl").string());
      for (size_t found = text.find("\"done\""); found != std::string::npos;
           found = text.find("\"done\"", found + 1))
        ++count;
    }
    return count;
  }

  inline static std::unique_ptr<Environment> env;
  const Folder folder;
  const std::string report_path = folder / "report.json";
  const std::string journal = folder / "journal";
};

// A disk with room for the folders and the plan, and no inode left for the journal.
TEST_F(TroubleServers, ADiskWithoutRoomForTheJournal) {
  plan("full");
  const std::string mount = folder / "disk";
  std::filesystem::create_directory(mount);
  const auto mounted = run_process({"mount", "-t", "tmpfs", "-o", "nr_inodes=4", "tmpfs", mount});
  if (mounted.exit_code != 0) GTEST_SKIP() << "mount is not permitted: " << mounted.err;
  const auto done = run_kferry(migration(mount + "/journal"));
  run_process({"umount", "-l", mount});
  EXPECT_EQ(done.exit_code, 1) << done.err;
  EXPECT_TRUE(contains(done.err, mount + "/journal"));
  EXPECT_TRUE(contains(done.err, "No space left on device"));
  EXPECT_TRUE(contains(done.err, "--journal DIR"));
  EXPECT_EQ(migrated("full"), 0);
}

// The first group is done when the journal cannot grow any more: no other group is written.
TEST_F(TroubleServers, AJournalThatIsFullInTheMiddle) {
  plan("middle");
  const auto killed = run_kferry(
      migration(journal), {.environment = {{"KFERRY_TEST_HOOK", "kill:group.before_intent:2"}}});
  ASSERT_EQ(killed.signal, SIGKILL);
  for (const auto& run : std::filesystem::directory_iterator(journal))
    std::ofstream(run.path() / "journal.jsonl", std::ios::app)
        << R"({"record":"intent",)" << std::string(200'000, ' ') << R"("group":"middle-0"})"
        << "\n";
  const auto full = run_process(Arguments{"bash", "-c", "ulimit -f 100; trap '' XFSZ; exec \"$@\"",
                                          "bash", testenv::kferry_binary().string()} +
                                resumption());
  EXPECT_EQ(full.exit_code, 6) << full.err;
  EXPECT_TRUE(contains(full.out + full.err, "writing the journal " + journal));
  EXPECT_TRUE(contains(full.out + full.err, "File too large"));
  EXPECT_EQ(migrated("middle"), 1);
  const Json outcomes = read_json(report_path).at("summary").at("outcomes");
  EXPECT_EQ(outcomes.at("migrated"), 1);
  EXPECT_EQ(outcomes.at("failed").get<int>() + outcomes.at("not_attempted").get<int>(), 2);
  EXPECT_EQ(run_kferry(resumption()).exit_code, 0);
  expect_all_migrated("middle");
}

// Not even the plan fits.
TEST_F(TroubleServers, AJournalThatCannotGrow) {
  plan("limit");
  const std::string command = "ulimit -f \"$0\" && trap '' XFSZ && exec \"$@\"";
  const auto with_limit = [&](int blocks) {
    return run_process(Arguments{"bash", "-c", command, std::to_string(blocks),
                                 testenv::kferry_binary().string()} +
                       migration(journal));
  };
  const auto size = static_cast<int>(std::filesystem::file_size(folder / "plan.json"));
  const auto too_small = with_limit(size / 1024 / 2);
  EXPECT_EQ(too_small.exit_code, 1) << too_small.out << too_small.err;
  EXPECT_TRUE(contains(too_small.err + too_small.out, journal));
  EXPECT_TRUE(contains(too_small.err + too_small.out, "File too large"));
  EXPECT_EQ(migrated("limit"), 0) << "no plan in the journal, nothing is written";
  const auto again = run_kferry(migration(journal));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  expect_all_migrated("limit");
}

TEST_F(TroubleServers, AJournalFolderThatIsAFileOrForbidden) {
  plan("read-only");
  write_text(folder / "file", "");
  for (const std::string& path : {folder / "file/journal", std::string("/proc/kferry-journal")}) {
    const auto done = run_kferry(migration(path));
    EXPECT_EQ(done.exit_code, 1) << done.err;
    EXPECT_TRUE(contains(done.err, path));
    EXPECT_TRUE(contains(done.err, "--journal"));
  }
  EXPECT_EQ(migrated("read-only"), 0);
}

TEST_F(TroubleServers, ZooKeeperGoneInTheMiddleAndBack) {
  plan("zookeeper");
  ChildProcess run = paused_at("group.before_done", 1'500);
  ASSERT_TRUE(wait_for_file(folder / "reached"));
  env->zookeeper("kill");
  const auto cut = run.wait(60'000);
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->exit_code == 6 || cut->exit_code == 5) << cut->exit_code << cut->err;
  EXPECT_TRUE(contains(cut->out + cut->err, "ZooKeeper"));
  EXPECT_TRUE(contains(cut->out + cut->err, "--resume"));
  const Json report = read_json(report_path);
  ASSERT_FALSE(report.is_null());
  EXPECT_EQ(report.at("exit_code"), cut->exit_code);
  EXPECT_EQ(report.at("summary").at("outcomes").at("migrated"), count_done_records());
  env->zookeeper("start");
  const auto done = run_kferry(resumption());
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  expect_all_migrated("zookeeper");
}

TEST_F(TroubleServers, BrokerGoneInTheMiddleAndBack) {
  plan("broker");
  ChildProcess run = paused_at("group.before_intent", 2'000);
  ASSERT_TRUE(wait_for_file(folder / "reached"));
  env->broker("kill", 0);
  const auto cut = run.wait(120'000);
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->exit_code == 6 || cut->exit_code == 5) << cut->exit_code << cut->err;
  EXPECT_TRUE(contains(cut->out + cut->err, env->bootstrap_servers()));
  EXPECT_TRUE(contains(cut->out + cut->err, "--resume"));
  EXPECT_EQ(read_json(report_path).at("exit_code"), cut->exit_code);
  env->broker("start", 0);
  const auto done = run_kferry(resumption());
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  expect_all_migrated("broker");
}

TEST_F(TroubleServers, AFrozenZooKeeperIsGivenUp) {
  env->zookeeper("pause");
  const auto start = std::chrono::steady_clock::now();
  const auto done = run_kferry(Arguments{"plan"} + quick(groups_of("frozen")) + connections(*env));
  const auto took = std::chrono::steady_clock::now() - start;
  env->zookeeper("resume");
  EXPECT_EQ(done.exit_code, 5) << done.err;
  EXPECT_TRUE(contains(done.err, "ZooKeeper"));
  EXPECT_LT(took, std::chrono::seconds(20));
}

}  // namespace
}  // namespace kferry::trouble
