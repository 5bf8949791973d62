// Many requests on one connection.
#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/messages.h"

namespace kferry::wire {
namespace {

using test::fails;
using test::FakeBroker;
using test::FakeReply;
using test::has;
using test::ok;
using test::wait_for;
using test::WireRequest;

constexpr Duration kLong{10'000};

Broker connected(const FakeBroker& fake, const ClientConfig& config = {}) {
  auto broker = Broker::connect(fake.address(), config, wait_for(kLong));
  if (!broker) throw std::runtime_error(broker.error().message);
  return std::move(*broker);
}

std::vector<DescribeGroupsRequest> questions(int count, size_t padding = 0) {
  std::vector<DescribeGroupsRequest> requests;
  for (int i = 0; i < count; ++i)
    requests.push_back({{GroupId(fmt::format("g{}{}", i, std::string(padding, '.')))}, false});
  return requests;
}

// Each group's state is its own name and then some.
DescribeGroupsResponse echo(const DescribeGroupsRequest& request, size_t padding = 0) {
  DescribeGroupsResponse response;
  for (const GroupId& group : request.groups) {
    auto& one = response.groups.emplace_back();
    one.group_id = group;
    for (size_t i = 0; i < padding; i += 30'000)
      one.members.emplace_back().client_host = std::string(30'000, '.');
  }
  return response;
}

void expect_in_order(const std::vector<DescribeGroupsRequest>& asked,
                     const std::vector<DescribeGroupsResponse>& answers) {
  ASSERT_EQ(answers.size(), asked.size());
  for (size_t i = 0; i < asked.size(); ++i)
    EXPECT_EQ(answers[i].groups.at(0).group_id, asked[i].groups.at(0)) << i;
}

TEST(Pipeline, KeepsTheOrderAndAtMost50Unanswered) {
  FakeBroker fake;
  fake.on(ApiKey::kDescribeGroups, [](const WireRequest& request) {
    FakeReply reply = reply_with(echo(request.as<DescribeGroupsRequest>()), request);
    reply.hold = true;
    return reply;
  });
  Broker broker = connected(fake);
  const auto asked = questions(120);
  const auto answers = broker.pipeline(asked, 5, wait_for(kLong));
  ASSERT_TRUE(ok(answers));
  expect_in_order(asked, *answers);
  EXPECT_EQ(fake.most_held(), 50U);
  EXPECT_EQ(fake.connections(), 1);
}

TEST(Pipeline, OfNothingSendsNothing) {
  FakeBroker fake;
  Broker broker = connected(fake);
  const auto answers = broker.pipeline(questions(0), 5, wait_for(kLong));
  ASSERT_TRUE(ok(answers));
  EXPECT_EQ(fake.count(ApiKey::kDescribeGroups), 0U);
}

// A broker reads no further request before it has written its answer: while we write and do not
// read, both could wait for each other.
TEST(Pipeline, BigRequestsWithBigAnswersDoNotBlockEachOther) {
  FakeBroker fake;
  fake.on(ApiKey::kDescribeGroups, [](const WireRequest& request) {
    return reply_with(echo(request.as<DescribeGroupsRequest>(), 80'000), request);
  });
  ClientConfig config;
  config.request_timeout = Duration(5'000);
  Broker broker = connected(fake, config);
  std::vector<DescribeGroupsRequest> asked = questions(8);
  for (auto& one : asked) one.groups.resize(50, GroupId(std::string(30'000, 'g')));
  const auto answers = broker.pipeline(asked, 5, wait_for(Duration(60'000)));
  ASSERT_TRUE(ok(answers));
  expect_in_order(asked, *answers);
}

TEST(Pipeline, AMalformedAnswerInTheMiddleEndsTheConnection) {
  FakeBroker fake;
  int seen = 0;
  fake.on(ApiKey::kDescribeGroups, [&](const WireRequest& request) {
    FakeReply reply = reply_with(echo(request.as<DescribeGroupsRequest>()), request);
    if (++seen == 3) reply.bytes.pop_back();
    return reply;
  });
  Broker broker = connected(fake);
  const auto answers = broker.pipeline(questions(10), 5, wait_for(kLong));
  ASSERT_TRUE(fails(answers, ErrorKind::kFailed, ""));
  // Seven answers may still come: they must not be taken for the answer to the next request.
  const auto next = broker.call(DescribeGroupsRequest{{GroupId("next")}}, 5, wait_for(kLong));
  EXPECT_FALSE(next.has_value());
  EXPECT_FALSE(broker.is_open());
}

TEST(Pipeline, ARequestThatCannotBeEncodedLeavesNoAnswersBehind) {
  FakeBroker fake;
  fake.answer<DescribeGroupsRequest>(
      [](const DescribeGroupsRequest& request, const WireRequest&) { return echo(request); });
  Broker broker = connected(fake);
  auto asked = questions(10);
  asked[4].groups[0] = GroupId(std::string(40'000, 'x'));
  const auto answers = broker.pipeline(asked, 5, wait_for(kLong));
  ASSERT_TRUE(fails(answers, ErrorKind::kFailed, ""));
  const auto next = broker.call(DescribeGroupsRequest{{GroupId("next")}}, 5, wait_for(kLong));
  if (next) {
    EXPECT_EQ(next->groups.at(0).group_id, GroupId("next"));
  } else {
    EXPECT_FALSE(broker.is_open());
  }
}

TEST(Pipeline, AConnectionCutInTheMiddleIsUnreachable) {
  FakeBroker fake;
  int seen = 0;
  fake.on(ApiKey::kDescribeGroups, [&](const WireRequest& request) {
    if (++seen == 3) return FakeReply{.close = true};
    return reply_with(echo(request.as<DescribeGroupsRequest>()), request);
  });
  Broker broker = connected(fake);
  const auto answers = broker.pipeline(questions(10), 5, wait_for(kLong));
  ASSERT_TRUE(fails(answers, ErrorKind::kUnreachable, ""));
  EXPECT_FALSE(broker.is_open());
}

}  // namespace
}  // namespace kferry::wire
