// What the tests of the mirror share: runs of the release binary between two real clusters, and
// what independent readers see on both.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "kafkaio/consumer.h"
#include "testenv/testenv.h"
#include "tests/integration/source_writer.h"
#include "tests/integration/two_sides.h"
#include "tests/support/expectations.h"

namespace kferry::mirror {

using Arguments = std::vector<std::string>;
using Json = nlohmann::json;
using integration::before_long;
using integration::value_of;
using integration::within;
using testenv::Environment;
using testenv::ProcessResult;
using testenv::Side;

Arguments operator+(Arguments left, const Arguments& right);

// A `kferry replicate`, running.
class MirrorProcess {
 public:
  // `hook` as in base/test_hook.h.
  MirrorProcess(const std::string& source, const std::string& target, const Arguments& more,
                const std::string& hook = {});
  MirrorProcess(const Environment& environment, const Arguments& more, const std::string& hook = {})
      : MirrorProcess(environment.bootstrap_servers(), environment.target_bootstrap_servers(), more,
                      hook) {}

  // Once it serves HTTP; 0 when it has ended.
  uint16_t port();
  Json status();  // null when it does not answer
  std::string metrics();
  // Until it is true of /status; false after `patience`, or when the process has ended.
  bool reaches(const std::function<bool(const Json&)>& state, Duration patience = Duration(60'000));
  bool takes_over_slots() { return child_.wait_for_output("taking over slots", 30'000); }

  void signal(int number) { child_.send_signal(number); }
  bool running() { return !child_.wait(0); }
  // SIGTERM; what it was.
  ProcessResult stop();
  ProcessResult kill() { return child_.kill(); }
  // Waits for its own end.
  ProcessResult finish(int timeout_ms = 90'000);
  std::string log() const { return child_.err(); }

 private:
  testenv::ChildProcess child_;
  uint16_t port_ = 0;
};

// The arguments for a flow of its own.
Arguments flow(const std::string& name, const std::string& topics);

// Of /status, or of what a run with --format json printed; null when it is not there.
Json partition_of(const Json& status, const std::string& topic, int partition);
// How many partitions are in this phase.
int64_t in_phase(const Json& status, const std::string& phase);
// Nothing of what the process knows of is left to be copied.
bool has_no_lag(const Json& status);

// Runs until everything is copied; the last status. A failure when the exit code is another.
Json mirror_until_caught_up(const Environment& environment, const Arguments& more,
                            int exit_code = 0);

// By a librdkafka consumer, read_committed: all that there is, by partition.
using Log = std::vector<kafkaio::Record>;
std::map<TopicPartition, Log> read_topic(const std::string& bootstrap_servers,
                                         const std::string& topic, int32_t partitions);

// The same records at the same offsets, says librdkafka.
testing::AssertionResult same_for_librdkafka(const Environment& environment,
                                             const std::string& topic, int32_t partitions);
// What CompareTopics found: nothing lost, doubled, out of order or changed; `--identity` in `more`:
// at the same offsets.
testing::AssertionResult same_for_java(const Json& comparison);
testing::AssertionResult same_for_java(Environment& environment, const std::string& topics,
                                       const Arguments& more = {"--identity"});

// A random number's seed, printed: KFERRY_SEED, or by chance.
uint64_t test_seed();

// One pair of clusters for the tests that need no other: 3.9.1 in ZooKeeper mode to 4.1.0.
class MirrorOnBrokers : public testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  static Environment& clusters() { return *environment_; }
  static SourceWriter& source() { return *source_; }
  static SourceWriter& target() { return *target_; }

 private:
  inline static std::unique_ptr<Environment> environment_;
  inline static std::unique_ptr<SourceWriter> source_;
  inline static std::unique_ptr<SourceWriter> target_;
};

}  // namespace kferry::mirror
