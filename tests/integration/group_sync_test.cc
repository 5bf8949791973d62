// The group sync between real clusters; the data plane is a fake.
#include "replicate/group_sync.h"

#include <thread>

#include <gtest/gtest.h>

#include "groupproto/group_session.h"
#include "kafkaio/producer.h"
#include "kafkaio/topic_admin.h"
#include "replicate/cluster_settings.h"
#include "testenv/testenv.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_translator.h"
#include "tests/support/recording_proxy.h"

namespace kferry::replicate {
namespace {

using groupproto::CommittedOffset;
using groupproto::GroupOffsets;
using test::has;
using test::ok;

const StopToken never;
Wait within(Duration duration = Duration(60'000)) {
  return {Deadline::after(duration), never};
}
bool before_long(const std::function<bool()>& happened) {
  for (const Deadline deadline = Deadline::after(Duration(60'000)); !deadline.expired();) {
    if (happened()) return true;
    never.sleep_for(Duration(20));
  }
  return false;
}
// Throws.
template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

// One of the two clusters, to look at and to commit on.
class Side {
 public:
  Side(const char* alias, const std::string& bootstrap)
      : settings(value_of(make_cluster_settings({.alias = alias, .bootstrap_servers = bootstrap}))),
        cluster(value_of(
            wire::Cluster::connect(settings.addresses, settings.client, within()))),
        coordinators(cluster) {}

  void create(const std::string& topic, int32_t partitions) {
    auto admin = value_of(kafkaio::TopicAdmin::connect(settings.properties));
    auto created = value_of(admin.create({{TopicName(topic), partitions, 1, {}}}, within()));
    if (auto& one = created.at(TopicName(topic)); !one)
      throw std::runtime_error(one.error().message);
    const bool known = before_long(
        [&] { return value_of(admin.partition_counts(within())).contains(TopicName(topic)); });
    if (!known) throw std::runtime_error("no topic");
  }
  void commit(const std::string& group, const GroupOffsets& offsets) {
    std::vector<groupproto::OffsetToCommit> all;
    for (const auto& [partition, committed] : offsets)
      all.push_back({partition, committed.offset, committed.metadata});
    auto* const broker = value_of(coordinators.of(GroupId(group), within()));
    const auto results = value_of(groupproto::commit_offsets(
        *broker, {GroupId(group), Generation(-1), {}}, all, {}, within()));
    for (const auto& [partition, code] : results)
      if (code != 0) throw std::runtime_error(fmt::format("commit of {}: {}", partition, code));
  }
  GroupOffsets offsets(const std::string& group) {
    auto read = value_of(groupproto::fetch_kafka_offsets(
        coordinators, {{GroupId(group), partitions}}, within()));
    return value_of(std::move(read.at(GroupId(group))));
  }

  ClusterSettings settings;
  wire::Cluster cluster;
  groupproto::Coordinators coordinators;
  std::vector<TopicPartition> partitions;  // for old brokers
};

struct Versions {
  const char* source;
  const char* target;
};

GroupOffsets at(std::initializer_list<int64_t> offsets) {
  GroupOffsets all;
  int32_t partition = 0;
  for (const int64_t offset : offsets)
    all[{TopicName("t"), Partition(partition++)}] = {Offset(offset), "by the test"};
  return all;
}

class GroupSyncOnBrokers : public testing::TestWithParam<Versions> {
 protected:
  static constexpr const char* kClientId = "kferry-group-sync";

  GroupSyncOnBrokers()
      : environment_(testenv::Environment::start(options(proxy_.address()))),
        source_("source", environment_.bootstrap_servers()),
        target_(behind_proxy(proxy_, environment_)) {}
  ~GroupSyncOnBrokers() override { stop(); }

  static Side behind_proxy(test::RecordingProxy& proxy, const testenv::Environment& environment) {
    proxy.only_client(kClientId);
    proxy.set_upstream(environment.json()["target"]["brokers"][0]["port"]);
    return {"target", to_string(proxy.address())};
  }

  static testenv::Options options(const wire::Address& proxy) {
    testenv::Options options{.source = GetParam().source, .target = GetParam().target};
    options.target_advertise = {{1, to_string(proxy)}};
    return options;
  }

  void SetUp() override {
    source_.create("t", 3);
    target_.create("t", 3);
    for (int32_t p = 0; p < 3; ++p) {
      source_.partitions.push_back({TopicName("t"), Partition(p)});
      translator_.set(source_.partitions.back(), 1'000'000);
    }
    flow_.source = source_.settings;
    flow_.target = target_.settings;
    flow_.target.client.client_id = kClientId;
    flow_.topics.include = {std::regex("t")};
    flow_.groups.include = {std::regex("g-.*")};
    flow_.refresh_interval = Duration(1'000);
  }
  void start() {
    sync_.emplace(GroupSyncTools{flow_, translator_, state_, troubles_, {}, {}});
    for (const auto& [key, value] : state_.records()) sync_->learn(key, value);
    stop_.emplace();
    thread_ = std::jthread([this] { sync_->run(*stop_); });
  }
  void stop() {
    if (stop_) stop_->request_stop();
    if (thread_.joinable()) thread_.join();
  }
  GroupStatus status(const std::string& group) const {
    for (const GroupStatus& one : sync_->status())
      if (one.group == GroupId(group)) return one;
    return {};
  }
  testing::AssertionResult reaches(const std::string& group, const std::string& state) {
    if (before_long([&] { return status(group).state == state; }))
      return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "'" << status(group).state << "' (" << status(group).reason << "), "
           << fmt::format("{}", fmt::join(troubles_.list(), "; "));
  }
  testing::AssertionResult stands(const std::string& group, const GroupOffsets& offsets) {
    if (before_long([&] { return target_.offsets(group) == offsets; }))
      return testing::AssertionSuccess();
    testing::AssertionResult failure = testing::AssertionFailure();
    for (const auto& [partition, committed] : target_.offsets(group))
      failure << fmt::format("{}: {} ", partition, committed.offset);
    return failure << status(group).state << " " << status(group).reason;
  }

  void follows();
  void clamps();
  void loses_a_reply();
  void leaves_live_groups_alone();
  void restarts();

  test::RecordingProxy proxy_;  // in front of the target
  testenv::Environment environment_;
  Side source_;
  Side target_;
  FlowSettings flow_;
  test::FakeTranslator translator_;
  test::FakeStateStore state_;
  Troubles troubles_;
  std::optional<GroupSync> sync_;
  std::optional<StopToken> stop_;
  std::jthread thread_;
};

void GroupSyncOnBrokers::follows() {
  source_.commit("g-follow", at({10, 20, 30}));
  ASSERT_TRUE(stands("g-follow", at({10, 20, 30})));
  ASSERT_TRUE(reaches("g-follow", "synced"));
  for (const int64_t offset : {11, 500, 3, 0, 7}) {
    source_.commit("g-follow", at({10, offset}));
    ASSERT_TRUE(stands("g-follow", at({10, offset, 30}))) << offset;
  }
  ASSERT_TRUE(reaches("g-follow", "synced"));
  RecordProperty("latency_ms", static_cast<int>(status("g-follow").latency_ms));
  EXPECT_GE(status("g-follow").latency_ms, 0);
}

void GroupSyncOnBrokers::clamps() {
  translator_.set(source_.partitions[1], 15);
  source_.commit("g-clamp", at({5, 18}));
  ASSERT_TRUE(stands("g-clamp", at({5, 15})));
  ASSERT_TRUE(reaches("g-clamp", "waiting for records"));
  EXPECT_FALSE(sync_->caught_up());
  translator_.set(source_.partitions[1], 1'000'000);
  ASSERT_TRUE(stands("g-clamp", at({5, 18})));
  ASSERT_TRUE(reaches("g-clamp", "synced"));
}

void GroupSyncOnBrokers::loses_a_reply() {
  source_.commit("g-lost", at({1}));
  ASSERT_TRUE(stands("g-lost", at({1})));
  proxy_.forget();
  proxy_.cut_after(wire::ApiKey::kOffsetCommit);
  source_.commit("g-lost", at({2}));
  ASSERT_TRUE(stands("g-lost", at({2})));
  ASSERT_TRUE(reaches("g-lost", "synced"));
  EXPECT_EQ(proxy_.exchanges(wire::ApiKey::kOffsetCommit).size(), 1U)
      << "read back, not committed again";
  proxy_.cut_before(wire::ApiKey::kOffsetCommit);
  source_.commit("g-lost", at({3}));
  ASSERT_TRUE(stands("g-lost", at({3})));
  source_.commit("g-lost", at({0}));
  ASSERT_TRUE(stands("g-lost", at({0}))) << "it has remained ours";
}

void GroupSyncOnBrokers::leaves_live_groups_alone() {
  source_.commit("g-live", at({10, 20, 30}));
  ASSERT_TRUE(stands("g-live", at({10, 20, 30})));
  auto session = groupproto::GroupSession::join(target_.coordinators, GroupId("g-live"),
                                                source_.partitions, {}, within());
  ASSERT_TRUE(ok(session));
  source_.commit("g-live", at({11, 21, 31}));
  ASSERT_TRUE(reaches("g-live", "live on the target"));
  EXPECT_TRUE(has(status("g-live").reason, "Stable"));
  ASSERT_TRUE(ok((*session)->commit({{source_.partitions[0], Offset(15), "own"}}, {}, within())));
  ASSERT_TRUE(ok((*session)->leave()));
  session->reset();
  // Its own progress stays; what it has not touched goes on being ours.
  GroupOffsets expected = at({15, 21, 31});
  expected[source_.partitions[0]].metadata = "own";
  ASSERT_TRUE(stands("g-live", expected));
  ASSERT_TRUE(reaches("g-live", "own offsets on the target"));
  source_.commit("g-live", at({90, 1, 2}));
  expected[source_.partitions[1]].offset = Offset(1);
  expected[source_.partitions[2]].offset = Offset(2);
  ASSERT_TRUE(stands("g-live", expected));
}

void GroupSyncOnBrokers::restarts() {
  source_.commit("g-restart", at({100, 100, 100}));
  ASSERT_TRUE(stands("g-restart", at({100, 100, 100})));
  stop();
  source_.commit("g-restart", at({50, 100, 150}));
  target_.commit("g-restart", at({100, 120}));
  start();
  ASSERT_TRUE(stands("g-restart", at({50, 120, 150})));
  ASSERT_TRUE(reaches("g-restart", "own offsets on the target"));
}

TEST_P(GroupSyncOnBrokers, Everything) {
  start();
  ASSERT_NO_FATAL_FAILURE(follows());
  ASSERT_NO_FATAL_FAILURE(clamps());
  ASSERT_NO_FATAL_FAILURE(loses_a_reply());
  ASSERT_NO_FATAL_FAILURE(leaves_live_groups_alone());
  ASSERT_NO_FATAL_FAILURE(restarts());
  EXPECT_TRUE(before_long([&] { return sync_->caught_up(); }));
  EXPECT_TRUE(troubles_.list().empty());
}

INSTANTIATE_TEST_SUITE_P(Versions, GroupSyncOnBrokers,
                         testing::Values(Versions{"3.9.1", "4.1.0"}, Versions{"1.1.1", "3.9.1"}),
                         [](const auto& one) {
                           std::string name = fmt::format("From{}To{}", one.param.source,
                                                          one.param.target);
                           std::erase(name, '.');
                           return name;
                         });

// Members that speak the consumer protocol of Kafka 4 (KIP-848) on both sides.
class GroupSyncOfNewConsumers : public GroupSyncOnBrokers {
 protected:
  testenv::ChildProcess consumer(testenv::Side side, const char* group) {
    const std::string bootstrap = side == testenv::Side::source
                                      ? environment_.bootstrap_servers()
                                      : to_string(proxy_.address());
    return testenv::ChildProcess(testenv::java_command(
        "ConsumeFrom", testenv::jars_dir("4.1.0"),
        {"--bootstrap", bootstrap, "--group", group, "--topics", "t", "--consume", "1000000",
         "--idle-ms", "600000", "--timeout-ms", "600000", "--property", "group.protocol=consumer",
         "--property", "enable.auto.commit=true", "--property", "auto.commit.interval.ms=200",
         "--property", "auto.offset.reset=earliest"}));
  }
};

TEST_P(GroupSyncOfNewConsumers, AreReadOnTheSourceAndLeftAloneOnTheTarget) {
  start();
  auto producer = value_of(kafkaio::Producer::open(source_.settings.properties));
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(ok(producer.put(source_.partitions[0], "k", "v", within())));
  testenv::ChildProcess upstream = consumer(testenv::Side::source, "g-up");
  ASSERT_TRUE(before_long([&] {
    const auto offsets = target_.offsets("g-up");
    const auto found = offsets.find(source_.partitions[0]);
    return found != offsets.end() && found->second.offset == Offset(5);
  })) << upstream.err()
      << status("g-up").state << status("g-up").reason;
  source_.commit("g-new", at({3, 4, 5}));
  ASSERT_TRUE(stands("g-new", at({3, 4, 5})));
  testenv::ChildProcess member = consumer(testenv::Side::target, "g-new");
  ASSERT_TRUE(reaches("g-new", "live on the target")) << member.err();
  const auto listed = groupproto::list_groups(target_.cluster, within());
  ASSERT_TRUE(ok(listed));
  EXPECT_EQ(listed->groups.at(GroupId("g-new")).type, "consumer");
  source_.commit("g-new", at({1, 1, 1}));
  const int64_t rounds = sync_->rounds();
  ASSERT_TRUE(before_long([&] { return sync_->rounds() > rounds + 8; }));
  EXPECT_NE(target_.offsets("g-new"), at({1, 1, 1}));
  EXPECT_EQ(status("g-new").state, "live on the target");
}

INSTANTIATE_TEST_SUITE_P(Versions, GroupSyncOfNewConsumers,
                         testing::Values(Versions{"4.1.0", "4.1.0"}),
                         [](const auto&) { return std::string("From410To410"); });

}  // namespace
}  // namespace kferry::replicate
