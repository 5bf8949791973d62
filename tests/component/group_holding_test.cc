// Holding a group: heartbeats, commits whose answers are lost, coordinators that move, leaving.
#include "tests/component/session_fixture.h"

namespace kferry::groupproto {
namespace {

using wire::HeartbeatRequest;
using wire::LeaveGroupRequest;
using wire::OffsetCommitRequest;

class GroupHolding : public SessionFixture {
 protected:
  Result<CommitResults> commit(GroupSession& session, Duration wait = Duration(20'000)) {
    return session.commit({{tp(0), Offset(7), "x"}, {tp(1), Offset(8), ""}}, {}, wait_for(wait));
  }
  void expect_committed() {
    EXPECT_EQ(group_.offsets(),
              (GroupOffsets{{tp(0), {Offset(7), "x"}}, {tp(1), {Offset(8), ""}}}));
  }
  const CommitResults kBoth{{tp(0), 0}, {tp(1), 0}};
};

TEST_F(GroupHolding, HeartbeatsRunInTheBackground) {
  config_.heartbeat_interval = Duration(100);
  auto session = joined();
  std::this_thread::sleep_for(Duration(1'150));
  ASSERT_TRUE(ok(session->leave()));
  const auto beats = group_.events(ApiKey::kHeartbeat);
  EXPECT_GE(beats.size(), 5U);
  EXPECT_LE(beats.size(), 11U);
  for (const auto& beat : beats) {
    EXPECT_EQ(beat.member, session->member());
    EXPECT_EQ(beat.generation, session->generation());
  }
  for (size_t i = 1; i < beats.size(); ++i) EXPECT_GE(beats[i].at - beats[i - 1].at, Duration(90));
  std::this_thread::sleep_for(Duration(250));
  EXPECT_EQ(group_.events(ApiKey::kHeartbeat).size(), beats.size()) << "none after leaving";
  EXPECT_EQ(group_.order().back(), ApiKey::kLeaveGroup);
}

TEST_F(GroupHolding, ARebalanceThatTheBackgroundSeesStopsTheNextCommit) {
  config_.heartbeat_interval = Duration(50);
  const auto session = joined();
  group_.add_member(kSomebody);
  ASSERT_TRUE(eventually([&] { return count(ApiKey::kDescribeGroups) > 0; }));
  EXPECT_TRUE(fails(commit(*session), ErrorKind::kRefused, "client 'app' on /10.0.0.7"));
  EXPECT_EQ(count(ApiKey::kOffsetCommit), 0U);
}

TEST_F(GroupHolding, ManyCallsWhileHeartbeatsRun) {
  config_.heartbeat_interval = Duration(1);
  const auto session = joined();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(ok(session->check(wait_for(kLong))));
    ASSERT_TRUE(ok(commit(*session)));
    ASSERT_TRUE(ok(session->fetch({tp(0)}, wait_for(kLong))));
  }
  // On a slow machine the calls are over sooner than fifty heartbeats.
  EXPECT_TRUE(eventually([&] { return count(ApiKey::kHeartbeat) > 50; }));
}

TEST_F(GroupHolding, AHeartbeatFollowsTheCoordinator) {
  for (const int16_t code :
       {wire::kNotCoordinator, wire::kCoordinatorLoadInProgress, wire::kCoordinatorNotAvailable}) {
    coordinator_is(kFirst);
    const auto session = joined();
    answer_next<HeartbeatRequest>(code);
    coordinator_is(kSecond);
    ASSERT_TRUE(ok(session->check(wait_for(kLong))));
    const auto beat = group_.events(ApiKey::kHeartbeat).back();
    EXPECT_EQ(beat.broker, kSecond);
    EXPECT_EQ(beat.member, session->member());
    EXPECT_EQ(beat.generation, session->generation());
    ASSERT_TRUE(ok(session->leave()));
  }
}

TEST_F(GroupHolding, ACoordinatorThatDiesIsFollowed) {
  const auto session = joined();
  first_.drop_connections(true);
  coordinator_is(kSecond);
  ASSERT_TRUE(ok(session->check(wait_for(kLong))));
  ASSERT_TRUE(ok(commit(*session)));
  expect_committed();
  EXPECT_EQ(second_.count(ApiKey::kJoinGroup), 0U) << "the same membership goes on";
  EXPECT_TRUE(ok(session->leave()));
  EXPECT_TRUE(group_.members().empty());
}

TEST_F(GroupHolding, AHeartbeatThatHangsIsGivenUpInTimeForAnother) {
  const auto session = joined();
  first_.once(ApiKey::kHeartbeat, [](const WireRequest&) { return FakeReply{.silent = true}; });
  EXPECT_TRUE(ok(session->check(wait_for(kLong))));
}

TEST_F(GroupHolding, WithoutACoordinatorACheckIsUnreachableWithinTheSessionTimeout) {
  const auto session = joined();
  first_.drop_connections(true);
  second_.drop_connections(true);
  std::this_thread::sleep_for(Duration(100));
  const test::Stopwatch watch;
  EXPECT_TRUE(fails(session->check(wait_for(kLong)), ErrorKind::kUnreachable, ""));
  EXPECT_LT(watch.elapsed(), config_.session_timeout + Duration(1'500));
}

TEST_F(GroupHolding, ACommitFollowsTheCoordinator) {
  const auto session = joined();
  coordinator_is(kSecond);
  const auto done = commit(*session);
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, kBoth);
  expect_committed();
  const auto commits = group_.events(ApiKey::kOffsetCommit);
  ASSERT_EQ(commits.size(), 2U);
  EXPECT_EQ(commits.at(1).broker, kSecond);
  EXPECT_EQ(commits.at(1).member, session->member());
  EXPECT_EQ(commits.at(1).generation, session->generation());
}

TEST_F(GroupHolding, ACommitWhoseAnswerIsLostIsReadBackAndNotSentAgain) {
  const auto session = joined();
  lose_answer(ApiKey::kOffsetCommit);
  const auto done = commit(*session);
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, kBoth);
  expect_committed();
  EXPECT_EQ(count(ApiKey::kOffsetCommit), 1U);
  EXPECT_EQ(count(ApiKey::kOffsetFetch), 1U);
}

TEST_F(GroupHolding, ACommitThatIsLostIsReadBackAndSentAgain) {
  const auto session = joined();
  lose_answer(ApiKey::kOffsetCommit, false);
  const auto done = commit(*session);
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, kBoth);
  expect_committed();
  EXPECT_EQ(count(ApiKey::kOffsetCommit), 2U);
  EXPECT_EQ(count(ApiKey::kOffsetFetch), 1U);
}

TEST_F(GroupHolding, OnlyWhatIsMissingIsCommittedAgain) {
  const auto session = joined();
  first_.once(ApiKey::kOffsetCommit, [this](const WireRequest&) {
    group_.set_offset(tp(1), {Offset(8), ""});  // half of it had its effect
    group_.set_offset(tp(0), {Offset(7), "not x"});
    return FakeReply{.close = true};
  });
  const auto done = commit(*session);
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, kBoth);
  expect_committed();
  const auto again = first_.decoded<OffsetCommitRequest>().at(1);
  ASSERT_EQ(again.topics.size(), 1U);
  ASSERT_EQ(again.topics.at(0).partitions.size(), 1U);
  EXPECT_EQ(again.topics.at(0).partitions.at(0).partition_index, Partition(0))
      << "the metadata is part of it";
}

TEST_F(GroupHolding, ACommitThatTimedOutOnTheBrokerIsReadBack) {
  const auto session = joined();
  first_.once(ApiKey::kOffsetCommit, [this](const WireRequest& request) {
    group_.handle(request, kFirst);
    wire::OffsetCommitResponse response;
    response.topics.push_back(
        {TopicName("t"), {{Partition(0), wire::kRequestTimedOut}, {Partition(1), 0}}});
    return reply_with(response, request);
  });
  const auto done = commit(*session);
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, kBoth);
  EXPECT_EQ(count(ApiKey::kOffsetCommit), 1U);
}

TEST_F(GroupHolding, TheReadBackMayFailToo) {
  const auto session = joined();
  lose_answer(ApiKey::kOffsetCommit);
  lose_answer(ApiKey::kOffsetFetch);
  ASSERT_TRUE(ok(commit(*session)));
  EXPECT_EQ(count(ApiKey::kOffsetCommit), 1U);
  EXPECT_EQ(count(ApiKey::kOffsetFetch), 2U);
}

TEST_F(GroupHolding, ACommitIsGivenUpAfterTheSessionTimeout) {
  const auto session = joined();
  first_.on(ApiKey::kOffsetCommit, [](const WireRequest&) { return FakeReply{.close = true}; });
  first_.on(ApiKey::kOffsetFetch, [](const WireRequest&) { return FakeReply{.silent = true}; });
  const test::Stopwatch watch;
  EXPECT_TRUE(fails(commit(*session, Duration(60'000)), ErrorKind::kUnreachable, ""));
  EXPECT_LT(watch.elapsed(), config_.session_timeout + Duration(1'500))
      << "heartbeats wait for it meanwhile";
}

TEST_F(GroupHolding, ACommitThatIsRejectedAsAWholeIsRefused) {
  for (const int16_t code :
       {wire::kUnknownMemberId, wire::kIllegalGeneration, wire::kRebalanceInProgress}) {
    const auto session = joined();
    first_.once(ApiKey::kOffsetCommit, [code](const WireRequest& request) {
      wire::OffsetCommitResponse response;
      response.topics.push_back({TopicName("t"), {{Partition(0), code}, {Partition(1), code}}});
      return reply_with(response, request);
    });
    const size_t before = count(ApiKey::kOffsetCommit);
    const auto done = commit(*session);
    ASSERT_TRUE(fails(done, ErrorKind::kRefused, "'g'"));
    EXPECT_EQ(done.error().kafka_code, code);
    EXPECT_EQ(count(ApiKey::kOffsetCommit), before + 1) << "not again";
    EXPECT_TRUE(fails(session->check(wait_for(kLong)), ErrorKind::kRefused, ""));
  }
}

TEST_F(GroupHolding, CodesOfSinglePartitionsAreHandedOn) {
  const auto session = joined();
  first_.once(ApiKey::kOffsetCommit, [](const WireRequest& request) {
    wire::OffsetCommitResponse response;
    response.topics.push_back(
        {TopicName("t"), {{Partition(0), wire::kTopicAuthorizationFailed}, {Partition(1), 0}}});
    return reply_with(response, request);
  });
  const auto done = commit(*session);
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(done->at(tp(0)), wire::kTopicAuthorizationFailed);
  EXPECT_EQ(done->at(tp(1)), 0);
  EXPECT_TRUE(ok(session->check(wait_for(kLong)))) << "the group is still held";
}

TEST_F(GroupHolding, LeavingIsIdempotentAndEndsEverything) {
  auto session = joined();
  ASSERT_TRUE(ok(session->leave()));
  ASSERT_TRUE(ok(session->leave()));
  EXPECT_TRUE(fails(session->check(wait_for(kLong)), ErrorKind::kFailed, "not a member"));
  EXPECT_TRUE(fails(commit(*session), ErrorKind::kFailed, "not a member"));
  session.reset();
  EXPECT_EQ(count(ApiKey::kLeaveGroup), 1U);
  EXPECT_EQ(count(ApiKey::kOffsetCommit), 0U);
}

TEST_F(GroupHolding, TheDestructorLeaves) {
  joined().reset();
  EXPECT_EQ(count(ApiKey::kLeaveGroup), 1U);
  EXPECT_TRUE(group_.members().empty());
}

TEST_F(GroupHolding, LeavesAfterAStopWasRequested) {
  connect();
  StopToken stop;
  auto session = join(Wait(Deadline::after(kLong), stop));
  ASSERT_TRUE(ok(session));
  stop.request_stop();
  EXPECT_TRUE(
      fails((*session)->check(Wait(Deadline::after(kLong), stop)), ErrorKind::kInterrupted, ""));
  EXPECT_TRUE(ok((*session)->leave()));
  EXPECT_TRUE(group_.members().empty());
}

TEST_F(GroupHolding, LeavesAlthoughAHeartbeatHangs) {
  config_.heartbeat_interval = Duration(50);
  config_.session_timeout = Duration(30'000);
  auto session = joined();
  first_.on(ApiKey::kHeartbeat, [](const WireRequest&) { return FakeReply{.silent = true}; });
  const size_t before = count(ApiKey::kHeartbeat);
  ASSERT_TRUE(eventually([&] { return count(ApiKey::kHeartbeat) > before; }));
  const test::Stopwatch watch;
  EXPECT_TRUE(ok(session->leave()));
  EXPECT_LT(watch.elapsed(), Duration(2'000));
  EXPECT_TRUE(group_.members().empty());
}

TEST_F(GroupHolding, LeavesThroughANewCoordinator) {
  auto session = joined();
  coordinator_is(kSecond);
  EXPECT_TRUE(ok(session->leave()));
  EXPECT_EQ(group_.events(ApiKey::kLeaveGroup).back().broker, kSecond);
  EXPECT_TRUE(group_.members().empty());
}

TEST_F(GroupHolding, ALostAnswerToLeaveIsAskedForAgain) {
  auto session = joined();
  lose_answer(ApiKey::kLeaveGroup);
  EXPECT_TRUE(ok(session->leave())) << "UNKNOWN_MEMBER_ID the second time: we are out";
  EXPECT_EQ(count(ApiKey::kLeaveGroup), 2U);
}

TEST_F(GroupHolding, LeavingGivesUpSoon) {
  auto session = joined();
  first_.on(ApiKey::kLeaveGroup, [](const WireRequest&) { return FakeReply{.silent = true}; });
  const test::Stopwatch watch;
  EXPECT_TRUE(fails(session->leave(), ErrorKind::kUnreachable, ""));
  EXPECT_LT(watch.elapsed(), Duration(7'000));
}

}  // namespace
}  // namespace kferry::groupproto
