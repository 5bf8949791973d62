// The proxy itself, between a client and a fake broker.
#include "tests/support/recording_proxy.h"

#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/messages.h"

namespace kferry::test {
namespace {

using wire::ApiKey;
using wire::DescribeGroupsRequest;
using wire::DescribeGroupsResponse;

constexpr Duration kLong{10'000};

class RecordingProxyTest : public testing::Test {
 protected:
  RecordingProxyTest() {
    broker_.answer<DescribeGroupsRequest>([](const auto& request, const auto&) {
      DescribeGroupsResponse response;
      response.groups.emplace_back().group_id = request.groups.at(0);
      return response;
    });
    proxy_.set_upstream(broker_.address().port);
  }
  Result<wire::Broker> connect(const std::string& client_id = "kferry") {
    wire::ClientConfig config;
    config.client_id = client_id;
    return wire::Broker::connect(proxy_.address(), config, wait_for(kLong));
  }
  static Result<DescribeGroupsResponse> ask(wire::Broker& client) {
    return client.call(DescribeGroupsRequest{{GroupId("g")}}, wait_for(kLong));
  }

  FakeBroker broker_;
  RecordingProxy proxy_;
};

TEST_F(RecordingProxyTest, RecordsRequestsAndAnswersInOrder) {
  auto client = connect("me");
  ASSERT_TRUE(ok(client));
  ASSERT_TRUE(ok(ask(*client)));
  const auto all = proxy_.exchanges();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all.at(0).request.api_key(), ApiKey::kApiVersions);
  EXPECT_EQ(all.at(1).request.header.client_id, "me");
  EXPECT_EQ(all.at(1).request.header.correlation_id, 1);
  EXPECT_EQ(all.at(1).request.as<DescribeGroupsRequest>().groups.at(0), GroupId("g"));
  EXPECT_EQ(all.at(1).answer_to<DescribeGroupsRequest>().groups.at(0).group_id, GroupId("g"));
  EXPECT_TRUE(all.at(1).passed_on);
  proxy_.forget();
  EXPECT_TRUE(proxy_.exchanges().empty());
}

TEST_F(RecordingProxyTest, CutsAfterTheEffectOrBeforeIt) {
  for (const bool after : {true, false}) {
    proxy_.forget();
    auto client = connect();
    ASSERT_TRUE(ok(client));
    const size_t before = broker_.count(ApiKey::kDescribeGroups);
    after ? proxy_.cut_after(ApiKey::kDescribeGroups, 2)
          : proxy_.cut_before(ApiKey::kDescribeGroups, 2);
    ASSERT_TRUE(ok(ask(*client)));
    EXPECT_TRUE(fails(ask(*client), ErrorKind::kUnreachable, "End of file"));
    EXPECT_EQ(broker_.count(ApiKey::kDescribeGroups), before + (after ? 2U : 1U));
    const auto seen = proxy_.exchanges(ApiKey::kDescribeGroups);
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen.at(1).answer.has_value(), after);
    EXPECT_FALSE(seen.at(1).passed_on);
    auto again = connect();
    ASSERT_TRUE(ok(again));
    EXPECT_TRUE(ok(ask(*again))) << "once only";
  }
}

TEST_F(RecordingProxyTest, DelaysAndHoldsAnswers) {
  auto client = connect();
  ASSERT_TRUE(ok(client));
  proxy_.delay(ApiKey::kDescribeGroups, Duration(300));
  const Stopwatch watch;
  ASSERT_TRUE(ok(ask(*client)));
  EXPECT_GE(watch.elapsed(), Duration(300));
  proxy_.clear_faults();
  proxy_.hold(ApiKey::kDescribeGroups);
  std::atomic<bool> answered = false;
  std::jthread asking([&] { answered = ask(*client).has_value(); });
  std::this_thread::sleep_for(Duration(200));
  EXPECT_FALSE(answered);
  proxy_.release(ApiKey::kDescribeGroups);
  asking.join();
  EXPECT_TRUE(answered);
}

TEST_F(RecordingProxyTest, ConcernsOneClientOnly) {
  proxy_.only_client("me");
  proxy_.cut_before(ApiKey::kDescribeGroups);
  auto other = connect("other");
  ASSERT_TRUE(ok(other));
  EXPECT_TRUE(ok(ask(*other)));
  EXPECT_TRUE(proxy_.exchanges().empty());
  auto me = connect("me");
  ASSERT_TRUE(ok(me));
  EXPECT_FALSE(ask(*me).has_value());
}

TEST(RecordingProxyStart, ConnectionsWaitForTheUpstream) {
  FakeBroker broker;
  RecordingProxy proxy;
  std::jthread later([&] {
    std::this_thread::sleep_for(Duration(300));
    proxy.set_upstream(broker.address().port);
  });
  EXPECT_TRUE(ok(wire::Broker::connect(proxy.address(), {}, wait_for(kLong))));
}

}  // namespace
}  // namespace kferry::test
