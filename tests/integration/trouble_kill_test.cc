// kill -9 at every boundary of a migration, then --resume: the final report is that of an
// undisturbed run, and every offset is right. The cases work on groups of their own, four at a
// time, because a killed kferry stays a member of its group until the session times out.
#include <atomic>
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

using testenv::Environment;
using testenv::ProcessResult;
using testenv::run_kferry;

constexpr int kPartitions = 3;
constexpr int kGroups = 3;
constexpr int kWorkers = 4;

struct Case {
  std::string point;
  int visit = 1;
  std::string name() const { return fmt::format("{}.{}", point, visit); }
};

std::vector<Case> all_cases() {
  std::vector<Case> cases = {{"journal.plan_written", 1}, {"journal.started", 1}};
  for (const char* point : {"session.joined", "session.synced", "group.held", "group.before_commit",
                            "group.after_commit", "group.before_intent", "group.after_intent",
                            "group.before_done", "group.after_done"})
    for (const int visit : {1, 2}) cases.push_back({point, visit});
  return cases;
}

std::string group_name(const std::string& set, int i) {
  return fmt::format("{}-{}", set, i);
}

std::vector<std::string> groups_of(const std::string& set) {
  std::vector<std::string> groups;
  for (int i = 0; i < kGroups; ++i) groups.push_back(group_name(set, i));
  return groups;
}

Offsets expected_of(int group) {
  Offsets offsets;
  for (int p = 0; p < kPartitions; ++p) offsets[at("orders", p)] = 10 * (group + 1) + p;
  return offsets;
}

Json workload(const std::vector<std::string>& sets) {
  Json groups = Json::array();
  for (const std::string& set : sets)
    for (int i = 0; i < kGroups; ++i) {
      Json offsets = Json::object();
      for (const auto& [partition, offset] : expected_of(i))
        offsets[fmt::format("{}", partition.partition)] = offset;
      groups.push_back(Json{{"group", group_name(set, i)}, {"offsets", {{"orders", offsets}}}});
    }
  const Json topic = {{"name", "orders"}, {"partitions", kPartitions}, {"records", 50}};
  return {{"topics", Json::array({topic})}, {"groups", groups}};
}

// The names of the groups are all that two sets may differ in.
std::string comparable(const Json& report, const std::string& set) {
  if (report.is_null()) return "no report";
  std::string text = normalised(report).dump(1);
  for (size_t found = text.find(set); found != std::string::npos; found = text.find(set, found))
    text.replace(found, set.size(), "SET");
  return text;
}

class TroubleKill : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    env = std::make_unique<Environment>(Environment::start());
    std::vector<std::string> sets = {"undisturbed", "one-shot", "torn", "twice", "half"};
    for (const Case& one : all_cases()) sets.push_back(one.name());
    env->workload(workload(sets));
    undisturbed = std::make_unique<Json>(run_undisturbed());
  }
  static void TearDownTestSuite() {
    undisturbed.reset();
    env.reset();
  }

  static Json run_undisturbed() {
    const Folder folder;
    plan(folder, "undisturbed");
    EXPECT_EQ(migrate(folder).exit_code, 0);
    return read_json(folder / "report.json");
  }

  static void plan(const Folder& folder, const std::string& set) {
    const auto done = run_kferry(Arguments{"plan", "--out", folder / "plan.json"} +
                                 quick(groups_of(set)) + connections(*env));
    EXPECT_EQ(done.exit_code, 3) << done.out << done.err;
  }
  static Arguments outputs(const Folder& folder) {
    return {"--execute", "--parallel",       "1",        "--session-timeout",    "6s",
            "--journal", folder / "journal", "--report", folder / "report.json", "--no-progress"};
  }
  static ProcessResult migrate(const Folder& folder, const std::string& hook = {}) {
    return run_kferry(Arguments{"migrate", "--plan", folder / "plan.json"} + outputs(folder),
                      {.environment = {{"KFERRY_TEST_HOOK", hook}}});
  }
  static ProcessResult resume(const Folder& folder) {
    return run_kferry(Arguments{"migrate", "--resume"} + outputs(folder));
  }
  static void expect_finished(const Folder& folder, const std::string& set,
                              const ProcessResult& last) {
    EXPECT_EQ(last.exit_code, 0) << last.out << last.err;
    EXPECT_EQ(comparable(read_json(folder / "report.json"), set),
              comparable(*undisturbed, "undisturbed"));
    for (int i = 0; i < kGroups; ++i)
      EXPECT_EQ(committed(*env, group_name(set, i), partitions_of("orders", kPartitions)),
                expected_of(i));
  }
  static std::string journal_file(const Folder& folder) {
    for (const auto& run : std::filesystem::directory_iterator(folder / "journal"))
      return (run.path() / "journal.jsonl").string();
    return {};
  }

  inline static std::unique_ptr<Environment> env;
  inline static std::unique_ptr<Json> undisturbed;
};

// One case: what the processes said, to be judged on the main thread.
struct Trial {
  Folder folder;
  ProcessResult killed;
  ProcessResult last;
};

TEST_F(TroubleKill, AtEveryBoundaryThenResume) {
  const std::vector<Case> cases = all_cases();
  std::vector<Trial> trials(cases.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < cases.size(); i = next++) {
      Trial& trial = trials[i];
      plan(trial.folder, cases[i].name());
      trial.killed =
          migrate(trial.folder, fmt::format("kill:{}:{}", cases[i].point, cases[i].visit));
      const bool begun = cases[i].point != "journal.plan_written";
      trial.last = begun ? resume(trial.folder) : migrate(trial.folder);
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < kWorkers; ++i) workers.emplace_back(work);
  }
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].name());
    EXPECT_EQ(trials[i].killed.signal, SIGKILL) << trials[i].killed.err;
    expect_finished(trials[i].folder, cases[i].name(), trials[i].last);
  }
}

// Between the commit and its read-back nothing is lost either when nobody resumes: the offsets
// that stand are right, and the report of the killed run was never written.
TEST_F(TroubleKill, WithoutResumeNothingIsHalfWritten) {
  const Folder folder;
  plan(folder, "half");
  EXPECT_EQ(migrate(folder, "kill:group.after_commit:2").signal, SIGKILL);
  EXPECT_TRUE(read_json(folder / "report.json").is_null());
  const auto partitions = partitions_of("orders", kPartitions);
  EXPECT_EQ(committed(*env, "half-0", partitions), expected_of(0));
  EXPECT_EQ(committed(*env, "half-1", partitions), expected_of(1));
  EXPECT_EQ(committed(*env, "half-2", partitions), Offsets{});
  const auto again = migrate(folder);
  EXPECT_EQ(again.exit_code, 6);
  EXPECT_TRUE(contains(again.err, "an earlier run was cut off"));
  EXPECT_TRUE(contains(again.err, "--resume"));
  EXPECT_EQ(committed(*env, "half-2", partitions), Offsets{}) << "refused before any write";
}

// An init container comes back with the same arguments.
TEST_F(TroubleKill, OneShotResumesByItself) {
  const Folder folder;
  const auto run = [&](const std::string& hook) {
    return run_kferry(
        Arguments{"migrate"} + quick(groups_of("one-shot")) + connections(*env) + outputs(folder),
        {.environment = {{"KFERRY_TEST_HOOK", hook}}});
  };
  EXPECT_EQ(run("kill:group.before_commit:2").signal, SIGKILL);
  expect_finished(folder, "one-shot", run(""));
  const auto third = run("");
  EXPECT_EQ(third.exit_code, 0) << third.err;
  EXPECT_EQ(ending(read_json(folder / "report.json"), "one-shot-1", "orders", 0).substr(0, 5),
            "equal");
}

TEST_F(TroubleKill, ATornLastLineIsTolerated) {
  const Folder folder;
  plan(folder, "torn");
  EXPECT_EQ(migrate(folder, "kill:group.before_done:2").signal, SIGKILL);
  std::ofstream(journal_file(folder), std::ios::app) << R"({"record":"done","group":"torn-1","par)";
  expect_finished(folder, "torn", resume(folder));
}

TEST_F(TroubleKill, ResumingTwiceSaysThatNothingIsLeft) {
  const Folder folder;
  plan(folder, "twice");
  EXPECT_EQ(migrate(folder, "kill:group.before_intent:2").signal, SIGKILL);
  expect_finished(folder, "twice", resume(folder));
  const auto second = resume(folder);
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_TRUE(contains(second.err, "shows no run that was cut off"));
  EXPECT_TRUE(contains(second.err, folder / "journal"));
}

}  // namespace
}  // namespace kferry::trouble
