// Large batches of znodes: with multiRead, and without it where a server does not have it.
#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_zookeeper.h"
#include "zkoffsets/multi_reader.h"
#include "zkoffsets/zk_client.h"

namespace kferry::zkoffsets {
namespace {

using test::fails;
using test::FakeNode;
using test::FakeZookeeper;
using test::MultiRead;
using test::ok;

// ZooDefs.OpCode
constexpr int32_t kExists = 3;
constexpr int32_t kGetData = 4;
constexpr int32_t kGetChildren = 8;
constexpr int32_t kSync = 9;
constexpr int32_t kMultiRead = 22;
constexpr int32_t kCloseSession = -11;

constexpr size_t kMany = 1'050;   // nodes; no multiple of what goes into one request
constexpr size_t kMissing = 7;    // one that is not there
constexpr size_t kDenied = 1049;  // one that may not be read

const StopToken never;

std::string path_of(size_t i) {
  return fmt::format("/n/{}", i);
}

std::map<std::string, FakeNode> nodes(const std::string& chroot = "") {
  std::map<std::string, FakeNode> all = {{chroot + "/n", {}}};
  for (size_t i = 0; i < kMany; ++i) {
    if (i == kMissing) continue;
    const auto number = static_cast<int64_t>(i);
    all[chroot + path_of(i)] = {fmt::format("data {}", i), number + 1, static_cast<int32_t>(2 * i),
                                i == kDenied};
    all[chroot + path_of(i) + "/b"] = {};
    all[chroot + path_of(i) + "/a"] = {};
  }
  return all;
}

std::vector<std::string> paths() {
  std::vector<std::string> all;
  for (size_t i = 0; i < kMany; ++i) all.push_back(path_of(i));
  return all;
}

ZkClient connect(const FakeZookeeper& server, const std::string& chroot = "") {
  auto client = ZkClient::connect({.connect = server.connect_string() + chroot}, never);
  if (!client) throw std::runtime_error(client.error().message);
  return std::move(*client);
}

NodeState expected_state(size_t i) {
  return i == kMissing  ? NodeState::kMissing
         : i == kDenied ? NodeState::kDenied
                        : NodeState::kFound;
}

void expect_data(const Result<std::vector<NodeData>>& read) {
  ASSERT_TRUE(ok(read));
  ASSERT_EQ(read->size(), kMany);
  for (size_t i = 0; i < kMany; ++i) {
    const NodeData& node = (*read)[i];
    ASSERT_EQ(node.state, expected_state(i)) << i;
    if (node.state != NodeState::kFound) continue;
    const auto number = static_cast<int64_t>(i);
    const NodeVersion version{number + 1, static_cast<int32_t>(2 * i), (number + 1) * 1000};
    ASSERT_EQ(node.data, fmt::format("data {}", i));
    ASSERT_EQ(node.version, version) << i;
    ASSERT_FALSE(node.ephemeral);
  }
}

void expect_children(const Result<std::vector<NodeChildren>>& read) {
  ASSERT_TRUE(ok(read));
  ASSERT_EQ(read->size(), kMany);
  const std::vector<std::string> names = {"a", "b"};
  for (size_t i = 0; i < kMany; ++i) {
    ASSERT_EQ((*read)[i].state, expected_state(i)) << i;
    if (expected_state(i) == NodeState::kFound) {
      ASSERT_EQ((*read)[i].names, names) << i;
    }
  }
}

TEST(MultiRead, ReadsManyNodesWithOneRequest) {
  FakeZookeeper server(nodes());
  ZkClient client = connect(server);
  expect_data(client.get(paths(), never));
  expect_children(client.children(paths(), never));
  EXPECT_EQ(server.count(kMultiRead), 22);  // 100 nodes each
  EXPECT_EQ(server.largest_multi_read(), 100);
  EXPECT_EQ(server.count(kGetData), 0);
  EXPECT_EQ(server.count(kGetChildren), 0);
}

TEST(MultiRead, PutsTheChrootBeforeThePaths) {
  FakeZookeeper server(nodes("/kafka"));
  ZkClient client = connect(server, "/kafka");
  expect_data(client.get(paths(), never));
  expect_children(client.children(paths(), never));
  EXPECT_EQ(server.count(kGetData), 0);
}

// exists() takes no right to read: a node that multiRead may not get is there all the same.
TEST(MultiRead, ExistsSeesWhatMayNotBeRead) {
  FakeZookeeper server(nodes());
  ZkClient client = connect(server);
  const auto read = client.exists(paths(), never);
  ASSERT_TRUE(ok(read));
  ASSERT_EQ(read->size(), kMany);
  for (size_t i = 0; i < kMany; ++i) {
    ASSERT_EQ((*read)[i].state, i == kMissing ? NodeState::kMissing : NodeState::kFound) << i;
    ASSERT_TRUE((*read)[i].data.empty());
    if (i != kMissing) {
      ASSERT_EQ((*read)[i].version.version, static_cast<int32_t>(2 * i));
    }
  }
  EXPECT_EQ(server.count(kExists), 1);
}

TEST(MultiRead, IsNotWorthASessionForFewNodes) {
  FakeZookeeper server(nodes());
  ZkClient client = connect(server);
  ASSERT_TRUE(ok(client.get({path_of(1), path_of(2)}, never)));
  EXPECT_EQ(server.count(kMultiRead), 0);
  EXPECT_EQ(server.count(kGetData), 2);
}

// What is read after sync() is what was there at that time, on this session too.
TEST(MultiRead, SyncsItsOwnSession) {
  FakeZookeeper server(nodes());
  {
    ZkClient client = connect(server);
    ASSERT_TRUE(ok(client.get(paths(), never)));
    ASSERT_TRUE(ok(client.sync(never)));
    ASSERT_TRUE(ok(client.children(paths(), never)));
  }
  std::vector<int32_t> expected = {kSync};
  expected.insert(expected.end(), 11, kMultiRead);
  expected.push_back(kSync);
  expected.insert(expected.end(), 11, kMultiRead);
  expected.push_back(kCloseSession);
  EXPECT_TRUE(test::eventually([&] {
    return server.multi_read_connections() == std::vector<std::vector<int32_t>>{expected};
  }));
}

class WithoutMultiRead : public testing::TestWithParam<MultiRead> {};

TEST_P(WithoutMultiRead, NodesAreReadOneByOneAndItIsNotTriedAgain) {
  FakeZookeeper server(nodes());
  server.multi_read(GetParam());
  ZkClient client = connect(server);
  expect_data(client.get(paths(), never));
  expect_children(client.children(paths(), never));
  EXPECT_EQ(server.multi_read_connections().size(), 1U);
  EXPECT_EQ(server.count(kGetData), static_cast<int>(kMany));
  EXPECT_EQ(server.count(kGetChildren), static_cast<int>(kMany));
}

INSTANTIATE_TEST_SUITE_P(Servers, WithoutMultiRead,
                         testing::Values(MultiRead::kUnknown, MultiRead::kHangUp,
                                         MultiRead::kNonsense, MultiRead::kCutOff));

TEST(MultiRead, AConnectionThatWasClosedMeanwhileIsReplaced) {
  FakeZookeeper server(nodes());
  ZkClient client = connect(server);
  ASSERT_TRUE(ok(client.get(paths(), never)));
  server.drop_multi_read_connections();
  EXPECT_TRUE(test::eventually([&] {
    expect_data(client.get(paths(), never));
    return server.multi_read_connections().size() == 2;
  }));
  EXPECT_EQ(server.count(kGetData), 0);
}

TEST(MultiRead, AStopRequestIsSeen) {
  FakeZookeeper server(nodes());
  server.multi_read(MultiRead::kSilence);
  ZkClient client = connect(server);
  StopToken stop;
  const std::jthread stopper([&] {
    test::eventually([&] { return server.count(kMultiRead) > 0; });
    stop.request_stop();
  });
  const test::Stopwatch watch;
  EXPECT_TRUE(fails(client.get(paths(), stop), ErrorKind::kInterrupted, ""));
  EXPECT_LT(watch.elapsed(), Duration(2'000));
}

TEST(MultiReader, SaysWhatIsWrong) {
  FakeZookeeper server(nodes());
  const MultiReader::Config config{"", Duration(300), ""};
  // One request: a second one could meet the closed connection before the first one's answer is
  // read.
  const std::vector<std::string> few = {path_of(0), path_of(1), path_of(2)};
  for (const auto& [what, kind, text] :
       {std::tuple{MultiRead::kUnknown, ErrorKind::kFailed, "error -6"},
        std::tuple{MultiRead::kNonsense, ErrorKind::kFailed, "another answer"},
        std::tuple{MultiRead::kCutOff, ErrorKind::kFailed, "cut-off"},
        std::tuple{MultiRead::kHangUp, ErrorKind::kUnreachable, ""},
        std::tuple{MultiRead::kSilence, ErrorKind::kUnreachable, "timed out"}}) {
    server.multi_read(what);
    const auto reader = MultiReader::open(server.address(), config, never);
    ASSERT_TRUE(ok(reader));
    EXPECT_TRUE(fails((*reader)->get(few, never), kind, text));
    EXPECT_FALSE((*reader)->get(few, never)) << "after an error the connection is of no use";
  }
}

}  // namespace
}  // namespace kferry::zkoffsets
