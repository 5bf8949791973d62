// Whatever a broker answers, kferry ends in time, with an error that names it.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "testenv/testenv.h"
#include "tests/support/command.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_zookeeper.h"
#include "tests/support/hostile_broker.h"
#include "wire/messages.h"

namespace kferry::wire {
namespace {

using test::connect_to;
using test::FakeBroker;
using test::FakeZookeeper;
using test::has;
using test::Hostility;
using test::ok;
using test::Stopwatch;
using test::wait_for;
using test::WireRequest;

constexpr Duration kTimeout{400};
// Some waits one after the other, on a busy machine under a sanitizer.
constexpr Duration kInTime{5'000};

ClientConfig impatient() {
  ClientConfig config;
  config.connect_timeout = config.request_timeout = kTimeout;
  return config;
}

// The largest resident set of a child that has ended.
int64_t most_memory_of_children_mb() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_maxrss / 1024;
}

TEST(HostileBroker, NobodyIsTakenForABroker) {
  test::side_by_side(test::hostilities(), [](const Hostility& hostility) {
    SCOPED_TRACE(hostility.name);
    FakeBroker fake;
    for (const ApiKey key : {ApiKey::kApiVersions, ApiKey::kListGroups, ApiKey::kListOffsets})
      fake.on(key, hostility.answer);
    const Stopwatch watch;
    const auto broker = Broker::connect(fake.address(), impatient(), wait_for(kInTime));
    ASSERT_FALSE(broker);
    EXPECT_TRUE(has(broker.error().message, to_string(fake.address())));
    EXPECT_LT(watch.elapsed(), kInTime);
  });
}

TEST(HostileBroker, NoAnswerIsBelieved) {
  test::side_by_side(test::hostilities(), [](const Hostility& hostility) {
    SCOPED_TRACE(hostility.name);
    FakeBroker fake;
    fake.on(ApiKey::kMetadata, hostility.answer);
    fake.on(ApiKey::kFetch, hostility.answer);
    Cluster cluster = connect_to({&fake}, impatient());
    const Stopwatch watch;
    const auto metadata = cluster.fetch_metadata(std::nullopt, wait_for(kInTime));
    ASSERT_FALSE(metadata);
    EXPECT_TRUE(has(metadata.error().message, to_string(fake.address())));
    auto broker = Broker::connect(fake.address(), impatient(), wait_for(kInTime));
    ASSERT_TRUE(ok(broker));
    EXPECT_FALSE(broker->call(FetchRequest{}, wait_for(kInTime)));
    EXPECT_FALSE(broker->is_open());
    EXPECT_LT(watch.elapsed(), kInTime);
  });
}

// librdkafka starts its threads by C11's thrd_create, of which g++ 12's ThreadSanitizer does not
// know: it crashes in the first of them.
#ifdef __SANITIZE_THREAD__
constexpr bool kLibrdkafkaRuns = false;
#else
constexpr bool kLibrdkafkaRuns = true;
#endif

// The binary against a broker that is one until it is asked who is in its cluster.
void expect_failure(const FakeBroker& hostile, std::vector<std::string> arguments) {
  SCOPED_TRACE(arguments.front());
  arguments.insert(arguments.end(), {"--request-timeout", "1s"});
  const auto done = testenv::run_kferry(arguments, {.timeout_ms = 20'000});
  EXPECT_FALSE(done.timed_out);
  EXPECT_EQ(done.signal, 0) << done.err;
  EXPECT_GT(done.exit_code, 0) << done.out;
  EXPECT_TRUE(has(done.err, to_string(hostile.address())));
}

// Some that end at once, and one that does not.
std::vector<Hostility> some_hostilities() {
  std::vector<Hostility> some = test::hostilities();
  std::erase_if(some, [](const Hostility& one) {
    return one.name != "garbage" && one.name != "2 GB" && one.name != "an array of 2^32-2" &&
           one.name != "a byte a second";
  });
  return some;
}

TEST(HostileBroker, EndsEveryVerbWithAnError) {
  const FakeZookeeper zookeeper({{"/consumers", {}},
                                 {"/consumers/g", {}},
                                 {"/consumers/g/offsets", {}},
                                 {"/consumers/g/offsets/t", {}},
                                 {"/consumers/g/offsets/t/0", {.data = "5"}}});
  FakeBroker honest;
  honest.show({.brokers = {}, .leaders = {{{TopicName("t"), Partition(0)}, BrokerId(0)}}});
  test::side_by_side(some_hostilities(), [&](const Hostility& hostility) {
    SCOPED_TRACE(hostility.name);
    FakeBroker hostile;
    hostile.on(ApiKey::kMetadata, hostility.answer);
    const test::TemporaryFile report;
    const std::string source = to_string(hostile.address());
    const std::string target = to_string(honest.address());
    if (kLibrdkafkaRuns)
      expect_failure(hostile, {"verify", "--all-groups", "--zookeeper", zookeeper.connect_string(),
                               "--bootstrap-server", source});
    expect_failure(hostile, {"replicate", "--dry-run", "--source", source, "--target", target,
                             "--topics", ".*"});
    expect_failure(hostile, {"prove", "--report", report.path(), "--source", source, "--target",
                             target, "--topics", ".*"});
  });
  EXPECT_LT(most_memory_of_children_mb(), 600);
}

}  // namespace
}  // namespace kferry::wire
