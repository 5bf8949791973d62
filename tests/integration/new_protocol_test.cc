// Groups of the consumer protocol of Kafka 4 (KIP-848) are never disturbed: neither by a migration,
// for which DescribeGroups alone would show them as dead, nor by the mirror and a cut-over.
#include <algorithm>

#include <fmt/format.h>

#include "groupproto/group_state.h"
#include "tests/integration/mirror_fixture.h"
#include "tests/integration/trouble_fixture.h"
#include "wire/messages/consumer_group_describe.h"

namespace kferry::mirror {
namespace {

using trouble::contains;

// An old cluster of 4.1.0 with a ZooKeeper, left over from earlier days, and a new one.
class NewProtocol : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    old_ = std::make_unique<Environment>(
        Environment::start({.target = "4.1.0", .zookeeper_only = true}));
    new_ = std::make_unique<Environment>(Environment::start({.source = "4.1.0"}));
    folder_ = std::make_unique<trouble::Folder>();
  }
  static void TearDownTestSuite() {
    folder_.reset();
    new_.reset();
    old_.reset();
  }

  static std::string old_servers() { return old_->target_bootstrap_servers(); }
  static std::string new_servers() { return new_->bootstrap_servers(); }

  static Arguments consumer(const std::string& servers, const std::string& group,
                            const std::string& topic, const Arguments& more) {
    return Arguments{"--bootstrap", servers,
                     "--group",     group,
                     "--topics",    topic,
                     "--property",  "group.protocol=consumer",
                     "--property",  "auto.offset.reset=earliest"} +
           more;
  }
  // Commits 5 times a second, until it is destroyed.
  static testenv::ChildProcess live(const std::string& servers, const std::string& group,
                                    const std::string& topic) {
    return testenv::ChildProcess(testenv::java_command(
        "ConsumeFrom", testenv::jars_dir("4.1.0"),
        consumer(
            servers, group, topic,
            {"--consume", "1000000", "--idle-ms", "600000", "--timeout-ms", "600000", "--property",
             "enable.auto.commit=true", "--property", "auto.commit.interval.ms=200"})));
  }

  static void make_topic(SourceWriter& source, const std::string& topic, int records) {
    source.create(topic, 2);
    for (int32_t p = 0; p < 2; ++p) source.append_some(at(topic, p), {records}, 100 + p);
  }
  static void offsets_in_zookeeper(const std::string& group, const std::string& topic) {
    old_->workload({{"groups", Json::array({{{"group", group},
                                             {"offsets", {{topic, {{"0", 3}, {"1", 4}}}}}}})}});
  }

  static ProcessResult migrate(const std::string& verb, const std::string& group,
                               const Arguments& more) {
    return testenv::run_kferry(Arguments{verb, "--zookeeper", old_->zookeeper_connect(),
                                         "--bootstrap-server", old_servers(), "--group", group} +
                               more);
  }
  static std::string file(const std::string& name) { return *folder_ / name; }

 private:
  inline static std::unique_ptr<Environment> old_;
  inline static std::unique_ptr<Environment> new_;
  inline static std::unique_ptr<trouble::Folder> folder_;
};

// What changes when a member comes or goes, in words.
std::string life_of(SourceWriter& cluster, const std::string& group) {
  groupproto::Coordinators coordinators(cluster.cluster());
  auto* const broker = value_of(coordinators.of(GroupId(group), within()));
  const auto answer = value_of(
      broker->call(wire::ConsumerGroupDescribeRequest{.group_ids = {GroupId(group)}}, within()));
  std::string text;
  for (const auto& one : answer.groups) {
    text += fmt::format("{} {} {}", one.error_code, one.group_state, one.group_epoch);
    for (const auto& member : one.members)
      text += fmt::format(" {}:{}", member.member_id, member.member_epoch);
  }
  return text;
}

TEST_F(NewProtocol, AMigrationRefusesALiveGroupAndNamesItsMember) {
  SourceWriter source(old_servers());
  make_topic(source, "t-zk", 20);
  offsets_in_zookeeper("g-zk", "t-zk");
  testenv::ChildProcess member = live(old_servers(), "g-zk", "t-zk");
  ASSERT_TRUE(before_long([&] {
    return source.committed("g-zk", at("t-zk", 0)) == 20 &&
           source.committed("g-zk", at("t-zk", 1)) == 20;
  })) << member.err();
  const std::string before = life_of(source, "g-zk");
  ASSERT_TRUE(contains(before, "0 Stable ")) << before;
  const Arguments deciding{"--on-conflict", "zookeeper", "--quiet-period", "0s"};
  for (const ProcessResult& done :
       {migrate("plan", "g-zk", deciding + Arguments{"--out", file("plan.json")}),
        migrate("migrate", "g-zk",
                deciding + Arguments{"--execute", "--journal", file("refused")})}) {
    EXPECT_EQ(done.exit_code, 4) << done.out << done.err;
    EXPECT_TRUE(contains(done.out, "1 members are in the Kafka group: client 'consumer-g-zk-"));
  }
  EXPECT_EQ(migrate("verify", "g-zk", {}).exit_code, 3);
  EXPECT_EQ(life_of(source, "g-zk"), before);
  EXPECT_EQ(source.committed("g-zk", at("t-zk", 0)), 20);
  EXPECT_FALSE(member.wait(0)) << member.err();
}

// Such a group becomes one of the classic protocol for a moment, and goes on as it was.
TEST_F(NewProtocol, AnEmptyGroupIsMigratedAndGoesOn) {
  SourceWriter source(old_servers());
  make_topic(source, "t-left", 20);
  offsets_in_zookeeper("g-left", "t-left");
  const auto consume = [](int count) {
    const ProcessResult done = testenv::run_java(
        "ConsumeFrom", testenv::jars_dir("4.1.0"),
        consumer(old_servers(), "g-left", "t-left", {"--consume", std::to_string(count)}));
    EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
    return done.out;
  };
  consume(40);
  EXPECT_EQ(source.committed("g-left", at("t-left", 1)), 20);
  const ProcessResult done = migrate("migrate", "g-left",
                                     {"--execute", "--on-conflict", "zookeeper", "--quiet-period",
                                      "0s", "--journal", file("left")});
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  const std::string seen = consume(33);
  EXPECT_TRUE(contains(seen, R"("first_offset":3)")) << seen;
  EXPECT_TRUE(contains(seen, R"("first_offset":4)")) << seen;
  EXPECT_EQ(source.committed("g-left", at("t-left", 0)), 20);
}

Json group_of(const Json& status, const std::string& group) {
  for (const Json& one : status.is_null() ? Json::array() : status.at("groups"))
    if (one.at("group") == group) return one;
  return {{"state", ""}, {"reason", ""}};
}

TEST_F(NewProtocol, IsFollowedOnTheSourceAndLeftAloneOnTheTarget) {
  SourceWriter source(old_servers());
  SourceWriter target(new_servers());
  make_topic(source, "t-up", 20);
  source.commit("g-live", at("t-up", 0), 7);
  const Arguments flow_and_groups = flow("new", "t-up") + Arguments{"--groups", "g-(up|live)"};
  MirrorProcess mirror(old_servers(), new_servers(), flow_and_groups);
  testenv::ChildProcess upstream = live(old_servers(), "g-up", "t-up");
  const auto follows = [&](int64_t offset) {
    return before_long([&] {
      return target.committed("g-up", at("t-up", 0)) == offset &&
             target.committed("g-up", at("t-up", 1)) == offset;
    });
  };
  ASSERT_TRUE(follows(20)) << mirror.log() << upstream.err();
  ASSERT_TRUE(before_long([&] { return target.committed("g-live", at("t-up", 0)) == 7; }));

  testenv::ChildProcess member = live(new_servers(), "g-live", "t-up");
  ASSERT_TRUE(before_long([&] { return target.committed("g-live", at("t-up", 0)) == 20; }))
      << member.err();
  ASSERT_TRUE(mirror.reaches([](const Json& status) {
    return group_of(status, "g-live")["state"] == "live on the target";
  })) << mirror.status();
  EXPECT_TRUE(contains(group_of(mirror.status(), "g-live")["reason"].get<std::string>(),
                       "its offsets there are its own"));
  const std::string before = life_of(target, "g-live");
  source.commit("g-live", at("t-up", 0), 2);
  for (int32_t p = 0; p < 2; ++p) source.append_some(at("t-up", p), {5}, 200 + p);
  // What was committed on the source before these records has been looked at, too.
  ASSERT_TRUE(follows(25)) << mirror.log();
  ASSERT_TRUE(before_long([&] { return target.committed("g-live", at("t-up", 0)) == 25; }));
  EXPECT_EQ(life_of(target, "g-live"), before) << "neither fenced nor rebalanced";

  const ProcessResult rehearsal = testenv::run_kferry(
      Arguments{"cutover", "--dry-run", "--source", old_servers(), "--target", new_servers(),
                "--flow", "new", "--topics", "t-up", "--groups", "g-(up|live)"});
  EXPECT_EQ(rehearsal.exit_code, 3) << rehearsal.out << rehearsal.err;
  EXPECT_TRUE(contains(rehearsal.out, "client 'consumer-g-up-")) << rehearsal.out;
  EXPECT_TRUE(contains(rehearsal.out, "it has members on the target already")) << rehearsal.out;
  EXPECT_EQ(life_of(target, "g-live"), before);
  EXPECT_EQ(mirror.stop().exit_code, 0);
}

}  // namespace
}  // namespace kferry::mirror
