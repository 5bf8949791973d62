// MM2's topics, as MM2's own unmodified classes read them.
#include "replicate/mm2_topics.h"

#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "kafkaio/topic_admin.h"
#include "replicate/cluster_settings.h"
#include "testenv/testenv.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using nlohmann::json;
using test::ok;

const StopToken never;
Wait within() {
  return {Deadline::after(Duration(60'000)), never};
}

class FakeStatus final : public StatusSource {
 public:
  FlowStatus status() const override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    return status_;
  }
  int asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  void set(int64_t position, int64_t target_end) {
    const std::lock_guard lock(mutex_);
    PartitionStatus one;
    one.source = {TopicName("t"), Partition(0)};
    one.position = SourceOffset(position);
    one.target_end = TargetOffset(target_end);
    status_.partitions = {one};
  }

 private:
  mutable std::mutex mutex_;
  mutable int asked_ = 0;
  FlowStatus status_;
};

bool before_long(const std::function<bool()>& happened) {
  for (const Deadline deadline = Deadline::after(Duration(60'000)); !deadline.expired();) {
    if (happened()) return true;
    never.sleep_for(Duration(50));
  }
  return false;
}

class Mm2TopicsOnBrokers : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    environment_.emplace(testenv::Environment::start({.source = "3.9.1", .target = "4.1.0"}));
  }
  static void TearDownTestSuite() { environment_.reset(); }

  // `name` makes the topics of one test its own.
  void settle(const std::string& name) {
    flow_.source = settings(name + "src", testenv::Side::source);
    flow_.target = settings(name + "tgt", testenv::Side::target);
    flow_.topics.include = {std::regex("t")};
    flow_.heartbeat_interval = Duration(200);
    flow_.checkpoint_interval = Duration(100);
    flow_.refresh_interval = Duration(500);
  }
  static ClusterSettings settings(const std::string& alias, testenv::Side side) {
    auto made = make_cluster_settings(
        {.alias = alias, .bootstrap_servers = environment_->bootstrap_servers(side)});
    if (!made) throw std::runtime_error(made.error().message);
    return *made;
  }
  void checkpoint(const char* group, const char* topic, int64_t upstream, int64_t downstream) {
    const std::lock_guard lock(mutex_);
    checkpoints_.push_back({GroupId(group), {TopicName(topic), Partition(0)},
                            SourceOffset(upstream), TargetOffset(downstream), "note"});
  }
  void start() {
    topics_.emplace(Mm2Tools{flow_, status_,
                             [this] {
                               const std::lock_guard lock(mutex_);
                               return std::exchange(checkpoints_, {});
                             },
                             troubles_});
    stop_.emplace();
    thread_ = std::jthread([this] { topics_->run(*stop_); });
  }
  void stop() {
    stop_->request_stop();
    thread_.join();
  }
  json read(std::vector<std::string> more) {
    std::vector<std::string> arguments = {
        "--source", environment_->bootstrap_servers(), "--target",
        environment_->target_bootstrap_servers(), "--source-alias", flow_.source.alias,
        "--target-alias", flow_.target.alias};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = testenv::run_java("Mm2Compat", testenv::jars_dir("3.9.1"), arguments,
                                          {.timeout_ms = 180'000});
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return json::parse(result.out, nullptr, false);
  }

  static inline std::optional<testenv::Environment> environment_;
  FlowSettings flow_;
  FakeStatus status_;
  Troubles troubles_;
  std::optional<Mm2Topics> topics_;
  std::optional<StopToken> stop_;
  std::jthread thread_;
  std::mutex mutex_;
  std::vector<GroupCheckpoint> checkpoints_;
};

TEST_F(Mm2TopicsOnBrokers, AreReadByMm2sOwnClasses) {
  settle("a");
  status_.set(1'000, 2'000);
  checkpoint("g", "t", 100, 1'100);
  checkpoint("other", "t", 7, 1'007);
  start();
  // Each time some heartbeats have gone out.
  ASSERT_TRUE(before_long([&] { return status_.asked() >= 4; }));
  checkpoint("g", "t", 200, 1'200);
  status_.set(1'500, 2'500);
  stop();  // writes what is left
  EXPECT_TRUE(troubles_.list().empty());
  const json found = read({"--groups", "g,other,none"});
  EXPECT_EQ(found["translated"]["g"], (json{{"t-0", 1'200}}));
  EXPECT_EQ(found["translated"]["other"], (json{{"t-0", 1'007}}));
  EXPECT_EQ(found["translated"]["none"], json::object());
  EXPECT_TRUE(found["checkpoint_topics"].dump().contains("asrc.checkpoints.internal"));
  EXPECT_TRUE(found["upstream_clusters"].dump().contains("\"asrc\""));
  EXPECT_EQ(found["replication_hops"], 1);
  EXPECT_EQ(found["checkpoints"]["partitions"], 1);
  EXPECT_EQ(found["checkpoints"]["keys"], 2);
  EXPECT_EQ(found["checkpoints"]["latest"][0]["metadata"], "note");
  EXPECT_EQ(found["heartbeats"]["partitions"], 1);
  EXPECT_GT(found["heartbeats"]["records"], 2);
  EXPECT_EQ(found["heartbeats"]["latest"][0]["source"], "asrc");
  EXPECT_EQ(found["heartbeats"]["latest"][0]["target"], "atgt");
  const json& sync = found["offset_syncs"]["latest"][0];
  EXPECT_EQ(sync["partition"], "t-0");
  EXPECT_EQ(sync["upstream_offset"], 1'499);
  EXPECT_EQ(sync["downstream_offset"], 2'499);
  EXPECT_GE(found["offset_syncs"]["records"], 2);
  EXPECT_EQ(found["offset_syncs"]["topic"], "mm2-offset-syncs.asrc.internal");

  auto admin = kafkaio::TopicAdmin::connect(flow_.target.properties);
  ASSERT_TRUE(ok(admin));
  const TopicName topic("asrc.checkpoints.internal");
  const auto configs = admin->configs({topic}, within());
  ASSERT_TRUE(ok(configs));
  EXPECT_EQ(configs->at(topic)->at("cleanup.policy").value, "compact");
}

TEST_F(Mm2TopicsOnBrokers, UnderTheIdentityPolicyAndWithOffsetSyncsOnTheSource) {
  settle("b");
  flow_.offset_syncs_on_target = false;
  status_.set(10, 10);
  checkpoint("g", "t", 9, 9);
  start();
  ASSERT_TRUE(before_long([&] { return status_.asked() >= 1; }));
  stop();
  const json found =
      read({"--groups", "g", "--offset-syncs-on", "source", "--policy",
            "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"});
  EXPECT_EQ(found["translated"]["g"], (json{{"t-0", 9}}));
  EXPECT_TRUE(found["upstream_clusters"].dump().contains("\"bsrc\""));
  EXPECT_EQ(found["replication_hops"], 1);
  EXPECT_EQ(found["offset_syncs"]["topic"], "mm2-offset-syncs.btgt.internal");
  EXPECT_EQ(found["offset_syncs"]["latest"][0]["upstream_offset"], 9);
}

TEST_F(Mm2TopicsOnBrokers, ATopicThatIsMirroredUnderTheNameIsLeftAlone) {
  settle("c");
  flow_.topics.include = {std::regex(".*")};
  flow_.topic_prefix = "csrc.";
  flow_.emit_checkpoints = flow_.emit_offset_syncs = false;
  auto source = kafkaio::TopicAdmin::connect(flow_.source.properties);
  ASSERT_TRUE(ok(source));
  const auto created = source->create({{TopicName("heartbeats"), 1, 1, {}}}, within());
  ASSERT_TRUE(ok(created));
  ASSERT_TRUE(ok(created->at(TopicName("heartbeats"))));
  auto target = kafkaio::TopicAdmin::connect(flow_.target.properties);
  ASSERT_TRUE(ok(target));
  ASSERT_TRUE(before_long([&] {
    const auto configs = source->configs({TopicName("heartbeats")}, within());
    return configs && configs->at(TopicName("heartbeats"));
  }));
  start();
  Result<std::map<TopicName, int32_t>> counts;
  ASSERT_TRUE(before_long([&] {
    counts = target->partition_counts(within());
    return counts && counts->contains(TopicName("heartbeats"));
  }));
  stop();
  EXPECT_FALSE(counts->contains(TopicName("csrc.heartbeats"))) << "the mirror makes it";
  EXPECT_TRUE(counts->contains(TopicName("heartbeats")));
  EXPECT_FALSE(counts->contains(TopicName("csrc.checkpoints.internal")));
}

}  // namespace
}  // namespace kferry::replicate
