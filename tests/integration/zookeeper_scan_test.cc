// zkoffsets/ on a real ZooKeeper: names, layouts, registrations, ACLs, restarts.
#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "tests/integration/trouble_fixture.h"
#include "zkoffsets/scanner.h"

namespace kferry::trouble {
namespace {

using testenv::Environment;
using zkoffsets::ExternalLayout;
using zkoffsets::GroupSnapshot;
using zkoffsets::Layout;
using zkoffsets::NodeState;
using zkoffsets::ScanRequest;
using zkoffsets::Snapshot;
using zkoffsets::ZkClient;
using zkoffsets::ZkConfig;

constexpr const char* kOdd = "odd ü %20 \"quoted\" {x}";

constexpr const char* kWorkload = R"({"groups": [
  {"group": "plain", "offsets": {"orders": {"0": 1, "10": 3, "2": 2}, "a.b_c-d": {"0": 4}}},
  {"group": "commit-v0", "layout": "flink", "offsets": {"orders": {"0": 5}}},
  {"group": "live", "offsets": {"orders": {"0": 6, "1": 7}}, "live": true},
  {"group": "go", "layout": "wvanbergen", "offsets": {"orders": {"0": 8}}, "live": true},
  {"group": "misplaced", "layout": "offset-1.1.0", "offsets": {"orders": {"0": 9}}},
  {"group": "ancient", "layout": "kafka-0.7", "offsets": {"orders": {"0": 10}}},
  {"group": "storm", "layout": "storm", "zk_root": "/storm", "id": "spout",
   "offsets": {"orders": {"0": 11, "1": 12}}},
  {"group": "trident", "layout": "trident", "zk_root": "/trident", "id": "tx",
   "offsets": {"orders": {"0": 13}}},
  {"group": "spark", "layout": "spark-csv", "path": "/spark/{topic}",
   "offsets": {"orders": {"0": 14, "1": 15}}}
]})";

constexpr const char* kAcls = R"(
mine = [make_digest_acl('admin', 'secret', all=True)]
zk.ensure_path('/consumers/denied/offsets/orders')
zk.create('/consumers/denied/offsets/orders/0', b'1')
zk.create('/consumers/denied/offsets/orders/1', b'2', acl=mine)
zk.create('/consumers/denied/offsets/payments', b'', acl=mine)
zk.ensure_path('/consumers/hidden')
zk.create('/consumers/hidden/offsets', b'', acl=mine)
zk.ensure_path('/consumers/strange/offsets/orders/07')
zk.ensure_path('/consumers/strange/offsets/orders/x')
zk.ensure_path('/consumers/empty')
)";

constexpr const char* kCustom = R"(
mine = [make_digest_acl('admin', 'secret', all=True)]
for group, offsets in {'billing': {'orders/0': b'21', 'orders/1': b'x', 'a-b/10': b''},
                       'web': {'orders/0': b'22', 'orders/p1': b'1'}}.items():
    for path, data in offsets.items():
        zk.create('/my/app_' + group + '/offsets/' + path, data, makepath=True)
zk.ensure_path('/my/other')
zk.create('/my/app_billing/offsets/orders/2', b'1', acl=mine)
zk.create('/my/app_web/offsets/hidden', b'', acl=mine)
for name, data in {'orders-eu-0': b'{"at": {"n": 23}}', 'orders-eu-1': b'{"at": {"n": "24"}}',
                   'orders-eu-2': b'{"at": 1}', 'orders': b'{}'}.items():
    zk.create('/json/' + name + '/state', data, makepath=True)
zk.ensure_path('/json/orders-eu-3')
)";

const StopToken never;

class ZookeeperScan : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    env = std::make_unique<Environment>(
        Environment::start({.zookeeper_only = true, .chroot = "/kafka"}));
    Json workload = Json::parse(kWorkload);
    workload["groups"].push_back(
        Json{{"group", kOdd}, {"layout", "flink"}, {"offsets", {{"orders", {{"0", 16}}}}}});
    env->workload(workload);
    with_kazoo(env->zookeeper_connect(), kAcls);
    with_kazoo(env->zookeeper_connect(), kCustom);
  }
  static void TearDownTestSuite() { env.reset(); }

  static ZkClient connect() {
    auto client = ZkClient::connect({.connect = env->zookeeper_connect()}, never);
    if (!client) throw std::runtime_error(client.error().message);
    return std::move(*client);
  }
  static Snapshot scan(const ScanRequest& request = {}) {
    ZkClient client = connect();
    auto snapshot = zkoffsets::scan(client, request, never);
    if (!snapshot) throw std::runtime_error(snapshot.error().message);
    return std::move(*snapshot);
  }
  static GroupSnapshot group(const Snapshot& snapshot, const std::string& name) {
    for (const GroupSnapshot& one : snapshot.groups)
      if (one.group.value() == name) return one;
    ADD_FAILURE() << "no group " << name;
    return {};
  }
  static Offsets offsets_of(const GroupSnapshot& group) {
    Offsets offsets;
    for (const auto& node : group.offsets)
      offsets[{node.topic, node.partition}] = node.parsed.offset ? node.parsed.offset->value() : -1;
    return offsets;
  }
  static std::string problems_of(const GroupSnapshot& group) {
    std::string text;
    for (const std::string& one : group.problems) text += one + "\n";
    return text;
  }

  inline static std::unique_ptr<Environment> env;
};

TEST_F(ZookeeperScan, GroupsAreOrderedAndComplete) {
  const Snapshot snapshot = scan();
  EXPECT_TRUE(snapshot.consumers_exist);
  EXPECT_TRUE(std::ranges::is_sorted(snapshot.groups, {}, &GroupSnapshot::group));
  EXPECT_EQ(snapshot.groups.size(), 11U);
  const GroupSnapshot plain = group(snapshot, "plain");
  const Offsets expected = {
      {at("orders", 0), 1}, {at("orders", 2), 2}, {at("orders", 10), 3}, {at("a.b_c-d", 0), 4}};
  EXPECT_EQ(offsets_of(plain), expected);
  EXPECT_TRUE(std::ranges::is_sorted(plain.offsets, {}, [](const auto& node) {
    return TopicPartition{node.topic, node.partition};
  }));
  EXPECT_EQ(plain.offsets.back().path, "/consumers/plain/offsets/orders/10");
  EXPECT_GT(plain.offsets.back().node.mzxid, 0);
  EXPECT_EQ(plain.problems, std::vector<std::string>());
}

TEST_F(ZookeeperScan, NamesAreTakenAsTheyAre) {
  EXPECT_EQ(offsets_of(group(scan(), kOdd)), (Offsets{{at("orders", 0), 16}}));
  const Snapshot named =
      scan({.groups = {{GroupId(kOdd), GroupId("none"), GroupId("a/b")}}, .external = {}});
  ASSERT_EQ(named.groups.size(), 1U);
  EXPECT_EQ(named.groups[0].group, GroupId(kOdd));
}

TEST_F(ZookeeperScan, LayoutsAreTold) {
  const Snapshot snapshot = scan();
  EXPECT_EQ(group(snapshot, "plain").layout, Layout::kHighLevelConsumer);
  EXPECT_EQ(group(snapshot, "commit-v0").layout, Layout::kOffsetCommitV0);
  EXPECT_EQ(group(snapshot, "go").layout, Layout::kWvanbergen);
  EXPECT_EQ(group(snapshot, "ancient").layout, Layout::kKafka07);
  EXPECT_EQ(group(snapshot, "ancient").kafka07_topics, (std::vector{TopicName("orders")}));
  EXPECT_TRUE(group(snapshot, "ancient").offsets.empty());
  const GroupSnapshot misplaced = group(snapshot, "misplaced");
  EXPECT_EQ(offsets_of(misplaced), (Offsets{{at("orders", 0), 9}}));
  EXPECT_EQ(misplaced.offsets.at(0).path, "/consumers/misplaced/offset/orders/0");
}

TEST_F(ZookeeperScan, WhoeverIsAliveIsSeen) {
  const Snapshot snapshot = scan();
  for (const char* name : {"live", "go"}) {
    const GroupSnapshot alive = group(snapshot, name);
    ASSERT_EQ(alive.registrations.size(), 1U) << name;
    EXPECT_EQ(alive.registrations[0].topics, std::vector<std::string>{"orders"});
    ASSERT_FALSE(alive.owners.empty());
    EXPECT_EQ(alive.owners[0].topic, TopicName("orders"));
    EXPECT_TRUE(alive.owners[0].owner.starts_with(alive.registrations[0].consumer_id));
  }
  EXPECT_EQ(group(snapshot, "live").owners.size(), 2U);
  EXPECT_TRUE(group(snapshot, "plain").registrations.empty());
  EXPECT_TRUE(group(snapshot, "plain").owners.empty());
}

TEST_F(ZookeeperScan, LayoutsOutsideTheTree) {
  const Snapshot snapshot = scan(
      {.groups = std::vector<GroupId>(),
       .external = {{GroupId("storm"), Layout::kStorm, "/storm/spout", {}},
                    {GroupId("trident"), Layout::kTrident, "/trident/tx", {}},
                    {GroupId("spark"), Layout::kSparkCsv, "/spark/orders", TopicName("orders")},
                    {GroupId("absent"), Layout::kStorm, "/storm/absent", {}}}});
  ASSERT_EQ(snapshot.groups.size(), 4U);
  EXPECT_EQ(offsets_of(group(snapshot, "storm")),
            (Offsets{{at("orders", 0), 11}, {at("orders", 1), 12}}));
  EXPECT_EQ(offsets_of(group(snapshot, "trident")), (Offsets{{at("orders", 0), 13}}));
  EXPECT_EQ(offsets_of(group(snapshot, "spark")),
            (Offsets{{at("orders", 0), 14}, {at("orders", 1), 15}}));
  EXPECT_TRUE(contains(problems_of(group(snapshot, "absent")), "/storm/absent"));
}

TEST_F(ZookeeperScan, CustomPathsFindTheirGroups) {
  ZkClient client = connect();
  const ExternalLayout everywhere{
      {}, Layout::kCustom, "/my/app_{group}/offsets/{topic}/{partition}", {}};
  const auto external = zkoffsets::expand_external(client, {everywhere}, never);
  ASSERT_TRUE(external) << external.error().message;
  ASSERT_EQ(external->size(), 2U);
  const Snapshot snapshot = scan({.groups = std::vector<GroupId>(), .external = *external});
  ASSERT_EQ(snapshot.groups.size(), 2U);
  const GroupSnapshot billing = group(snapshot, "billing");
  EXPECT_EQ(billing.layout, Layout::kCustom);
  EXPECT_EQ(offsets_of(billing),
            (Offsets{{at("a-b", 10), -1}, {at("orders", 0), 21}, {at("orders", 1), -1}}));
  EXPECT_EQ(billing.offsets.back().path, "/my/app_billing/offsets/orders/1");
  EXPECT_GT(billing.offsets.back().node.mzxid, 0);
  EXPECT_EQ(billing.denied_offsets, (std::vector{at("orders", 2)}));
  const GroupSnapshot web = group(snapshot, "web");
  EXPECT_EQ(offsets_of(web), (Offsets{{at("orders", 0), 22}}));
  EXPECT_EQ(web.denied_topics, (std::vector{TopicName("hidden")}));
  EXPECT_TRUE(contains(problems_of(web), "/my/app_web/offsets/orders/p1: the name does not fit"));
}

TEST_F(ZookeeperScan, CustomDocumentsHoldTheOffsetWhereThePointerSays) {
  const Snapshot snapshot = scan(
      {.groups = std::vector<GroupId>(),
       .external = {
           {GroupId("json"), Layout::kCustom, "/json/{topic}-{partition}/state", {}, "/at/n"}}});
  const GroupSnapshot json = group(snapshot, "json");
  EXPECT_EQ(
      offsets_of(json),
      (Offsets{{at("orders-eu", 0), 23}, {at("orders-eu", 1), 24}, {at("orders-eu", 2), -1}}));
  EXPECT_TRUE(contains(problems_of(json), "/json/orders: the name does not fit"));
  EXPECT_TRUE(contains(problems_of(json), "/json/orders-eu-3/state: does not exist"));
}

TEST_F(ZookeeperScan, WhatAnAclHidesIsNotTakenForAbsent) {
  const Snapshot snapshot = scan();
  const GroupSnapshot denied = group(snapshot, "denied");
  EXPECT_EQ(offsets_of(denied), (Offsets{{at("orders", 0), 1}}));
  EXPECT_EQ(denied.denied_offsets, (std::vector{at("orders", 1)}));
  EXPECT_EQ(denied.denied_topics, (std::vector{TopicName("payments")}));
  EXPECT_FALSE(denied.all_denied);
  EXPECT_TRUE(contains(problems_of(denied), "/consumers/denied/offsets/orders/1"));
  EXPECT_TRUE(contains(problems_of(denied), "/consumers/denied/offsets/payments"));
  EXPECT_TRUE(group(snapshot, "hidden").all_denied);
  EXPECT_TRUE(contains(problems_of(group(snapshot, "hidden")), "denied by its ACL"));
}

TEST_F(ZookeeperScan, StrangeNodesAreProblems) {
  const GroupSnapshot strange = group(scan(), "strange");
  EXPECT_TRUE(strange.offsets.empty());
  EXPECT_TRUE(contains(problems_of(strange), "\"07\" is no partition number"));
  EXPECT_TRUE(contains(problems_of(strange), "\"x\" is no partition number"));
}

TEST_F(ZookeeperScan, StatesOfSingleNodes) {
  ZkClient client = connect();
  const std::vector<std::string> paths = {"/consumers/plain/offsets/orders/2", "/none",
                                          "/consumers/denied/offsets/orders/1"};
  const auto nodes = client.get(paths, never);
  ASSERT_TRUE(nodes);
  EXPECT_EQ(nodes->at(0).state, NodeState::kFound);
  EXPECT_EQ(nodes->at(0).data, "2");
  EXPECT_EQ(nodes->at(1).state, NodeState::kMissing);
  EXPECT_EQ(nodes->at(2).state, NodeState::kDenied);
}

TEST_F(ZookeeperScan, ASyncedReadSeesWhatWasWritten) {
  ZkClient client = connect();
  const std::vector<std::string> paths = {"/consumers/plain/offsets/orders/0", "/none"};
  const auto before = zkoffsets::read_versions(client, paths, never);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->size(), 1U);
  with_kazoo(env->zookeeper_connect(), "zk.set('/consumers/plain/offsets/orders/0', b'1')");
  const auto after = zkoffsets::read_versions(client, paths, never);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->at(paths[0]).version, before->at(paths[0]).version + 1);
  EXPECT_GT(after->at(paths[0]).mzxid, before->at(paths[0]).mzxid);
}

TEST_F(ZookeeperScan, AWrongChrootIsCalledSo) {
  const std::string connect_string = env->zookeeper_connect() + "/nope";
  auto client = ZkClient::connect({.connect = connect_string}, never);
  ASSERT_TRUE(client);
  const auto snapshot = zkoffsets::scan(*client, {}, never);
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kUsage);
  EXPECT_TRUE(contains(snapshot.error().message, connect_string));
  EXPECT_TRUE(contains(snapshot.error().hint, "chroot"));
}

TEST_F(ZookeeperScan, AStopIsSeenWhileAServerHangs) {
  ZkClient client = connect();
  env->zookeeper("pause");
  StopToken stop;
  std::chrono::steady_clock::time_point stopped_at;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    stopped_at = std::chrono::steady_clock::now();
    stop.request_stop();
  });
  const auto nodes = client.get({"/consumers"}, stop);
  const auto returned_at = std::chrono::steady_clock::now();
  stopper.join();
  env->zookeeper("resume");
  ASSERT_FALSE(nodes);
  EXPECT_EQ(nodes.error().kind, ErrorKind::kInterrupted);
  EXPECT_LT(returned_at - stopped_at, std::chrono::milliseconds(500));
}

TEST_F(ZookeeperScan, ASessionOutlivesARestartOfTheServer) {
  ZkClient client = connect();
  ASSERT_TRUE(client.get({"/consumers"}, never));
  env->zookeeper("stop");
  env->zookeeper("start");
  const auto nodes = client.get({"/consumers/plain/offsets/orders/2"}, never);
  ASSERT_TRUE(nodes) << nodes.error().message;
  EXPECT_EQ(nodes->at(0).data, "2");
}

}  // namespace
}  // namespace kferry::trouble
