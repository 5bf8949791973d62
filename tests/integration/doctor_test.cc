// What `kferry doctor` says of real clusters: a pair that is well, and some that are not.
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/rights_fixture.h"
#include "tests/unit/verify/schema.h"
#include "wire/log_range.h"

namespace kferry::rights {
namespace {

using mirror::operator+;
using trouble::at;

constexpr int64_t kDayMs = 24 * 3'600'000;

struct Diagnosis {
  int exit_code = -1;
  Json report;
  std::string text;

  // What is said of this check and level, about something that contains `where`; "" when nothing
  // is.
  std::string said(const std::string& level, const std::string& check,
                   const std::string& where = {}) const {
    for (const Json& one : report.value("findings", Json::array()))
      if (one["level"] == level && one["check"] == check &&
          one["where"].get<std::string>().contains(where))
        return one["what"].get<std::string>() + "; next: " + one["next"].dump();
    return {};
  }
};

Diagnosis diagnose(const Arguments& arguments) {
  const ProcessResult done =
      testenv::run_kferry(Arguments{"doctor", "--format", "json"} + arguments);
  const Json report = Json::parse(done.out, nullptr, false);
  if (report.is_discarded()) return {done.exit_code, Json::object(), done.out + done.err};
  EXPECT_EQ(testing::schema_trouble("doctor-report.schema.json", report), "");
  EXPECT_EQ(report["exit_code"], done.exit_code);
  return {done.exit_code, report, done.out + done.err};
}

Arguments about(const Environment& clusters, const std::string& topics, const std::string& groups) {
  return {"--source",    clusters.bootstrap_servers(),
          "--target",    clusters.target_bootstrap_servers(),
          "--topics",    topics,
          "--groups",    groups,
          "--zookeeper", clusters.zookeeper_connect()};
}

// What there is, and where its logs end: nothing of this may have changed.
std::string all_that_there_is(const Environment& clusters) {
  std::string text;
  for (const std::string& servers :
       {clusters.bootstrap_servers(), clusters.target_bootstrap_servers()}) {
    const auto addresses = integration::value_of(wire::parse_bootstrap_servers(servers));
    auto cluster =
        integration::value_of(wire::Cluster::connect(addresses, {}, integration::within()));
    const auto metadata =
        integration::value_of(cluster.fetch_metadata(std::nullopt, integration::within()));
    std::vector<TopicPartition> partitions;
    for (const auto& [topic, info] : metadata.topics)
      for (const auto& [partition, leader] : info.partitions)
        partitions.push_back({topic, partition});
    const auto ranges = integration::value_of(
        wire::fetch_log_ranges(cluster, metadata, partitions, integration::within()));
    for (const auto& [partition, range] : ranges)
      text += fmt::format("{} {}\n", partition, range.end);
  }
  return text;
}

}  // namespace

class DoctorOnBrokers : public RightsOnBrokers {};

TEST_F(DoctorOnBrokers, FindsAHealthyPairWell) {
  make_topics({"d-well"});
  offsets_in_zookeeper("dg-well", "d-well");
  const std::string before = all_that_there_is(clusters());
  const Diagnosis fresh = diagnose(about(clusters(), "d-well", "dg-.*"));
  EXPECT_EQ(all_that_there_is(clusters()), before) << "it has written something";
  EXPECT_EQ(fresh.exit_code, 0) << fresh.text;

  mirror::SourceWriter source(clusters().bootstrap_servers());
  mirror::SourceWriter target(clusters().target_bootstrap_servers());
  source.commit("dg-well", at("d-well", 0), 50);
  target.create("elsewhere", 1);
  // The first group of a cluster has to wait until there is a topic for it.
  ASSERT_TRUE(integration::before_long([&] {
    try {
      target.commit("other", at("elsewhere", 0), 0);
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }));
  const Diagnosis found = diagnose(about(clusters(), "d-well", "dg-.*"));
  EXPECT_EQ(found.exit_code, 0) << found.text;
  EXPECT_EQ(found.report["summary"]["unknown"], 0) << found.text;
  EXPECT_TRUE(found.said("ok", "version", "target").contains("4.1 or later")) << found.text;
  EXPECT_TRUE(found.said("ok", "clock", "source").contains("registration")) << found.text;
  EXPECT_TRUE(found.said("ok", "clock", "target").contains("DescribeQuorum")) << found.text;
  EXPECT_TRUE(found.said("ok", "identity", "d-well").contains("can have the offsets"));
  EXPECT_TRUE(found.said("ok", "quota", "target").contains("no quota"));
  EXPECT_TRUE(found.said("ok", "right", "target").contains("rights that the jobs want"));

  const Diagnosis migration =
      diagnose({"--bootstrap-server", clusters().bootstrap_servers(), "--zookeeper",
                clusters().zookeeper_connect(), "--groups", "dg-.*"});
  EXPECT_EQ(migration.exit_code, 0) << migration.text;
  EXPECT_EQ(migration.report["jobs"], Json::array({"migrate"}));
}

TEST_F(DoctorOnBrokers, NamesARightThatIsMissingAndHowToGrantIt) {
  make_topics({"d-right"});
  mirror::SourceWriter(clusters().bootstrap_servers()).commit("dg-right", at("d-right", 0), 7);
  const auto scope = scope_of("right", {"d-right"}, {"dg-right"});
  const Arguments flow{"--flow",   "right",    "--topics", "d-right",
                       "--groups", "dg-right", "--job",    "replicate"};
  for (const char* const operation : {"", "WRITE"}) {
    Case one{.job = Job::kReplicate, .scope = scope};
    for (const Right& right : needed(Job::kReplicate, scope))
      if (right.side == Side::kTarget && right.name.name == "d-right" &&
          wire::to_string(right.operation) == operation)
        one.without = right;
    grant(one);
    const Diagnosis found = diagnose(flow + two_clusters(one.principal));
    if (!one.without) {
      EXPECT_EQ(found.exit_code, 0) << found.text;
      continue;
    }
    EXPECT_EQ(found.exit_code, 7) << found.text;
    EXPECT_EQ(found.said("denied", "right", "d-right"),
              fmt::format("WRITE is missing; next: \"kafka-acls.sh --bootstrap-server {} "
                          "--command-config admin.properties --add --allow-principal "
                          "'User:KFERRY' --operation Write --topic 'd-right'\"",
                          login(Side::kTarget)))
        << found.text;
  }
}

TEST_F(DoctorOnBrokers, NamesSettingsThatWouldBite) {
  make_topics({"d-bites"});
  mirror::SourceWriter target(clusters().target_bootstrap_servers());
  target.create("d-bites", 2,
                {{"max.message.bytes", "2000"},
                 {"retention.ms", "3600000"},
                 {"message.timestamp.type", "LogAppendTime"}});
  target.append_some(at("d-bites", 0), {5}, 1);
  Diagnosis found;
  ASSERT_TRUE(integration::before_long([&] {
    found = diagnose(about(clusters(), "d-bites", "dg-none") + Arguments{"--no-sync-configs"});
    return found.text.contains("LogAppendTime");  // the broker tells of configs a little later
  }));
  EXPECT_EQ(found.exit_code, 3) << found.text;
  for (const char* const what :
       {"max.message.bytes is 2000 on the target, 1048588 on the source",
        "retention.ms will be 60 min on the target, it is 7 d on the source",
        "message.timestamp.type is LogAppendTime on the target",
        "not possible: the target's topic has records already"})
    EXPECT_TRUE(found.text.contains(what)) << what << found.text;
}

TEST_F(DoctorOnBrokers, SaysWhenItIsNotLetIn) {
  const std::string path = properties("wrong");
  trouble::write_text(path,
                      "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
                      "sasl.username=app\nsasl.password=canary-4711\n");
  const Diagnosis found =
      diagnose({"--source", login(Side::kSource), "--source-config", path, "--target",
                clusters().target_bootstrap_servers(), "--topics", ".*"});
  EXPECT_EQ(found.exit_code, 7) << found.text;
  EXPECT_TRUE(found.said("denied", "login", "source").contains("logging in by PLAIN as 'app'"))
      << found.text;
  EXPECT_FALSE(found.text.contains("canary-4711"));
}

// A source that forgets soon; a target with a broker that advertises an address where nobody is.
TEST(DoctorOnSickBrokers, NamesWhatWouldBite) {
  Environment sick = Environment::start({.source = "3.9.1",
                                         .source_settings = {{"offsets.retention.minutes", "60"}},
                                         .target = "4.1.0",
                                         .target_brokers = 2,
                                         .target_settings = {{"auto.create.topics.enable", "true"},
                                                             {"producer.id.expiration.ms", "60000"},
                                                             {"min.insync.replicas", "2"}},
                                         .target_advertise = {{2, "127.0.0.1:1"}}});
  sick.workload(
      {{"topics", Json::array({{{"name", "old"},
                                {"partitions", 1},
                                {"records", 50},
                                {"config", {{"retention.ms", fmt::to_string(7 * kDayMs)}}},
                                {"timestamp_ms", wall_clock_ms() - 7 * kDayMs + kDayMs / 2}},
                               {{"name", "new"}, {"partitions", 1}, {"records", 50}}})}});
  mirror::SourceWriter(sick.bootstrap_servers()).commit("asleep", at("old", 0), 10);
  Arguments arguments = about(sick, "old|new", "asleep") + Arguments{"--no-sync-configs"};
  std::ranges::replace(arguments, sick.zookeeper_connect(),
                       sick.zookeeper_connect() + ",127.0.0.1:2");
  const Diagnosis found = diagnose(arguments);
  EXPECT_EQ(found.exit_code, 5) << found.text;
  EXPECT_TRUE(found.said("unreachable", "reach", "broker 2 at 127.0.0.1:1").contains("refused"))
      << found.text;
  EXPECT_NE(found.said("unreachable", "reach", "ZooKeeper server 127.0.0.1:2"), "") << found.text;
  EXPECT_TRUE(found.said("ok", "reach", "target").contains("broker 1 at 127.0.0.1")) << found.text;
  EXPECT_TRUE(
      found.said("attention", "offsets", "group asleep").contains("without members: 60 min"))
      << found.text;
  EXPECT_TRUE(found.text.contains("old-0: retention is about to delete offsets 10 to 49"))
      << found.text;
  EXPECT_TRUE(found.text.contains("min.insync.replicas is 2, with 1 replicas")) << found.text;
  EXPECT_TRUE(found.said("attention", "broker-config").contains("these do not exist yet"))
      << found.text;
  EXPECT_TRUE(found.said("attention", "producer-id").contains("60 s")) << found.text;
}

}  // namespace kferry::rights
