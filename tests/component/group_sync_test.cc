// The group sync between two fake clusters: what is asked, in which version, and what is done about
// answers that do not come.
#include "replicate/group_sync.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "tests/support/fake_group.h"
#include "tests/support/fake_translator.h"
#include "wire/error_code.h"
#include "wire/messages.h"

namespace kferry::replicate {
namespace {

using groupproto::CommittedOffset;
using groupproto::GroupOffsets;
using test::eventually;
using test::FakeReply;
using test::has;
using test::ok;
using test::WireRequest;
using wire::ApiKey;

TopicPartition tp(int32_t partition) {
  return {TopicName("t"), Partition(partition)};
}
GroupOffsets at(std::initializer_list<std::pair<int32_t, int64_t>> offsets) {
  GroupOffsets all;
  for (const auto& [partition, offset] : offsets) all[tp(partition)] = {Offset(offset), "m"};
  return all;
}

// One cluster with one broker and one group.
struct FakeSide {
  FakeSide() {
    group.serve(broker);
    broker.show({.brokers = {},
                 .leaders = {{tp(0), BrokerId(0)}, {tp(1), BrokerId(0)}},
                 .coordinator = BrokerId(-1)});
    broker.answer<wire::ListGroupsRequest>([this](const auto&, const WireRequest& request) {
      wire::ListGroupsResponse response;
      auto& listed = response.groups.emplace_back();
      listed.group_id = group.id();
      listed.protocol_type = "consumer";
      if (request.version() >= 4) listed.group_state = group.members().empty() ? "Empty" : "Stable";
      return response;
    });
  }
  ClusterSettings settings(const char* alias) const {
    ClusterSettings settings;
    settings.alias = alias;
    settings.addresses = {broker.address()};
    settings.client.request_timeout = Duration(5'000);
    return settings;
  }

  test::FakeGroup group{GroupId("g")};
  test::FakeBroker broker{BrokerId(0)};
};

class GroupSyncOnFakes : public testing::Test {
 protected:
  GroupSyncOnFakes() {
    flow_.source = source_.settings("source");
    flow_.target = target_.settings("target");
    flow_.topics.include = {std::regex(".*")};
    flow_.groups.include = {std::regex(".*")};
    flow_.group_interval = Duration(20);
    flow_.refresh_interval = Duration(200);
    for (int32_t p = 0; p < 2; ++p) translator_.set(tp(p), 1'000);
    commit({{0, 10}, {1, 20}});
  }
  ~GroupSyncOnFakes() override { stop(); }

  void commit(std::initializer_list<std::pair<int32_t, int64_t>> offsets) {
    for (const auto& [partition, committed] : at(offsets))
      source_.group.set_offset(partition, committed);
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
  bool reaches(const GroupOffsets& offsets) {
    return eventually([&] { return target_.group.offsets() == offsets; });
  }
  bool is(const std::string& state) {
    return eventually([&] {
      const auto all = sync_->status();
      return !all.empty() && all[0].state == state;
    });
  }
  // Whatever was seen before has been acted on.
  bool rounds_pass(int64_t rounds) {
    const int64_t before = sync_->rounds();
    return eventually([&] { return sync_->rounds() >= before + rounds; });
  }
  size_t commits() const { return target_.broker.count(ApiKey::kOffsetCommit); }

  FakeSide source_;
  FakeSide target_;
  FlowSettings flow_;
  test::FakeTranslator translator_;
  test::FakeStateStore state_;
  Troubles troubles_;
  std::optional<GroupSync> sync_;
  std::optional<StopToken> stop_;
  std::jthread thread_;
};

TEST_F(GroupSyncOnFakes, BringsOverWhatChangesAndNothingElse) {
  start();
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 20}})));
  ASSERT_TRUE(is("synced"));
  EXPECT_TRUE(eventually([&] { return sync_->caught_up(); }));
  ASSERT_TRUE(rounds_pass(30));
  EXPECT_EQ(commits(), 1U);
  commit({{1, 5}});
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 5}})));
  const auto sent = target_.broker.decoded<wire::OffsetCommitRequest>().back();
  ASSERT_EQ(sent.topics.size(), 1U);
  ASSERT_EQ(sent.topics[0].partitions.size(), 1U) << "only what has changed";
  const auto& one = sent.topics[0].partitions[0];
  EXPECT_EQ(one.committed_leader_epoch, -1);
  EXPECT_EQ(one.committed_metadata, "m");
  EXPECT_EQ(sent.generation_id_or_member_epoch, Generation(-1));
  EXPECT_EQ(sent.member_id, MemberId(""));
}

// Brokers before 0.9 list no group, later ones none that we may not describe.
class NamedGroups : public GroupSyncOnFakes {
 protected:
  NamedGroups() {
    flow_.groups = {.include = {std::regex("g")}, .exclude = {}, .names = {"g"}};
    source_.broker.answer<wire::ListGroupsRequest>([](const auto&, const WireRequest&) {
      wire::ListGroupsResponse response;
      response.groups.emplace_back().group_id = GroupId("another");
      return response;
    });
  }
};

TEST_F(NamedGroups, AreMirroredThoughTheyAreNotListed) {
  start();
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 20}})));
  ASSERT_TRUE(is("synced"));
}

TEST_F(NamedGroups, WithoutTheRightAreATrouble) {
  std::atomic<bool> denied = true;
  source_.broker.on(ApiKey::kOffsetFetch, [&](const WireRequest& request) {
    if (!denied) return source_.group.handle(request, BrokerId(0));
    wire::OffsetFetchResponse response;
    auto& group = response.groups.emplace_back();
    group.group_id = source_.group.id();
    group.error_code = wire::kGroupAuthorizationFailed;
    return reply_with(response, request);
  });
  start();
  ASSERT_TRUE(is("unreadable on the source"));
  ASSERT_EQ(troubles_.list().size(), 1U);
  EXPECT_TRUE(has(troubles_.list()[0], "rights on the source: "));
  EXPECT_TRUE(has(troubles_.list()[0], "GROUP_AUTHORIZATION_FAILED"));
  EXPECT_TRUE(has(troubles_.list()[0], "grant READ on the group"));
  denied = false;
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 20}})));
  EXPECT_TRUE(eventually([&] { return troubles_.list().empty(); }));
  stop();
}

// 0.9 and 0.10.0 list only groups that have members.
TEST_F(NamedGroups, OnlyTheyAreSurelySeenOnOldBrokers) {
  source_.broker.speak<wire::JoinGroupRequest>(0, 0);
  start();
  ASSERT_TRUE(is("synced"));
  EXPECT_TRUE(troubles_.list().empty());
  stop();
  flow_.groups.include.emplace_back("more-.*");
  start();
  ASSERT_TRUE(eventually([&] { return !troubles_.list().empty(); }));
  EXPECT_TRUE(has(troubles_.list()[0], "list only groups that have members"));
  stop();
}

TEST_F(NamedGroups, ThatDoNotExistAreNotMadeUp) {
  flow_.groups = {.include = {std::regex("nobody")}, .exclude = {}, .names = {"nobody"}};
  source_.broker.answer<wire::OffsetFetchRequest>([](const auto& request, const WireRequest&) {
    wire::OffsetFetchResponse response;
    for (const auto& asked : request.groups)
      response.groups.emplace_back().group_id = asked.group_id;
    return response;
  });
  start();
  ASSERT_TRUE(rounds_pass(5));
  EXPECT_TRUE(sync_->status().empty());
  EXPECT_TRUE(sync_->caught_up());
  stop();
}

TEST_F(GroupSyncOnFakes, OpenTransactionsCountOnTheTargetOnly) {
  start();
  ASSERT_TRUE(is("synced"));
  for (const auto& request : source_.broker.decoded<wire::OffsetFetchRequest>())
    EXPECT_FALSE(request.require_stable);
  for (const auto& request : target_.broker.decoded<wire::OffsetFetchRequest>())
    EXPECT_TRUE(request.require_stable);
}

TEST_F(GroupSyncOnFakes, ALostReplyIsReadBackNotCommittedAgain) {
  target_.broker.once(ApiKey::kOffsetCommit, [&](const WireRequest& request) {
    target_.group.handle(request, BrokerId(0));
    return FakeReply{.close = true};
  });
  start();
  ASSERT_TRUE(is("synced"));
  ASSERT_TRUE(rounds_pass(30));
  EXPECT_EQ(commits(), 1U);
  EXPECT_EQ(target_.group.offsets(), at({{0, 10}, {1, 20}}));
  commit({{0, 3}});
  EXPECT_TRUE(reaches(at({{0, 3}, {1, 20}}))) << "it is ours: rewinds are followed";
}

TEST_F(GroupSyncOnFakes, ARequestThatWasLostIsSentAgain) {
  target_.broker.once(ApiKey::kOffsetCommit,
                      [](const WireRequest&) { return FakeReply{.close = true}; });
  start();
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 20}})));
  ASSERT_TRUE(is("synced"));
  EXPECT_EQ(commits(), 2U);
}

TEST_F(GroupSyncOnFakes, NothingIsCommittedThatIsNotRemembered) {
  state_.fail_from_now_on(true);
  start();
  ASSERT_TRUE(eventually([&] { return !troubles_.list().empty(); }));
  EXPECT_TRUE(has(troubles_.list()[0], "the state topic is away"));
  EXPECT_EQ(commits(), 0U);
  EXPECT_FALSE(sync_->caught_up());
  state_.fail_from_now_on(false);
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 20}})));
  EXPECT_EQ(state_.records().size(), 2U);
  EXPECT_TRUE(eventually([&] { return troubles_.list().empty(); }));
}

TEST_F(GroupSyncOnFakes, ALiveGroupIsLeftAloneByWhateverMeansItIsSeen) {
  target_.group.add_member({MemberId("m"), "app", "/10.0.0.1"});
  for (const int16_t list_version : {int16_t{5}, int16_t{3}}) {
    target_.broker.speak<wire::ListGroupsRequest>(0, list_version);
    start();
    ASSERT_TRUE(is("live on the target"));
    EXPECT_EQ(target_.broker.count(ApiKey::kDescribeGroups) > 0, list_version < 4);
    EXPECT_TRUE(eventually([&] { return sync_->caught_up(); })) << "refused, with a reason";
    EXPECT_EQ(commits(), 0U);
    stop();
  }
  target_.group.expel_all();
  start();
  EXPECT_TRUE(reaches(at({{0, 10}, {1, 20}})));
}

TEST_F(GroupSyncOnFakes, AMemberThatJoinsJustBeforeTheCommitIsSeenByTheAnswer) {
  target_.broker.once(ApiKey::kOffsetCommit, [&](const WireRequest& request) {
    target_.group.add_member({MemberId("m"), "app", "/10.0.0.1"});
    return target_.group.handle(request, BrokerId(0));
  });
  start();
  ASSERT_TRUE(is("live on the target"));
  ASSERT_TRUE(rounds_pass(30));
  EXPECT_EQ(commits(), 1U);
  EXPECT_TRUE(target_.group.offsets().empty());
}

TEST_F(GroupSyncOnFakes, OwnProgressOnTheTargetSurvivesARestartOfOurs) {
  start();
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 20}})));
  stop();
  target_.group.set_offset(tp(0), {Offset(12), "theirs"});
  commit({{0, 500}, {1, 2}});
  start();
  ASSERT_TRUE(is("own offsets on the target"));
  EXPECT_EQ(target_.group.offsets().at(tp(0)), (CommittedOffset{Offset(12), "theirs"}));
  EXPECT_EQ(target_.group.offsets().at(tp(1)), (CommittedOffset{Offset(2), "m"}));
}

TEST_F(GroupSyncOnFakes, ASourceOf09IsAskedForEachPartition) {
  source_.broker.speak<wire::ListGroupsRequest>(0, 0);
  source_.broker.speak<wire::OffsetFetchRequest>(0, 1);
  source_.broker.speak<wire::MetadataRequest>(0, 0);
  source_.broker.speak<wire::FindCoordinatorRequest>(0, 0);
  start();
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 20}})));
  const auto asked = source_.broker.decoded<wire::OffsetFetchRequest>().back();
  ASSERT_TRUE(asked.topics);
  EXPECT_EQ(asked.topics->at(0).partition_indexes.size(), 2U);
  EXPECT_EQ(source_.broker.requests(ApiKey::kListGroups).back().version(), 0);
}

TEST_F(GroupSyncOnFakes, ACoordinatorThatIsLoadingIsAskedAgainInTheNextRound) {
  for (int i = 0; i < 3; ++i)
    source_.broker.answer_once<wire::OffsetFetchRequest>(
        [](const wire::OffsetFetchRequest& request, const WireRequest&) {
          wire::OffsetFetchResponse response;
          response.groups.push_back(
              {request.groups.at(0).group_id, {}, wire::kCoordinatorLoadInProgress});
          return response;
        });
  start();
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 20}})));
}

TEST_F(GroupSyncOnFakes, AClusterThatGoesAwayIsATroubleAndComesBack) {
  start();
  ASSERT_TRUE(is("synced"));
  source_.broker.drop_connections(true);
  ASSERT_TRUE(eventually([&] { return !troubles_.list().empty(); }));
  EXPECT_FALSE(sync_->caught_up());
  EXPECT_EQ(sync_->status().at(0).synced, 2) << "what stands on the target stands there";
  commit({{0, 11}});
  source_.broker.drop_connections(false);
  EXPECT_TRUE(reaches(at({{0, 11}, {1, 20}})));
  EXPECT_TRUE(eventually([&] { return troubles_.list().empty(); }));
}

TEST_F(GroupSyncOnFakes, OffsetsOfATopicThatIsGoneAreNotWaitedFor) {
  source_.group.set_offset({TopicName("deleted"), Partition(0)}, {Offset(1), ""});
  start();
  ASSERT_TRUE(reaches(at({{0, 10}, {1, 20}})));
  EXPECT_TRUE(eventually([&] { return sync_->caught_up(); }));
}

TEST_F(GroupSyncOnFakes, GroupsThatAreNotSelectedAreNotRead) {
  flow_.groups.exclude = {std::regex("g")};
  start();
  ASSERT_TRUE(eventually([&] { return sync_->rounds() > 2; }));
  EXPECT_TRUE(sync_->status().empty());
  EXPECT_EQ(source_.broker.count(ApiKey::kOffsetFetch), 0U);
  EXPECT_TRUE(sync_->caught_up());
}

}  // namespace
}  // namespace kferry::replicate
