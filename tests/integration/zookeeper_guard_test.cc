// The guard on a real ZooKeeper and a real source: what is refused, and that a migration releases
// it.
#include "replicate/zookeeper_guard.h"

#include <gtest/gtest.h>

#include "tests/integration/migrate_fixture.h"
#include "tests/integration/trouble_fixture.h"
#include "tests/integration/two_sides.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using integration::Site;
using integration::within;
using test::fails;
using test::has;
using test::ok;

class ZookeeperGuardOnServers : public testing::Test {
 protected:
  ZookeeperGuardOnServers() : site_(integration::site_of("3.9.1")) {
    flow_.source = integration::cluster_settings("source", site_.environment().bootstrap_servers());
    flow_.zookeeper = site_.environment().zookeeper_connect();
    flow_.topics.include = {std::regex(".*")};
    flow_.groups.include = {std::regex("guard-.*")};
  }

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

constexpr const char* kLocked = R"(
mine = [make_digest_acl('admin', 'secret', all=True)]
zk.ensure_path('/consumers/guard-locked/offsets/orders')
zk.create('/consumers/guard-locked/offsets/orders/0', b'7', acl=mine)
)";

TEST_F(ZookeeperGuardOnServers, ALoginOpensWhatAnAclHides) {
  const GroupId locked("guard-locked");
  trouble::with_kazoo(site_.environment().zookeeper_connect(), kLocked);
  site_.commit("guard-locked", {{"orders-0", 7}});
  const auto findings = [&] {
    ZookeeperGuard guard(flow_, troubles_);
    EXPECT_TRUE(ok(guard.check(within())));
    return guard.findings();
  };
  const auto hidden = findings();
  ASSERT_TRUE(hidden.contains(locked));
  EXPECT_TRUE(has(hidden.at(locked), "the offset of orders-0 may not be read"));
  flow_.zookeeper_login = zkoffsets::ZkLogin{"admin", "secret"};
  EXPECT_FALSE(findings().contains(locked));
}

// From the command line and from kferry.yaml to the doctor's look at the tree.
TEST_F(ZookeeperGuardOnServers, TheSettingsOfTheLoginCount) {
  const std::string behind = site_.environment().zookeeper_connect() + "/behind";
  trouble::with_kazoo(site_.environment().zookeeper_connect(), R"(
zk.ensure_path('/behind/consumers/guard-hidden')
zk.set_acls('/behind/consumers', [make_digest_acl('admin', 'secret', all=True)])
)");
  integration::write_text(site_.file("login"), "admin:secret\n");
  integration::write_text(site_.file("login.yaml"), "zookeeper_auth: ${env:ZK_LOGIN}\n");
  const std::string servers = site_.environment().bootstrap_servers();
  const std::vector<std::string> flow{"doctor",   "--source",    servers,    "--target", servers,
                                      "--prefix", "x.",          "--topics", "orders",   "--groups",
                                      ".*",       "--zookeeper", behind};
  const std::vector<std::string> alone{"doctor", "--bootstrap-server", servers, "--zookeeper",
                                       behind};
  for (const auto& command : {flow, alone})
    for (const auto& [more, denied] : {std::pair{std::vector<std::string>{}, true},
                                       {{"--zookeeper-auth-file", site_.file("login")}, false},
                                       {{"--config", site_.file("login.yaml")}, false}}) {
      auto arguments = command;
      arguments.insert(arguments.end(), more.begin(), more.end());
      const auto done =
          testenv::run_kferry(arguments, {.environment = {{"ZK_LOGIN", "admin:secret"}}});
      EXPECT_EQ(done.out.contains("listing /consumers is denied"), denied) << done.out << done.err;
      EXPECT_NE(done.exit_code, 2) << done.err;
    }
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
