// Joining a group, holding it and leaving it.
#include "groupproto/group_session.h"

#include "groupproto/consumer_protocol.h"
#include "tests/component/session_fixture.h"

namespace kferry::groupproto {
namespace {

using wire::HeartbeatRequest;
using wire::JoinGroupRequest;
using wire::JoinGroupResponse;
using wire::LeaveGroupRequest;
using wire::OffsetCommitRequest;
using wire::SyncGroupRequest;

using GroupSessionTest = SessionFixture;

const std::vector<int16_t> kJoinVersions{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

TEST_F(GroupSessionTest, HappyPathInEveryVersion) {
  for (const int16_t version : kJoinVersions) {
    test::FakeGroup group;
    test::FakeBroker broker{kFirst};
    group.serve(broker);
    broker.speak<JoinGroupRequest>(0, version);
    broker.speak<SyncGroupRequest>(0, std::min<int16_t>(version, 5));
    broker.speak<HeartbeatRequest>(0, std::min<int16_t>(version, 4));
    broker.speak<LeaveGroupRequest>(0, std::min<int16_t>(version, 5));
    broker.speak<OffsetCommitRequest>(0, std::max<int16_t>(version, 1));
    wire::Cluster cluster = test::connect_to({&broker});
    Coordinators coordinators(cluster);
    auto session =
        GroupSession::join(coordinators, group.id(), {tp(0), tp(1)}, config_, wait_for(kLong));
    ASSERT_TRUE(ok(session)) << version;
    EXPECT_EQ((*session)->generation(), Generation(1));
    EXPECT_EQ((*session)->member(), group.members().at(0));
    ASSERT_TRUE(ok((*session)->check(wait_for(kLong))));
    const auto done = (*session)->commit({{tp(0), Offset(7), "x"}}, {}, wait_for(kLong));
    ASSERT_TRUE(ok(done)) << version;
    EXPECT_EQ(*done, (CommitResults{{tp(0), 0}}));
    const auto now = (*session)->fetch({tp(0), tp(1)}, wait_for(kLong));
    ASSERT_TRUE(ok(now));
    EXPECT_EQ(*now, (GroupOffsets{{tp(0), {Offset(7), "x"}}}));
    ASSERT_TRUE(ok((*session)->leave()));
    EXPECT_TRUE(group.members().empty());

    std::vector<ApiKey> expected{ApiKey::kJoinGroup};
    if (version >= 4) expected.push_back(ApiKey::kJoinGroup);  // KIP-394
    for (const ApiKey key : {ApiKey::kSyncGroup, ApiKey::kHeartbeat, ApiKey::kOffsetCommit,
                             ApiKey::kOffsetFetch, ApiKey::kLeaveGroup})
      expected.push_back(key);
    EXPECT_EQ(group.order(), expected) << version;
    for (const auto& event : group.events()) {
      if (event.api_key == ApiKey::kJoinGroup) {
        EXPECT_EQ(event.version, version);
      }
      const bool in_generation = event.generation.value() >= 0;
      if (in_generation) {
        EXPECT_EQ(event.generation, Generation(1));
        EXPECT_EQ(event.member, (*session)->member());
      }
    }
  }
}

TEST_F(GroupSessionTest, SaysWhatItSubscribesToAndAssignsItselfAllOfIt) {
  const auto session = joined();
  const auto join = first_.decoded<JoinGroupRequest>().back();
  EXPECT_EQ(join.session_timeout_ms, 3'000);
  EXPECT_EQ(join.rebalance_timeout_ms, 3'000);
  EXPECT_EQ(join.protocol_type, "consumer");
  ASSERT_EQ(join.protocols.size(), 1U);
  EXPECT_EQ(join.protocols.at(0).name, "range") << "what every client has";
  EXPECT_EQ(join.protocols.at(0).metadata.data, encode_subscription({tp(0), tp(1)}));
  EXPECT_TRUE(join.reason.has_value());
  EXPECT_FALSE(join.group_instance_id.has_value());
  const auto sync = first_.decoded<SyncGroupRequest>().back();
  ASSERT_EQ(sync.assignments.size(), 1U);
  EXPECT_EQ(sync.assignments.at(0).member_id, session->member());
  EXPECT_EQ(sync.assignments.at(0).assignment.data, encode_assignment({tp(0), tp(1)}));
  EXPECT_EQ(sync.protocol_type, "consumer");
  EXPECT_EQ(sync.protocol_name, "range");
}

TEST_F(GroupSessionTest, AMemberIdIsAskedForOnce) {
  first_.answer<JoinGroupRequest>([](const auto&, const auto&) {
    JoinGroupResponse response;
    response.error_code = wire::kMemberIdRequired;
    response.member_id = MemberId("kferry-1");
    return response;
  });
  EXPECT_TRUE(fails(join(), ErrorKind::kFailed, "MEMBER_ID_REQUIRED"));
  EXPECT_EQ(count(ApiKey::kJoinGroup), 2U);
  EXPECT_EQ(count(ApiKey::kLeaveGroup), 1U) << "that id is a promise that the broker keeps";
}

TEST_F(GroupSessionTest, AnIdThatIsNotKnownAnyMoreIsAskedForAnew) {
  first_.once(ApiKey::kJoinGroup, [this](const WireRequest& request) {
    FakeReply reply = group_.handle(request, kFirst);
    group_.handle(request, kFirst);
    return reply;
  });
  answer_next<JoinGroupRequest>(wire::kUnknownMemberId);
  EXPECT_TRUE(ok(join()));
  EXPECT_EQ(count(ApiKey::kJoinGroup), 4U);
}

TEST_F(GroupSessionTest, AnotherMemberIsNamedAndWeLeave) {
  for (const bool first_is_ours : {false, true}) {
    if (!first_is_ours) group_.add_member(kSomebody);
    if (first_is_ours)
      first_.once(ApiKey::kSyncGroup, [this](const WireRequest& request) {
        group_.add_member(kSomebody);  // between join and sync
        return group_.handle(request, kFirst);
      });
    const auto session = join();
    ASSERT_TRUE(fails(session, ErrorKind::kRefused, "client 'app' on /10.0.0.7"));
    EXPECT_TRUE(has(session.error().message, "'g'"));
    EXPECT_FALSE(session.error().hint.empty());
    EXPECT_EQ(group_.members(), std::vector<MemberId>{kSomebody.id}) << "we have left";
    EXPECT_EQ(count(ApiKey::kOffsetCommit), 0U);
    group_.expel_all();
  }
}

TEST_F(GroupSessionTest, WhoJoinsLaterIsNamedAndNothingIsSentAnyMore) {
  auto session = joined();
  group_.add_member(kSomebody);
  const auto held = session->check(wait_for(kLong));
  ASSERT_TRUE(fails(held, ErrorKind::kRefused, "client 'app' on /10.0.0.7"));
  EXPECT_EQ(held.error().kafka_code, wire::kRebalanceInProgress);
  const size_t heartbeats = count(ApiKey::kHeartbeat);
  EXPECT_TRUE(fails(session->commit({{tp(0), Offset(1), ""}}, {}, wait_for(kLong)),
                    ErrorKind::kRefused, "'app'"));
  EXPECT_TRUE(fails(session->check(wait_for(kLong)), ErrorKind::kRefused, "'app'"));
  EXPECT_EQ(count(ApiKey::kOffsetCommit), 0U);
  EXPECT_EQ(count(ApiKey::kHeartbeat), heartbeats);
  session.reset();
  EXPECT_EQ(group_.members(), std::vector<MemberId>{kSomebody.id});
}

TEST_F(GroupSessionTest, ALostMembershipIsRefused) {
  for (const int16_t code : {wire::kUnknownMemberId, wire::kIllegalGeneration}) {
    const auto session = joined();
    answer_next<HeartbeatRequest>(code);
    const auto held = session->check(wait_for(kLong));
    ASSERT_TRUE(fails(held, ErrorKind::kRefused, std::string(wire::error_row(code).name)));
    EXPECT_EQ(held.error().kafka_code, code);
    EXPECT_TRUE(fails(session->commit({{tp(0), Offset(1), ""}}, {}, wait_for(kLong)),
                      ErrorKind::kRefused, ""));
  }
  EXPECT_EQ(count(ApiKey::kOffsetCommit), 0U);
}

TEST_F(GroupSessionTest, ErrorsOfTheJoinAreOfTheRightKind) {
  struct Case {
    int16_t code;
    ErrorKind kind;
    std::string hint;
  };
  for (const Case& one :
       {Case{wire::kInvalidSessionTimeout, ErrorKind::kFailed, "--session-timeout"},
        Case{wire::kGroupAuthorizationFailed, ErrorKind::kNotAuthorised, "READ"},
        Case{wire::kInconsistentGroupProtocol, ErrorKind::kRefused, "stop them"},
        Case{wire::kInvalidGroupId, ErrorKind::kFailed, ""}}) {
    answer_next<JoinGroupRequest>(one.code);
    const size_t joins = count(ApiKey::kJoinGroup);
    const auto session = join();
    ASSERT_TRUE(fails(session, one.kind, "group 'g'"));
    EXPECT_TRUE(has(session.error().hint, one.hint));
    EXPECT_EQ(count(ApiKey::kJoinGroup), joins + 1) << "asking again would not help";
  }
}

TEST_F(GroupSessionTest, APermissionThatIsTakenAwayIsNoRefusal) {
  const auto session = joined();
  answer_next<HeartbeatRequest>(wire::kGroupAuthorizationFailed);
  EXPECT_TRUE(fails(session->check(wait_for(kLong)), ErrorKind::kNotAuthorised, "group 'g'"));
  EXPECT_TRUE(fails(session->check(wait_for(kLong)), ErrorKind::kNotAuthorised, "group 'g'"));
}

TEST_F(GroupSessionTest, ABrokerWithoutGroupProtocolSaysSo) {
  first_.speak({{ApiKey::kApiVersions, {0, 4}}, {ApiKey::kFindCoordinator, {0, 0}}});
  const auto session = join();
  ASSERT_TRUE(fails(session, ErrorKind::kFailed, "does not know JoinGroupRequest"));
  EXPECT_EQ(session.error().kafka_code, wire::kUnsupportedVersion);
}

TEST_F(GroupSessionTest, JoiningFollowsTheCoordinator) {
  answer_next<JoinGroupRequest>(wire::kCoordinatorLoadInProgress);
  first_.once(ApiKey::kJoinGroup, [this](const WireRequest& request) {
    group_.coordinator_is(kSecond);
    return group_.handle(request, kFirst);
  });
  first_.once(ApiKey::kFindCoordinator, [this](const WireRequest&) {
    return FakeReply{.close = true};  // and the search is disturbed, too
  });
  connect();
  std::jthread mover([this] {
    EXPECT_TRUE(eventually([&] { return first_.count(ApiKey::kJoinGroup) >= 2; }));
    coordinator_is(kSecond);
  });
  const auto session = join();
  ASSERT_TRUE(ok(session));
  EXPECT_EQ(group_.events().back().broker, kSecond);
}

TEST_F(GroupSessionTest, AJoinMayTakeLongerThanOtherRequests) {
  // The broker waits for other members, or for more of them (group.initial.rebalance.delay.ms).
  client_.request_timeout = Duration(500);
  first_.on(ApiKey::kJoinGroup, [this](const WireRequest& request) {
    FakeReply reply = group_.handle(request, kFirst);
    reply.delay = Duration(1'000);
    return reply;
  });
  EXPECT_TRUE(ok(join()));
  EXPECT_EQ(count(ApiKey::kJoinGroup), 2U);
}

TEST_F(GroupSessionTest, WhoeverKeepsTheJoinWaitingIsNamed) {
  config_.join_timeout = Duration(1'000);
  first_.on(ApiKey::kJoinGroup, [this](const WireRequest& request) {
    FakeReply reply = group_.handle(request, kFirst);
    group_.add_member(kSomebody);
    reply.silent = !request.as<JoinGroupRequest>().member_id.value().empty();
    return reply;
  });
  EXPECT_TRUE(fails(join(), ErrorKind::kRefused, "client 'app' on /10.0.0.7"));
  for (const MemberId& member : group_.members()) EXPECT_EQ(member, kSomebody.id);
}

// Before version 4 the id of a new member comes with the answer only: when that is lost, nobody can
// remove the member. It is waited out.
TEST_F(GroupSessionTest, AGhostOfOurOwnIsWaitedOut) {
  speak<JoinGroupRequest>(0, 3);
  group_.expire_after(Duration(1'200));
  lose_answer(ApiKey::kJoinGroup);
  const auto session = join();
  ASSERT_TRUE(ok(session));
  EXPECT_EQ(group_.members(), std::vector<MemberId>{(*session)->member()});
  EXPECT_TRUE(ok((*session)->check(wait_for(kLong))));
}

TEST_F(GroupSessionTest, SomebodyElseIsNoGhost) {
  speak<JoinGroupRequest>(0, 3);
  lose_answer(ApiKey::kJoinGroup);
  group_.add_member(kSomebody);
  EXPECT_TRUE(fails(join(), ErrorKind::kRefused, "client 'app' on /10.0.0.7"));
}

TEST_F(GroupSessionTest, AGhostThatStaysIsRefusedInTheEnd) {
  speak<JoinGroupRequest>(0, 3);
  config_.join_timeout = Duration(1'500);
  lose_answer(ApiKey::kJoinGroup);
  EXPECT_TRUE(fails(join(), ErrorKind::kRefused, "'g'"));
  EXPECT_EQ(group_.members().size(), 1U) << "only the ghost is left";
}

TEST_F(GroupSessionTest, FromVersion4OnALostAnswerLeavesNoGhost) {
  first_.once(ApiKey::kJoinGroup,
              [this](const WireRequest& request) { return group_.handle(request, kFirst); });
  lose_answer(ApiKey::kJoinGroup);
  const auto session = join();
  ASSERT_TRUE(ok(session));
  EXPECT_EQ(group_.members(), std::vector<MemberId>{(*session)->member()});
}

TEST_F(GroupSessionTest, ALostAnswerToSyncIsAskedForAgain) {
  lose_answer(ApiKey::kSyncGroup);
  EXPECT_TRUE(ok(join()));
  EXPECT_EQ(count(ApiKey::kSyncGroup), 2U);
  EXPECT_EQ(count(ApiKey::kJoinGroup), 2U);
}

TEST_F(GroupSessionTest, AStopEndsTheJoinAndWeLeave) {
  first_.once(ApiKey::kJoinGroup,
              [this](const WireRequest& request) { return group_.handle(request, kFirst); });
  first_.on(ApiKey::kJoinGroup, [this](const WireRequest& request) {
    group_.handle(request, kFirst);
    return FakeReply{.silent = true};
  });
  StopToken stop;
  std::jthread stopper([&] {
    EXPECT_TRUE(eventually([&] { return count(ApiKey::kJoinGroup) >= 2; }));
    stop.request_stop();
  });
  const test::Stopwatch watch;
  EXPECT_TRUE(fails(join(Wait(Deadline::after(kLong), stop)), ErrorKind::kInterrupted, ""));
  EXPECT_LT(watch.elapsed(), Duration(3'000));
  EXPECT_TRUE(group_.members().empty());
}

}  // namespace
}  // namespace kferry::groupproto
