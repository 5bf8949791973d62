// What the mirror cannot follow is never passed over: it is named in /status and /metrics, it stops
// its partition alone, and --until-caught-up ends with 3.
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "tests/integration/mirror_fixture.h"

namespace kferry::mirror {
namespace {

using test::has;

class MirrorTrouble : public testing::Test {
 protected:
  MirrorTrouble()
      : environment_(Environment::start({.source = "3.9.1", .target = "4.1.0"})),
        source_(environment_.bootstrap_servers()),
        target_(environment_.target_bootstrap_servers()) {}

  // A topic with records in both of its partitions.
  void plant(const std::string& topic, int records = 100) {
    source_.create(topic, 2);
    for (int32_t p = 0; p < 2; ++p) source_.append_some(at(topic, p), {records}, 10'000 + p);
  }
  void corrupt_on_disk(const TopicPartition& partition);
  void cause_troubles();
  void expect_quarantined(MirrorProcess& mirror, const Json& status, const TopicPartition& where,
                          const std::string& why);

  Environment environment_;
  SourceWriter source_;
  SourceWriter target_;
};

// Turns one bit of the value of a record in the middle of the log, as a disk might.
void MirrorTrouble::corrupt_on_disk(const TopicPartition& partition) {
  const auto path = environment_.dir() / "data" / "source-0" / fmt::format("{}", partition) /
                    "00000000000000000000.log";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(0, std::ios::end);
  const std::streamoff middle = static_cast<std::streamoff>(file.tellg()) * 3 / 4;
  file.seekg(middle);
  const int byte = file.get();
  file.seekp(middle);
  file.put(static_cast<char>(byte ^ 1));
  ASSERT_TRUE(file.good()) << path;
}

// While the mirror stands still; then there is something new everywhere.
void MirrorTrouble::cause_troubles() {
  source_.append_some(at("retention", 0), {50, 50}, 11'000);
  source_.trim(at("retention", 0), 150);
  source_.remove("recreated");
  plant("recreated", 300);  // longer than the old one: the end alone tells nothing
  source_.remove("shorter");
  plant("shorter", 10);
  source_.remove("deleted");
  target_.append_some(at("foreign", 0), {1}, 12'000);
  for (const char* const topic : {"fine", "foreign", "corrupt", "retention"})
    for (int32_t p = 0; p < 2; ++p) source_.append_some(at(topic, p), {20, 20, 20, 20}, 13'000 + p);
  environment_.broker("stop", 0);
  ASSERT_NO_FATAL_FAILURE(corrupt_on_disk(at("corrupt", 0)));
  environment_.broker("start", 0);
}

void MirrorTrouble::expect_quarantined(MirrorProcess& mirror, const Json& status,
                                       const TopicPartition& where, const std::string& why) {
  SCOPED_TRACE(fmt::format("{}", where));
  const Json one = partition_of(status, where.topic.value(), where.partition.value());
  ASSERT_FALSE(one.is_null());
  EXPECT_EQ(one["phase"], "quarantined");
  EXPECT_TRUE(has(one["reason"].dump(), why));
  EXPECT_TRUE(has(mirror.log(), "partition cannot follow"));
  const std::string metrics = mirror.metrics();
  const size_t line =
      metrics.find(fmt::format("topic=\"{}\",partition=\"{}\"", where.topic, where.partition),
                   metrics.find("\nkferry_partition_quarantined{"));
  ASSERT_NE(line, metrics.npos);
  EXPECT_EQ(metrics.substr(metrics.find("} ", line), 4), "} 1\n");
}

TEST_F(MirrorTrouble, IsNamedAndStopsItsPartitionAlone) {
  for (const char* const topic :
       {"fine", "retention", "recreated", "shorter", "deleted", "foreign", "corrupt"})
    plant(topic);
  const Arguments arguments = flow("trouble", ".*");
  mirror_until_caught_up(environment_, arguments);
  ASSERT_NO_FATAL_FAILURE(cause_troubles());

  MirrorProcess mirror(environment_, arguments);
  EXPECT_TRUE(mirror.reaches([](const Json& now) {
    return in_phase(now, "quarantined") == 7 && in_phase(now, "copying") == 5 &&
           partition_of(now, "fine", 0)["lag"] == 0 && partition_of(now, "fine", 1)["lag"] == 0;
  })) << mirror.status().dump(1)
      << mirror.log();
  const Json status = mirror.status();
  expect_quarantined(mirror, status, at("retention", 0), "retention on the source deleted offsets");
  for (int32_t p = 0; p < 2; ++p) {
    expect_quarantined(mirror, status, at("recreated", p), "was deleted and created anew");
    expect_quarantined(mirror, status, at("shorter", p), "was deleted and created anew");
  }
  expect_quarantined(mirror, status, at("foreign", 0), "somebody else wrote to foreign-0");
  expect_quarantined(mirror, status, at("corrupt", 0), "corrupt");
  EXPECT_EQ(mirror.stop().exit_code, 0);

  const Json end = mirror_until_caught_up(environment_, arguments, 3);
  EXPECT_EQ(in_phase(end, "quarantined"), 7) << end.dump(1);
  EXPECT_TRUE(same_for_java(environment_, "fine"));
}

// The same while it runs.
TEST_F(MirrorTrouble, IsSeenWhileTheMirrorRuns) {
  for (const char* const topic : {"fine", "recreated", "deleted", "foreign"}) plant(topic);
  MirrorProcess mirror(environment_, flow("live", ".*"));
  ASSERT_TRUE(mirror.reaches([](const Json& now) {
    return now["summary"]["partitions"] == 8 && has_no_lag(now);
  })) << mirror.log();
  source_.remove("deleted");
  source_.remove("recreated");
  plant("recreated", 300);
  target_.append_some(at("foreign", 0), {1}, 14'000);
  for (const char* const topic : {"fine", "foreign"})
    for (int32_t p = 0; p < 2; ++p) source_.append_some(at(topic, p), {20}, 15'000 + p);
  EXPECT_TRUE(mirror.reaches([](const Json& now) {
    return in_phase(now, "quarantined") == 5 && partition_of(now, "fine", 0)["lag"] == 0;
  })) << mirror.status().dump(1)
      << mirror.log();
  const Json status = mirror.status();
  for (int32_t p = 0; p < 2; ++p) {
    expect_quarantined(mirror, status, at("recreated", p), "was deleted and created anew");
    expect_quarantined(mirror, status, at("deleted", p), "topic deleted was deleted");
  }
  expect_quarantined(mirror, status, at("foreign", 0), "somebody else wrote to foreign-0");
  EXPECT_EQ(mirror.stop().exit_code, 0);
  EXPECT_TRUE(same_for_java(environment_, "fine"));
}

}  // namespace
}  // namespace kferry::mirror
