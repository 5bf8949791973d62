// The guard on a real ZooKeeper and a real source: what is refused, and that a migration releases
// it.
#include "replicate/zookeeper_guard.h"

#include <gtest/gtest.h>

#include "replicate/cluster_settings.h"
#include "tests/integration/migrate_fixture.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using integration::Site;
using test::fails;
using test::has;
using test::ok;

class ZookeeperGuardOnServers : public testing::Test {
 protected:
  ZookeeperGuardOnServers() : site_(integration::site_of("3.9.1")) {
    flow_.source = make_cluster_settings(
                       {.alias = "source",
                        .bootstrap_servers = site_.environment().bootstrap_servers()})
                       .value();
    flow_.zookeeper = site_.environment().zookeeper_connect();
    flow_.topics.include = {std::regex(".*")};
    flow_.groups.include = {std::regex("guard-.*")};
  }
  static Wait within() { return Wait::uninterruptible(Duration(60'000)); }

  Site& site_;
  FlowSettings flow_;
  Troubles troubles_;
};

TEST_F(ZookeeperGuardOnServers, AMigrationReleasesTheGroup) {
  site_.write_zookeeper("guard-a", {{"orders", {{"0", 10}, {"1", 20}}}});
  site_.write_zookeeper("guard-b", {{"orders", {{"0", 10}}}, {"no-such-topic", {{"0", 5}}}});
  site_.write_zookeeper("unguarded", {{"orders", {{"0", 10}}}});
  site_.commit("guard-a", {{"orders-0", 10}, {"orders-1", 19}});
  site_.commit("guard-b", {{"orders-0", 11}});
  ZookeeperGuard guard(flow_, troubles_);
  EXPECT_TRUE(fails(guard.refusals(), ErrorKind::kUnreachable, "not been read yet"));
  ASSERT_TRUE(ok(guard.check(within())));
  auto refused = guard.refusals();
  ASSERT_TRUE(ok(refused));
  ASSERT_EQ(refused->size(), 1U);
  EXPECT_EQ(refused->at(GroupId("guard-a")),
            "offsets in ZooKeeper are not in Kafka: orders-1 is at 20 in ZooKeeper and at 19 in "
            "Kafka; run kferry migrate --group guard-a first");
  EXPECT_TRUE(has(troubles_.list().at(0), "1 group with offsets in ZooKeeper"));

  const auto run = site_.run({"migrate", "--group", "guard-a", "--execute"});
  ASSERT_EQ(run.exit_code(), 0) << run.text();
  // It has gone on, and back, since.
  site_.commit("guard-a", {{"orders-0", 3}, {"orders-1", 77}});
  ASSERT_TRUE(ok(guard.check(within())));
  refused = guard.refusals();
  ASSERT_TRUE(ok(refused));
  EXPECT_TRUE(refused->empty()) << refused->begin()->second;
  EXPECT_TRUE(troubles_.list().empty());
}

TEST_F(ZookeeperGuardOnServers, WarningRefusesNothing) {
  flow_.guard = GuardPolicy::kWarn;
  site_.write_zookeeper("guard-c", {{"orders", {{"0", 10}}}});
  ZookeeperGuard guard(flow_, troubles_);
  ASSERT_TRUE(ok(guard.check(within())));
  const auto refused = guard.refusals();
  ASSERT_TRUE(ok(refused));
  EXPECT_TRUE(refused->empty());
  EXPECT_TRUE(guard.findings().contains(GroupId("guard-c")));
  EXPECT_TRUE(has(troubles_.list().at(0), "are synced all the same"));
}

TEST_F(ZookeeperGuardOnServers, WithoutZooKeeperNothingIsReleased) {
  flow_.zookeeper = "127.0.0.1:1";
  ZookeeperGuard guard(flow_, troubles_);
  StopToken stop;
  std::jthread thread([&] { guard.run(stop); });
  EXPECT_TRUE(test::eventually([&] { return !troubles_.list().empty(); }) ||
              test::eventually([&] { return !troubles_.list().empty(); }));
  EXPECT_FALSE(ok(guard.refusals()));
  stop.request_stop();
}

}  // namespace
}  // namespace kferry::replicate
