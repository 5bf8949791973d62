// What passes on the wire while a group is held, as a proxy between kferry and the broker sees it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/migrate_fixture.h"
#include "tests/support/recording_proxy.h"
#include "wire/error_code.h"
#include "wire/messages/group_membership.h"
#include "wire/messages/offsets.h"

namespace kferry::integration {
namespace {

using nlohmann::json;
using test::Exchange;
using test::RecordingProxy;
using wire::ApiKey;

constexpr const char* kWorkload = R"({
  "topics": [{"name": "clicks", "partitions": 2, "records": 50}],
  "groups": [{"group": "captured", "offsets": {"clicks": {"0": 10, "1": 20}}}]})";

class MigrateCapture : public testing::Test {
 protected:
  // Runs the whole migration through the proxy; kferry holds the group for at least 3 s.
  void migrate() {
    auto environment = testenv::Environment::start(
        {.source = "3.9.1",
         .advertise = {{0, fmt::format("127.0.0.1:{}", proxy_.address().port)}}});
    const std::string bootstrap = environment.json()["source"]["brokers"][0]["host"];
    const int port = environment.json()["source"]["brokers"][0]["port"];
    proxy_.set_upstream(static_cast<uint16_t>(port));
    proxy_.only_client("kferry");
    environment.workload(json::parse(kWorkload));
    proxy_.forget();
    const auto done = testenv::run_kferry(
        {"migrate", "--zookeeper", environment.zookeeper_connect(), "--bootstrap-server",
         fmt::format("127.0.0.1:{}", proxy_.address().port), "--group", "captured",
         "--quiet-period", "0s", "--no-progress", "--execute", "--report",
         environment.dir() / "r.json"},
        {.environment = {{"KFERRY_TEST_HOOK", "pause:group.held:3000"}}});
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  }

  // The exchanges of one kind that the broker took.
  template <class Request>
  std::vector<Request> accepted(const std::string& group) const {
    std::vector<Request> requests;
    for (const Exchange& one : proxy_.exchanges(Request::kApiKey)) {
      if (one.request.header.client_id != "kferry") continue;
      auto request = one.request.as<Request>();
      if (request.group_id == GroupId(group)) requests.push_back(std::move(request));
    }
    return requests;
  }

  // Join, sync, heartbeat, commit, leave; the last commit is the receipt's, to a group of its own.
  void expect_order() const {
    std::vector<ApiKey> order;
    for (const Exchange& one : proxy_.exchanges()) {
      const ApiKey key = one.request.api_key();
      const bool wanted = key == ApiKey::kJoinGroup || key == ApiKey::kSyncGroup ||
                          key == ApiKey::kHeartbeat || key == ApiKey::kOffsetCommit ||
                          key == ApiKey::kLeaveGroup;
      if (wanted && (order.empty() || order.back() != key)) order.push_back(key);
    }
    EXPECT_EQ(order, (std::vector<ApiKey>{ApiKey::kJoinGroup, ApiKey::kSyncGroup,
                                          ApiKey::kHeartbeat, ApiKey::kOffsetCommit,
                                          ApiKey::kLeaveGroup, ApiKey::kOffsetCommit}));
  }

  RecordingProxy proxy_;
};

TEST_F(MigrateCapture, TheGroupIsHeldByItsOnlyMember) {
  migrate();
  if (HasFailure()) return;
  const auto joins = proxy_.exchanges(ApiKey::kJoinGroup);
  // The first one is only told its member id (KIP-394).
  ASSERT_EQ(joins.size(), 2U);
  const auto joined = joins[1].answer_to<wire::JoinGroupRequest>();
  EXPECT_EQ(joined.error_code, wire::kNone);
  EXPECT_EQ(joined.leader, joined.member_id);
  EXPECT_EQ(joined.members.size(), 1U);

  const auto syncs = accepted<wire::SyncGroupRequest>("captured");
  ASSERT_EQ(syncs.size(), 1U);
  const auto heartbeats = accepted<wire::HeartbeatRequest>("captured");
  EXPECT_GE(heartbeats.size(), 2U);
  for (const auto& heartbeat : heartbeats) {
    EXPECT_EQ(heartbeat.member_id, joined.member_id);
    EXPECT_EQ(heartbeat.generation_id, joined.generation_id);
  }
  const auto commits = accepted<wire::OffsetCommitRequest>("captured");
  ASSERT_EQ(commits.size(), 1U);
  EXPECT_EQ(commits[0].member_id, joined.member_id);
  EXPECT_EQ(commits[0].generation_id_or_member_epoch, joined.generation_id);
  const auto leaves = accepted<wire::LeaveGroupRequest>("captured");
  ASSERT_EQ(leaves.size(), 1U);
  ASSERT_EQ(leaves[0].members.size(), 1U);
  EXPECT_EQ(leaves[0].members[0].member_id, joined.member_id);
  expect_order();
}

}  // namespace
}  // namespace kferry::integration
