// Finding coordinators, and asking many of them about many groups.
#include <gtest/gtest.h>

#include "groupproto/group_state.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/error_code.h"
#include "wire/messages.h"

namespace kferry::groupproto {
namespace {

using test::connect_to;
using test::fails;
using test::FakeBroker;
using test::FakeReply;
using test::FakeView;
using test::ok;
using test::wait_for;
using test::WireRequest;
using wire::ApiKey;
using wire::DescribeGroupsRequest;
using wire::DescribeGroupsResponse;
using wire::FindCoordinatorRequest;
using wire::FindCoordinatorResponse;

constexpr Duration kLong{10'000};
const BrokerId kFirst{1};
const BrokerId kSecond{2};
const GroupId kGroup{"g"};

std::vector<GroupId> many(int count) {
  std::vector<GroupId> groups;
  for (int i = 0; i < count; ++i) groups.emplace_back(fmt::format("g{}", i));
  return groups;
}

class CoordinatorsTest : public testing::Test {
 protected:
  CoordinatorsTest() {
    coordinator_is(kFirst);
    describe_on(first_);
    describe_on(second_);
  }
  void coordinator_is(BrokerId id) {
    const FakeView view{.brokers = {{kFirst, first_.address()}, {kSecond, second_.address()}},
                        .leaders = {},
                        .coordinator = id};
    first_.show(view);
    second_.show(view);
  }
  // Every group is Empty there.
  static void describe_on(FakeBroker& fake) {
    fake.answer<DescribeGroupsRequest>(
        [](const DescribeGroupsRequest& request, const WireRequest&) { return empty(request); });
  }
  static DescribeGroupsResponse empty(const DescribeGroupsRequest& request, int16_t code = 0) {
    DescribeGroupsResponse response;
    for (const GroupId& group : request.groups) {
      auto& one = response.groups.emplace_back();
      one.group_id = group;
      one.error_code = code;
      one.group_state = "Empty";
    }
    return response;
  }
  void turn_away_once(FakeBroker& fake, int16_t code) {
    fake.answer_once<DescribeGroupsRequest>(
        [code](const DescribeGroupsRequest& request, const WireRequest&) {
          return empty(request, code);
        });
  }
  FakeReply refuse(const WireRequest& request, int16_t code) {
    FindCoordinatorResponse response;
    if (request.version() < 4)
      response.error_code = code;
    else
      for (const auto& key : request.as<FindCoordinatorRequest>().coordinator_keys)
        response.coordinators.push_back({key, BrokerId(-1), "", -1, code, {}});
    return reply_with(response, request);
  }

  FakeBroker first_{kFirst};
  FakeBroker second_{kSecond};
  wire::Cluster cluster_ = connect_to({&first_});
  Coordinators coordinators_{cluster_};
};

TEST_F(CoordinatorsTest, AreFoundInEveryVersion) {
  for (int16_t version = 0; version <= FindCoordinatorRequest::kVersions.highest; ++version) {
    first_.speak<FindCoordinatorRequest>(0, version);
    coordinator_is(kSecond);
    wire::Cluster cluster = connect_to({&first_});
    Coordinators coordinators(cluster);
    const auto found = coordinators.of(kGroup, wait_for(kLong));
    ASSERT_TRUE(ok(found));
    EXPECT_EQ((*found)->address(), second_.address());
    const auto asked = first_.decoded<FindCoordinatorRequest>().back();
    EXPECT_EQ(asked.key_type, 0);
    if (version < 4) {
      EXPECT_EQ(asked.key, "g");
    } else {
      EXPECT_EQ(asked.coordinator_keys, std::vector<std::string>{"g"});
    }
  }
}

TEST_F(CoordinatorsTest, AreRememberedAndForgotten) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ok(coordinators_.of(kGroup, wait_for(kLong))));
  EXPECT_EQ(first_.count(ApiKey::kFindCoordinator), 1U);
  coordinators_.forget(kGroup);
  ASSERT_TRUE(ok(coordinators_.of(kGroup, wait_for(kLong))));
  EXPECT_EQ(first_.count(ApiKey::kFindCoordinator), 2U);
}

TEST_F(CoordinatorsTest, OfManyGroupsAreAskedForInBatches) {
  const auto states = describe_groups(coordinators_, many(1'200), wait_for(kLong));
  ASSERT_TRUE(ok(states));
  EXPECT_EQ(states->size(), 1'200U);
  EXPECT_EQ(first_.count(ApiKey::kFindCoordinator), 3U);
  EXPECT_EQ(first_.count(ApiKey::kDescribeGroups), 6U);
}

TEST_F(CoordinatorsTest, OfManyGroupsArePipelinedWhereThereAreNoBatches) {
  first_.speak<FindCoordinatorRequest>(0, 3);
  wire::Cluster cluster = connect_to({&first_});
  Coordinators coordinators(cluster);
  const auto states = describe_groups(coordinators, many(300), wait_for(kLong));
  ASSERT_TRUE(ok(states));
  EXPECT_EQ(states->size(), 300U);
  EXPECT_EQ(first_.count(ApiKey::kFindCoordinator), 300U);
}

TEST_F(CoordinatorsTest, ThatAreNotThereYetAreWaitedFor) {
  for (const int16_t code :
       {wire::kCoordinatorNotAvailable, wire::kCoordinatorLoadInProgress, wire::kNotCoordinator})
    first_.once(ApiKey::kFindCoordinator,
                [this, code](const WireRequest& request) { return refuse(request, code); });
  EXPECT_TRUE(ok(coordinators_.of(kGroup, wait_for(kLong))));
  EXPECT_EQ(first_.count(ApiKey::kFindCoordinator), 4U);
}

TEST_F(CoordinatorsTest, ThatNeverComeAreUnreachableWhenTheWaitIsOver) {
  first_.on(ApiKey::kFindCoordinator, [this](const WireRequest& request) {
    return refuse(request, wire::kCoordinatorNotAvailable);
  });
  const test::Stopwatch watch;
  EXPECT_TRUE(fails(coordinators_.of(kGroup, wait_for(Duration(800))), ErrorKind::kUnreachable,
                    "finding the coordinator of group 'g'"));
  EXPECT_LT(watch.elapsed(), Duration(3'000));
}

TEST_F(CoordinatorsTest, WithoutAUsableAddressAreAskedForAgain) {
  first_.answer_once<FindCoordinatorRequest>([](const auto&, const auto&) {
    FindCoordinatorResponse response;
    response.coordinators.push_back({"g", kFirst, "127.0.0.1", 0, 0, {}});
    return response;
  });
  first_.answer_once<FindCoordinatorRequest>(
      [](const auto&, const auto&) { return FindCoordinatorResponse{}; });
  EXPECT_TRUE(ok(coordinators_.of(kGroup, wait_for(kLong))));
  EXPECT_EQ(first_.count(ApiKey::kFindCoordinator), 3U);
}

TEST_F(CoordinatorsTest, OfADeniedGroupAreThatGroupsTroubleAlone) {
  for (const int16_t version : {int16_t{3}, int16_t{6}}) {
    first_.speak<FindCoordinatorRequest>(0, version);
    first_.on(ApiKey::kFindCoordinator, [this](const WireRequest& request) {
      const auto asked = request.as<FindCoordinatorRequest>();
      if (request.version() < 4 && asked.key == "denied")
        return refuse(request, wire::kGroupAuthorizationFailed);
      FindCoordinatorResponse response;
      response.node_id = request.version() < 4 ? kFirst : BrokerId();
      response.host = request.version() < 4 ? "127.0.0.1" : "";
      response.port = request.version() < 4 ? first_.address().port : 0;
      for (const auto& key : asked.coordinator_keys)
        response.coordinators.push_back(
            {key,
             kFirst,
             "127.0.0.1",
             first_.address().port,
             key == "denied" ? wire::kGroupAuthorizationFailed : wire::kNone,
             {}});
      return reply_with(response, request);
    });
    wire::Cluster cluster = connect_to({&first_});
    Coordinators coordinators(cluster);
    const auto states =
        describe_groups(coordinators, {GroupId("a"), GroupId("denied"), kGroup}, wait_for(kLong));
    ASSERT_TRUE(ok(states));
    EXPECT_TRUE(ok(states->at(GroupId("a"))));
    EXPECT_TRUE(ok(states->at(kGroup)));
    EXPECT_TRUE(fails(states->at(GroupId("denied")), ErrorKind::kNotAuthorised, "'denied'"));
    EXPECT_TRUE(fails(coordinators.of(GroupId("denied"), wait_for(kLong)),
                      ErrorKind::kNotAuthorised, "'denied'"));
  }
}

TEST_F(CoordinatorsTest, ThatTurnAGroupAwayAreLookedForAgain) {
  for (const int16_t code :
       {wire::kNotCoordinator, wire::kCoordinatorLoadInProgress, wire::kCoordinatorNotAvailable}) {
    coordinator_is(kFirst);
    ASSERT_TRUE(ok(coordinators_.of(kGroup, wait_for(kLong))));
    coordinator_is(kSecond);
    turn_away_once(first_, code);
    const size_t before = second_.count(ApiKey::kDescribeGroups);
    const auto states = describe_groups(coordinators_, {kGroup}, wait_for(kLong));
    ASSERT_TRUE(ok(states));
    EXPECT_TRUE(ok(states->at(kGroup)));
    EXPECT_EQ(second_.count(ApiKey::kDescribeGroups), before + 1);
    coordinators_.forget(kGroup);
  }
}

TEST_F(CoordinatorsTest, OnlyWhatWasTurnedAwayIsAskedForAgain) {
  first_.answer_once<DescribeGroupsRequest>(
      [](const DescribeGroupsRequest& request, const WireRequest&) {
        DescribeGroupsResponse response = empty(request);
        response.groups.at(1).error_code = wire::kCoordinatorLoadInProgress;
        response.groups.pop_back();  // and one is left out
        return response;
      });
  const auto states = describe_groups(coordinators_, many(4), wait_for(kLong));
  ASSERT_TRUE(ok(states));
  EXPECT_EQ(states->size(), 4U);
  for (const auto& [group, state] : *states) EXPECT_TRUE(ok(state)) << group.value();
  ASSERT_EQ(first_.count(ApiKey::kDescribeGroups), 2U);
  EXPECT_EQ(first_.decoded<DescribeGroupsRequest>().at(1).groups,
            (std::vector<GroupId>{GroupId("g1"), GroupId("g3")}));
}

TEST_F(CoordinatorsTest, AConnectionThatIsLostIsMadeAgain) {
  first_.once(ApiKey::kDescribeGroups, [](const auto&) { return FakeReply{.close = true}; });
  const auto states = describe_groups(coordinators_, many(3), wait_for(kLong));
  ASSERT_TRUE(ok(states));
  EXPECT_EQ(states->size(), 3U);
}

TEST_F(CoordinatorsTest, ThatWentAwayAreReplaced) {
  coordinator_is(kSecond);
  ASSERT_TRUE(ok(coordinators_.of(kGroup, wait_for(kLong))));
  second_.drop_connections(true);
  coordinator_is(kFirst);
  const auto states = describe_groups(coordinators_, {kGroup}, wait_for(kLong));
  ASSERT_TRUE(ok(states));
  EXPECT_EQ(states->at(kGroup)->state, "Empty");
}

TEST_F(CoordinatorsTest, AGroupThatIsTurnedAwayForEverIsItsOwnTroubleAlone) {
  first_.answer<DescribeGroupsRequest>(
      [](const DescribeGroupsRequest& request, const WireRequest&) {
        DescribeGroupsResponse response = empty(request);
        for (auto& one : response.groups)
          if (one.group_id == GroupId("g1")) one.error_code = wire::kCoordinatorLoadInProgress;
        return response;
      });
  const auto states = describe_groups(coordinators_, many(3), wait_for(Duration(800)));
  ASSERT_TRUE(ok(states));
  EXPECT_TRUE(ok(states->at(GroupId("g0"))));
  EXPECT_TRUE(fails(states->at(GroupId("g1")), ErrorKind::kUnreachable, "COORDINATOR_LOAD"));
}

TEST_F(CoordinatorsTest, AStopEndsTheSearch) {
  first_.on(ApiKey::kFindCoordinator, [this](const WireRequest& request) {
    return refuse(request, wire::kCoordinatorNotAvailable);
  });
  StopToken stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Duration(150));
    stop.request_stop();
  });
  const test::Stopwatch watch;
  const auto states = describe_groups(coordinators_, {kGroup}, Wait(Deadline::after(kLong), stop));
  EXPECT_TRUE(fails(states, ErrorKind::kInterrupted, ""));
  EXPECT_LT(watch.elapsed(), Duration(2'000));
}

TEST_F(CoordinatorsTest, GroupsOf08HaveNoMembers) {
  first_.on(ApiKey::kApiVersions, [](const auto&) { return FakeReply{.close = true}; });
  first_.on(ApiKey::kListGroups, [](const auto&) { return FakeReply{.close = true}; });
  first_.answer<wire::ListOffsetsRequest>(
      [](const auto&, const auto&) { return wire::ListOffsetsResponse{}; });
  wire::Cluster cluster = connect_to({&first_});
  Coordinators coordinators(cluster);
  const auto states = describe_groups(coordinators, many(2), wait_for(kLong));
  ASSERT_TRUE(ok(states));
  EXPECT_EQ(states->at(GroupId("g1"))->state, "Dead");
  EXPECT_EQ(first_.count(ApiKey::kDescribeGroups), 0U);
}

TEST_F(CoordinatorsTest, MembersAreNamed) {
  first_.answer<DescribeGroupsRequest>([](const auto&, const auto&) {
    DescribeGroupsResponse response;
    auto& group = response.groups.emplace_back();
    group.group_id = kGroup;
    group.group_state = "Stable";
    group.protocol_type = "consumer";
    for (const char* const name : {"a", "b"}) {
      auto& member = group.members.emplace_back();
      member.member_id = MemberId(fmt::format("{}-1", name));
      member.client_id = name;
      member.client_host = "/10.0.0.1";
    }
    return response;
  });
  const auto states = describe_groups(coordinators_, {kGroup}, wait_for(kLong));
  ASSERT_TRUE(ok(states));
  EXPECT_EQ(to_string(states->at(kGroup)->members),
            "client 'a' on /10.0.0.1 (member a-1), client 'b' on /10.0.0.1 (member b-1)");
}

TEST_F(CoordinatorsTest, AskingOnceLeavesOutWhoCannotAnswerNow) {
  // One group's coordinator is loading, another one's is not to be found.
  first_.on(ApiKey::kFindCoordinator, [&](const WireRequest& request) {
    FindCoordinatorResponse response;
    for (const auto& key : request.as<FindCoordinatorRequest>().coordinator_keys) {
      const bool lost = key == "lost";
      response.coordinators.push_back({key,
                                       lost ? BrokerId(-1) : kFirst,
                                       lost ? "" : first_.address().host,
                                       lost ? -1 : first_.address().port,
                                       lost ? wire::kCoordinatorNotAvailable : wire::kNone,
                                       {}});
    }
    return reply_with(response, request);
  });
  first_.answer<DescribeGroupsRequest>(
      [](const DescribeGroupsRequest& request, const WireRequest&) {
        DescribeGroupsResponse response = empty(request);
        for (auto& group : response.groups)
          if (group.group_id == GroupId("loading"))
            group.error_code = wire::kCoordinatorLoadInProgress;
        return response;
      });
  const auto states = describe_groups(
      coordinators_, {GroupId("a"), GroupId("loading"), GroupId("lost"), GroupId("z")},
      wait_for(kLong), Asking::kOnce);
  ASSERT_TRUE(ok(states));
  EXPECT_TRUE(ok(states->at(GroupId("a"))));
  EXPECT_TRUE(ok(states->at(GroupId("z")))) << "found after the one that was not";
  EXPECT_TRUE(fails(states->at(GroupId("loading")), ErrorKind::kUnreachable, "LOAD_IN_PROGRESS"));
  EXPECT_TRUE(fails(states->at(GroupId("lost")), ErrorKind::kUnreachable, "NOT_AVAILABLE"));
  EXPECT_EQ(first_.count(ApiKey::kFindCoordinator), 1U);
  EXPECT_EQ(first_.count(ApiKey::kDescribeGroups), 1U);
}

// DescribeGroups does not know them.
TEST_F(CoordinatorsTest, GroupsOfTheConsumerProtocolAreDescribedToo) {
  first_.answer<DescribeGroupsRequest>(
      [](const DescribeGroupsRequest& request, const WireRequest&) {
        return empty(request, wire::kGroupIdNotFound);
      });
  first_.answer<wire::ConsumerGroupDescribeRequest>([](const auto& request, const WireRequest&) {
    wire::ConsumerGroupDescribeResponse response;
    for (const GroupId& group : request.group_ids) {
      auto& one = response.groups.emplace_back();
      one.group_id = group;
      if (group.value() == "gone") one.error_code = wire::kGroupIdNotFound;
      if (group.value() == "hidden") one.error_code = wire::kTopicAuthorizationFailed;
      if (group.value() == "ancient") one.error_code = wire::kUnsupportedVersion;
      if (group.value() != "new") continue;
      one.group_state = "Stable";
      auto& member = one.members.emplace_back();
      member.member_id = MemberId("m");
      member.client_id = "app";
      member.client_host = "/10.0.0.1";
    }
    return response;
  });
  const auto states = describe_groups(
      coordinators_, {GroupId("new"), GroupId("gone"), GroupId("ancient"), GroupId("hidden")},
      wait_for(kLong));
  ASSERT_TRUE(ok(states));
  ASSERT_TRUE(ok(states->at(GroupId("new"))));
  EXPECT_EQ(states->at(GroupId("new"))->state, "Stable");
  EXPECT_EQ(to_string(states->at(GroupId("new"))->members), "client 'app' on /10.0.0.1 (member m)");
  EXPECT_EQ(states->at(GroupId("gone"))->state, "Dead");
  EXPECT_EQ(states->at(GroupId("ancient"))->state, "Dead");
  EXPECT_TRUE(fails(states->at(GroupId("hidden")), ErrorKind::kNotAuthorised, "TOPIC"));
}

TEST_F(CoordinatorsTest, GroupsAreListedOnEveryBroker) {
  for (int16_t version = 0; version <= wire::ListGroupsRequest::kVersions.highest; ++version) {
    const auto list_on = [&](FakeBroker& fake, const char* group) {
      fake.speak<wire::ListGroupsRequest>(0, version);
      fake.answer<wire::ListGroupsRequest>([group](const auto&, const WireRequest& request) {
        wire::ListGroupsResponse response;
        auto& one = response.groups.emplace_back();
        one.group_id = GroupId(group);
        one.protocol_type = "consumer";
        if (request.version() >= 4) one.group_state = "Stable";
        return response;
      });
    };
    list_on(first_, "a");
    list_on(second_, "b");
    wire::Cluster cluster = connect_to({&first_});
    const auto listed = list_groups(cluster, wait_for(kLong));
    ASSERT_TRUE(ok(listed));
    ASSERT_EQ(listed->groups.size(), 2U);
    EXPECT_EQ(listed->has_states, version >= 4);
    EXPECT_EQ(listed->groups.at(GroupId("b")).state, version >= 4 ? "Stable" : "");
  }
}

TEST_F(CoordinatorsTest, AListThatMissesABrokerIsNone) {
  first_.answer<wire::ListGroupsRequest>(
      [](const auto&, const WireRequest&) { return wire::ListGroupsResponse{}; });
  second_.answer<wire::ListGroupsRequest>([](const auto&, const WireRequest&) {
    wire::ListGroupsResponse response;
    response.error_code = wire::kCoordinatorLoadInProgress;
    return response;
  });
  EXPECT_TRUE(fails(list_groups(cluster_, wait_for(kLong)), ErrorKind::kUnreachable, "broker 2"));
}

}  // namespace
}  // namespace kferry::groupproto
