// The whole move with people at work: producers that never stop, groups of real consumers, the
// mirror, the cut-over. The test counts what was written and consumed.
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "tests/integration/mirror_fixture.h"
#include "tests/integration/story.h"

namespace kferry::mirror {
namespace {

using namespace std::chrono_literals;

constexpr int32_t kPartitions = 3;

class CutoverOnBrokers : public MirrorOnBrokers {};

// A `kferry cutover`, running.
class CutoverProcess {
 public:
  CutoverProcess(const Environment& environment, const Arguments& more,
                 const std::string& hook = {})
      : child_(arguments(environment, more), options(hook)) {}

  bool says(const std::string& text, int timeout_ms = 60'000) {
    return child_.wait_for_output(text, timeout_ms);
  }
  ProcessResult finish(int timeout_ms = 120'000) {
    auto result = child_.wait(timeout_ms);
    return result ? *result : child_.kill();
  }
  void signal(int number) { child_.send_signal(number); }
  std::string log() const { return child_.err(); }

  static Arguments arguments(const Environment& environment, const Arguments& more) {
    return Arguments{testenv::kferry_binary().string(), "cutover"} + more +
           Arguments{"--source", environment.bootstrap_servers(), "--target",
                     environment.target_bootstrap_servers()};
  }

 private:
  static testenv::ProcessOptions options(const std::string& hook) {
    testenv::ProcessOptions options;
    if (!hook.empty()) options.environment["KFERRY_TEST_HOOK"] = hook;
    return options;
  }
  testenv::ChildProcess child_;
};

// The clusters with a topic, groups that consume it, and a producer.
struct Town {
  Town(Environment& around, SourceWriter& source, const std::string& name,
       const std::vector<std::string>& groups)
      : clusters(around), topic(name) {
    source.create(topic, kPartitions);
    for (const std::string& group : groups) {
      consumed[group] = std::make_unique<Ledger>();
      for (int32_t p = 0; p < kPartitions; ++p) source.commit(group, at(topic, p), 0);
    }
    shop = std::make_unique<Shop>(clusters.bootstrap_servers(), topic, kPartitions, 300, written);
    for (const std::string& group : groups) start(group, clusters.bootstrap_servers());
  }

  void start(const std::string& group, const std::string& bootstrap_servers) {
    applications[group] =
        std::make_unique<Application>(bootstrap_servers, group, topic, *consumed[group]);
  }
  void stop(const std::string& group) { applications[group].reset(); }
  void move_producers() {
    shop->stop();
    errors += shop->errors();
    shop = std::make_unique<Shop>(clusters.target_bootstrap_servers(), topic, kPartitions, 300,
                                  written);
  }
  void expect_each_record_once() {
    shop->stop();
    EXPECT_EQ(errors + shop->errors(), 0);
    for (auto& [group, ledger] : consumed) {
      SCOPED_TRACE(group);
      integration::before_long([&] { return ledger->count() >= written.count(); });
      applications[group].reset();
      EXPECT_TRUE(each_exactly_once(written.values(), ledger->values()));
    }
  }

  Environment& clusters;
  const std::string topic;
  Ledger written;
  int64_t errors = 0;
  std::map<std::string, std::unique_ptr<Ledger>> consumed;
  std::unique_ptr<Shop> shop;
  std::map<std::string, std::unique_ptr<Application>> applications;
};

Arguments flow_of(const std::string& name) {
  return {"--flow", name, "--topics", name, "--groups", name + "-.*"};
}

ProcessResult act(const Environment& environment, const std::string& action,
                  const Arguments& more) {
  Arguments arguments = CutoverProcess::arguments(environment, Arguments{action} + more);
  return testenv::run_process(arguments);
}

TEST_F(CutoverOnBrokers, StepByStepEveryRecordIsConsumedOnce) {
  const std::string name = "steps";
  Town town(clusters(), source(), name, {"steps-a", "steps-b"});
  source().commit("steps-idle", at(name, 0), 5);
  MirrorProcess mirror(clusters(), flow_of(name));
  ASSERT_TRUE(mirror.takes_over_slots()) << mirror.log();
  const std::string report_file = testing::TempDir() + "cutover-steps.json";
  CutoverProcess cutover(clusters(),
                         flow_of(name) + Arguments{"--quiet", "3s", "--report", report_file});
  ASSERT_TRUE(cutover.says("reached: caught_up")) << cutover.log() << mirror.log();
  ASSERT_TRUE(cutover.says("begins with moving the consumers"));
  EXPECT_EQ(act(clusters(), "show", flow_of(name)).exit_code, 3);
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  for (const std::string group : {"steps-a", "steps-b"}) {
    town.stop(group);
    ASSERT_TRUE(cutover.says(fmt::format("group '{}': its last offsets are on the target", group)))
        << cutover.log();
    town.start(group, clusters().target_bootstrap_servers());
    ASSERT_TRUE(cutover.says(fmt::format("group '{}': at work on the target", group)))
        << cutover.log();
  }
  ASSERT_TRUE(cutover.says("reached: consumers_moved")) << cutover.log();
  ASSERT_TRUE(cutover.says("lets producers write to the target"));
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  ASSERT_TRUE(cutover.says("producers may move to the target now")) << cutover.log();
  town.move_producers();
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  ASSERT_TRUE(cutover.says("reached: drained")) << cutover.log();
  ASSERT_TRUE(cutover.says("ends the mirror for good")) << cutover.log();
  ASSERT_EQ(act(clusters(), "release", flow_of(name)).exit_code, 0);
  EXPECT_EQ(cutover.finish().exit_code, 0) << cutover.log();
  EXPECT_EQ(mirror.finish().exit_code, 0) << mirror.log();
  town.expect_each_record_once();
  std::ifstream file(report_file);
  const Json report = Json::parse(file);
  EXPECT_EQ(report["state"], "stopped");
  EXPECT_TRUE(report["alarms"].empty()) << report["alarms"];
  ASSERT_EQ(report["groups"].size(), 3U);
  EXPECT_GT(report["groups"][0]["pause_ms"], 0);
  EXPECT_TRUE(report["groups"][2]["pause_ms"].is_null());
}

}  // namespace
}  // namespace kferry::mirror
