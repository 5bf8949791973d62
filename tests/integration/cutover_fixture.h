// What the tests of a cut-over share: its process, and a town of producers and consumers that move.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/integration/mirror_fixture.h"
#include "tests/integration/story.h"

namespace kferry::mirror {

constexpr int32_t kPartitions = 3;

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
  void move_producers() { move_producers(clusters.target_bootstrap_servers()); }
  void move_producers(const std::string& bootstrap_servers) {
    shop->stop();
    errors += shop->errors();
    shop = std::make_unique<Shop>(bootstrap_servers, topic, kPartitions, 300, written);
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
  std::map<std::string, std::unique_ptr<Worker>> applications;
};

inline Arguments flow_of(const std::string& name) {
  return {"--flow", name, "--topics", name, "--groups", name + "-.*"};
}

inline ProcessResult act(const Environment& environment, const std::string& action,
                         const Arguments& more) {
  Arguments arguments = CutoverProcess::arguments(environment, Arguments{action} + more);
  return testenv::run_process(arguments);
}

}  // namespace kferry::mirror
