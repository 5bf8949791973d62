#include "tests/integration/mirror_fixture.h"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <regex>

#include <fmt/format.h>

#include "tests/support/http_client.h"

namespace kferry::mirror {
namespace {

Arguments command(const std::string& source, const std::string& target, const Arguments& more) {
  return Arguments{testenv::kferry_binary().string(),
                   "replicate",
                   "--source",
                   source,
                   "--target",
                   target,
                   "--listen",
                   "127.0.0.1:0",
                   "--format",
                   "json",
                   "--no-progress"} +
         more;
}

std::string describe(const kafkaio::Record& record) {
  return fmt::format("offset {} timestamp {} key {} value {} ({} headers)", record.offset,
                     record.timestamp_ms, record.key.value_or("(null)"),
                     record.value.value_or("(null)").substr(0, 40), record.headers.size());
}

}  // namespace

Arguments operator+(Arguments left, const Arguments& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

MirrorProcess::MirrorProcess(const std::string& source, const std::string& target,
                             const Arguments& more, const std::string& hook)
    : child_(command(source, target, more), {.environment = {{"KFERRY_TEST_HOOK", hook}}}) {}

uint16_t MirrorProcess::port() {
  static const std::string kServing = "serving port=";
  if (port_ != 0 || !child_.wait_for_output(kServing, 30'000)) return port_;
  std::smatch found;
  const std::string log = child_.err();
  if (std::regex_search(log, found, std::regex(kServing + "([0-9]+)")))
    port_ = static_cast<uint16_t>(std::stoi(found[1]));
  return port_;
}

Json MirrorProcess::status() {
  if (port() == 0) return {};
  const Json status = Json::parse(test::ask(port_, "GET", "/status").body, nullptr, false);
  return status.is_discarded() ? Json() : status;
}

std::string MirrorProcess::metrics() {
  return port() == 0 ? std::string() : test::ask(port_, "GET", "/metrics").body;
}

bool MirrorProcess::reaches(const std::function<bool(const Json&)>& state, Duration patience) {
  const StopToken never;
  for (const Deadline deadline = Deadline::after(patience); !deadline.expired();) {
    const Json now = status();
    if (!now.is_null() && state(now)) return true;
    if (!running()) return false;
    never.sleep_for(Duration(50));
  }
  return false;
}

ProcessResult MirrorProcess::stop() {
  child_.send_signal(SIGTERM);
  return finish(30'000);
}

ProcessResult MirrorProcess::finish(int timeout_ms) {
  if (auto result = child_.wait(timeout_ms)) return *result;
  ProcessResult result = child_.kill();
  result.timed_out = true;
  return result;
}

Arguments flow(const std::string& name, const std::string& topics) {
  return {"--flow", name, "--topics", topics, "--no-mm2-topics"};
}

Json partition_of(const Json& status, const std::string& topic, int partition) {
  if (!status.is_object()) return {};
  for (const Json& one : status.at("partitions"))
    if (one.at("topic") == topic && one.at("partition") == partition) return one;
  return {};
}

int64_t in_phase(const Json& status, const std::string& phase) {
  return status.is_object() ? status.at("summary").at("phases").at(phase).get<int64_t>() : -1;
}

bool has_no_lag(const Json& status) {
  const Json& summary = status.at("summary");
  return summary.at("partitions") > 0 && summary.at("lag") == 0 &&
         in_phase(status, "copying") == summary.at("partitions");
}

Json mirror_until_caught_up(const Environment& environment, const Arguments& more, int exit_code) {
  MirrorProcess process(environment, more + Arguments{"--until-caught-up"});
  const ProcessResult done = process.finish();
  EXPECT_FALSE(done.timed_out) << process.log();
  EXPECT_EQ(done.exit_code, exit_code) << done.out << done.err;
  const Json status = Json::parse(done.out, nullptr, false);
  return status.is_discarded() ? Json() : status;
}

std::map<TopicPartition, Log> read_topic(const std::string& bootstrap_servers,
                                         const std::string& topic, int32_t partitions) {
  std::map<TopicPartition, Log> logs;
  kafkaio::Consumer::Positions start;
  for (int32_t p = 0; p < partitions; ++p) {
    start[at(topic, p)] = kafkaio::Consumer::kBeginning;
    logs[at(topic, p)];
  }
  kafkaio::Consumer consumer =
      value_of(kafkaio::Consumer::open({.bootstrap_servers = bootstrap_servers}, start));
  const Wait wait = within();
  while (!consumer.at_end()) {
    for (kafkaio::Record& record : value_of(consumer.poll(10'000, wait)))
      logs[record.partition].push_back(std::move(record));
    if (wait.deadline().expired()) throw std::runtime_error(topic + ": its end does not come");
  }
  return logs;
}

testing::AssertionResult same_for_librdkafka(const Environment& environment,
                                             const std::string& topic, int32_t partitions) {
  const auto source = read_topic(environment.bootstrap_servers(), topic, partitions);
  const auto target = read_topic(environment.target_bootstrap_servers(), topic, partitions);
  for (const auto& [partition, ours] : source) {
    const Log& theirs = target.at(partition);
    for (size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i)
      if (ours[i] != theirs[i])
        return testing::AssertionFailure()
               << fmt::format("{}, record {}: {}; on the target {}", partition, i,
                              describe(ours[i]), describe(theirs[i]));
    if (ours.size() != theirs.size())
      return testing::AssertionFailure() << fmt::format("{} has {} records, on the target {}",
                                                        partition, ours.size(), theirs.size());
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult same_for_java(const Json& comparison) {
  for (const char* const what : {"duplicates", "missing", "extra", "out_of_order",
                                 "offset_differences", "range_difference_count"})
    if (comparison.at(what) != 0) return testing::AssertionFailure() << comparison.dump(1);
  if (comparison.at("partitions") == 0)
    return testing::AssertionFailure() << "no topic was compared";
  return testing::AssertionSuccess();
}

testing::AssertionResult same_for_java(Environment& environment, const std::string& topics,
                                       const Arguments& more) {
  return same_for_java(environment.compare_topics(topics, more));
}

uint64_t test_seed() {
  const char* const given = std::getenv("KFERRY_SEED");
  const uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::cout << "KFERRY_SEED=" << seed << "\n";
  return seed;
}

void MirrorOnBrokers::SetUpTestSuite() {
  environment_ =
      std::make_unique<Environment>(Environment::start({.source = "3.9.1", .target = "4.1.0"}));
  source_ = std::make_unique<SourceWriter>(environment_->bootstrap_servers());
  target_ = std::make_unique<SourceWriter>(environment_->target_bootstrap_servers());
}

void MirrorOnBrokers::TearDownTestSuite() {
  target_.reset();
  source_.reset();
  environment_.reset();
}

}  // namespace kferry::mirror
