// A real ensemble of three in trouble while we read: a result is complete, or it is an error.
#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "doctor/zookeeper_probe.h"
#include "tests/integration/trouble_fixture.h"
#include "zkoffsets/scanner.h"

namespace kferry::trouble {
namespace {

using testenv::Environment;
using zkoffsets::NodeState;
using zkoffsets::Snapshot;
using zkoffsets::ZkClient;
using zkoffsets::ZkConfig;

constexpr int kGroups = 20;
constexpr int kPartitions = 100;  // of each group: enough for multiRead

// Ends every session but its own: takes each over by its id and password, which a server makes from
// the id (SessionTrackerImpl, ZooKeeperServer.generatePasswd: java.util.Random), and closes it.
constexpr const char* kEndSessions = R"(
import re, socket
def password(session):
    seed, made = ((session ^ 0xB3415C00) ^ 0x5DEECE66D) & ((1 << 48) - 1), b''
    for _ in range(4):
        seed = (seed * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        made += ((seed >> 16) & 0xFFFFFFFF).to_bytes(4, 'little')
    return made
sessions = set()
for host, port in (one.split(':') for one in sys.argv[1].split('/')[0].split(',')):
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(b'cons')
        text = b''
        while piece := connection.recv(65536):
            text += piece
    sessions |= {(int(found, 16), host + ':' + port)
                 for found in re.findall(r'sid=0x([0-9a-f]+)', text.decode())}
ended = 0
for session, server in sessions:
    if session in (0, zk.client_id[0]):
        continue
    other = KazooClient(server, client_id=(session, password(session)))
    other.start(10)
    ended += other.client_id[0] == session
    other.stop()
    other.close()
assert ended > 0, sessions
)";

const StopToken never;

class ZookeeperHardships : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    env = std::make_unique<Environment>(
        Environment::start({.zookeeper_only = true, .zookeeper_servers = 3}));
    env->workload(
        {{"generate",
          {{"groups", kGroups}, {"partitions", kPartitions}, {"topic", "t"}, {"prefix", "g"}}}});
  }
  static void TearDownTestSuite() { env.reset(); }

  static Result<ZkClient> connect(const std::optional<zkoffsets::ZkLogin>& login = {},
                                  Duration timeout = Duration(10'000)) {
    return ZkClient::connect(
        {.connect = env->zookeeper_connect(), .connect_timeout = timeout, .login = login}, never);
  }
  // The id of the server that the client is with.
  static int server_of(const ZkClient& client) {
    for (const Json& server : env->json().at("zookeeper").at("servers"))
      if (client.server().ends_with(fmt::format(":{}", server.at("port").get<int>())))
        return server.at("id");
    throw std::runtime_error("no such server: " + client.server());
  }
  static void expect_whole(const Snapshot& snapshot) {
    ASSERT_EQ(snapshot.groups.size(), static_cast<size_t>(kGroups));
    for (int g = 0; g < kGroups; ++g) {
      const auto& group = snapshot.groups[static_cast<size_t>(g)];
      ASSERT_EQ(group.offsets.size(), static_cast<size_t>(kPartitions)) << group.group.value();
      const int number = std::stoi(group.group.value().substr(1));
      for (const auto& node : group.offsets)
        ASSERT_EQ(node.parsed.offset, ZookeeperOffset(number + node.partition.value()));
      EXPECT_TRUE(group.problems.empty());
    }
  }
  // The server that we are with fails in the middle of a scan.
  static void fail_over(const std::string& failure, const std::string& repair) {
    auto client = connect();
    ASSERT_TRUE(client) << client.error().message;
    const int before = server_of(*client);
    bool failed = false;
    const auto snapshot = zkoffsets::scan(*client, {}, never, [&](int64_t) {
      if (!std::exchange(failed, true)) env->zookeeper(failure, before);
    });
    env->zookeeper(repair, before);
    ASSERT_TRUE(failed);
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_NE(server_of(*client), before);
    expect_whole(*snapshot);
  }

  inline static std::unique_ptr<Environment> env;
};

TEST_F(ZookeeperHardships, AKilledServerIsReplacedDuringAScan) {
  fail_over("kill", "start");
}

TEST_F(ZookeeperHardships, AServerThatHangsIsReplacedDuringAScan) {
  fail_over("pause", "resume");
}

TEST_F(ZookeeperHardships, AScanWhoseSessionIsEndedIsAnError) {
  auto client = connect();
  ASSERT_TRUE(client) << client.error().message;
  bool ended = false;
  const auto snapshot = zkoffsets::scan(*client, {}, never, [&](int64_t) {
    if (!std::exchange(ended, true)) with_kazoo(env->zookeeper_connect(), kEndSessions);
  });
  ASSERT_TRUE(ended);
  ASSERT_FALSE(snapshot) << snapshot->groups.size();
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kUnreachable);
  EXPECT_TRUE(contains(snapshot.error().message, "the session has expired"));
  EXPECT_TRUE(contains(snapshot.error().hint, "run the command again"));
}

// Both ways of reading, one node at a time and in bulk, log in.
TEST_F(ZookeeperHardships, ALoginOpensWhatItsAclSays) {
  with_kazoo(env->zookeeper_connect(), R"(
mine = [make_digest_acl('admin', 'secret', all=True)]
zk.ensure_path('/locked')
waiting = [zk.create_async('/locked/%d' % i, b'%d' % i, acl=mine) for i in range(600)]
for one in waiting:
    one.get(20)
)");
  std::vector<std::string> paths;
  for (int i = 0; i < 600; ++i) paths.push_back(fmt::format("/locked/{}", i));
  const auto states = [&](const std::optional<zkoffsets::ZkLogin>& login) {
    auto client = connect(login);
    if (!client) throw std::runtime_error(client.error().message);
    std::set<NodeState> seen;
    for (const auto& asked : {paths, std::vector<std::string>(paths.begin(), paths.begin() + 3)}) {
      const auto nodes = client->get(asked, never);
      if (!nodes) throw std::runtime_error(nodes.error().message);
      for (const auto& node : *nodes) seen.insert(node.state);
    }
    return seen;
  };
  using zkoffsets::ZkLogin;
  EXPECT_EQ(states(ZkLogin{"admin", "secret"}), (std::set{NodeState::kFound}));
  EXPECT_EQ(states(ZkLogin{"admin", "wrong"}), (std::set{NodeState::kDenied}));
  EXPECT_EQ(states({}), (std::set{NodeState::kDenied}));
}

TEST_F(ZookeeperHardships, TheDoctorLogsInToo) {
  with_kazoo(env->zookeeper_connect(), R"(
zk.ensure_path('/behind/consumers/hidden')
zk.set_acls('/behind/consumers', [make_digest_acl('admin', 'secret', all=True)])
)");
  const auto seen = [](const std::optional<zkoffsets::ZkLogin>& login) {
    return doctor::probe_zookeeper(env->zookeeper_connect() + "/behind", login, never);
  };
  const auto refused = seen({});
  ASSERT_TRUE(refused.facts.trouble);
  EXPECT_TRUE(contains(refused.facts.trouble->message,
                       "listing /consumers is denied by its ACL; kferry is not logged in"));
  const auto let_in = seen(zkoffsets::ZkLogin{"admin", "secret"});
  EXPECT_FALSE(let_in.facts.trouble) << let_in.facts.trouble->message;
  EXPECT_EQ(let_in.groups, (std::set{GroupId("hidden")}));
}

// The last one: the ensemble is without a quorum meanwhile. Since 3.5 such a server has local
// sessions only.
TEST_F(ZookeeperHardships, WhatAReadOnlyServerShowsIsNotTaken) {
  env.reset();
  env = std::make_unique<Environment>(
      Environment::start({.zookeeper_only = true,
                          .zookeeper_servers = 3,
                          .more_arguments = {"--zookeeper-set", "localSessionsEnabled=true"}}));
  env->zookeeper("kill", 1);
  env->zookeeper("kill", 2);
  // The third one takes a moment to notice.
  auto refused = connect({}, Duration(6'000));
  for (int i = 0; i < 5 && refused; ++i) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    refused = connect({}, Duration(6'000));
  }
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnreachable);
  EXPECT_TRUE(contains(refused.error().message, "has lost its quorum and is read-only"));
  EXPECT_TRUE(contains(refused.error().message,
                       fmt::format(":{}", env->json()["zookeeper"]["servers"][2]["port"].dump())));
  // One that finds a server with a quorum meanwhile goes on there.
  std::jthread repair([] { env->zookeeper("start", 1); });
  const auto found = connect({}, Duration(20'000));
  repair.join();
  EXPECT_TRUE(found) << found.error().message;
}

}  // namespace
}  // namespace kferry::trouble
