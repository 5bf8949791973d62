// What a broker speaks, and how one that cannot say so is told from one that is in trouble.
#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/error_code.h"
#include "wire/messages.h"

namespace kferry::wire {
namespace {

using namespace std::string_literals;
using test::fails;
using test::FakeBroker;
using test::FakeReply;
using test::has;
using test::ok;
using test::wait_for;
using test::WireRequest;

constexpr Duration kLong{10'000};

FakeReply closed(const WireRequest&) {
  return {.close = true};
}

FakeReply silent(const WireRequest&) {
  return {.silent = true};
}

Result<Broker> connect(const FakeBroker& fake, const ClientConfig& config = {}) {
  return Broker::connect(fake.address(), config, wait_for(kLong));
}

TEST(Negotiation, ApiVersionsSaysWhatTheBrokerSpeaks) {
  FakeBroker fake;
  fake.speak<JoinGroupRequest>(2, 5);
  fake.speak<MetadataRequest>(0, 99);
  ClientConfig config;
  config.client_id = "me";
  const auto broker = connect(fake, config);
  ASSERT_TRUE(ok(broker));
  EXPECT_EQ(broker->version_of<JoinGroupRequest>(), 5);
  EXPECT_EQ(broker->version_of<MetadataRequest>(), MetadataRequest::kVersions.highest);
  EXPECT_EQ(broker->version_of<OffsetCommitRequest>({2, 4}), 4);
  EXPECT_EQ(broker->version_if_ancient(), std::nullopt);
  ASSERT_EQ(fake.requests().size(), 1U);
  const WireRequest asked = fake.requests().front();
  EXPECT_EQ(asked.version(), 3);
  EXPECT_EQ(asked.header.client_id, "me");
  EXPECT_EQ(asked.as<ApiVersionsRequest>().client_software_name, "kferry");
  EXPECT_EQ(asked.as<ApiVersionsRequest>().client_software_version, KFERRY_VERSION);
}

TEST(Negotiation, ABrokerBefore24IsAskedAgainInVersion0) {
  FakeBroker fake;
  fake.speak<ApiVersionsRequest>(0, 2);
  fake.speak<JoinGroupRequest>(0, 3);
  const auto broker = connect(fake);
  ASSERT_TRUE(ok(broker));
  EXPECT_EQ(broker->version_of<JoinGroupRequest>(), 3);
  ASSERT_EQ(fake.requests().size(), 2U);
  EXPECT_EQ(fake.requests().at(1).version(), 0);
  EXPECT_EQ(fake.connections(), 1);
}

TEST(Negotiation, ABrokerThatSpeaksNoVersionOfApiVersionsIsAnError) {
  FakeBroker fake;
  fake.on(ApiKey::kApiVersions, [](const WireRequest&) {
    ApiVersionsResponse response;
    response.error_code = kUnsupportedVersion;
    return FakeReply{.bytes = test::encode_body(response, 0)};
  });
  const auto broker = connect(fake);
  ASSERT_FALSE(broker.has_value());
  EXPECT_EQ(broker.error().kafka_code, kUnsupportedVersion);
  EXPECT_EQ(fake.requests().size(), 2U);
}

TEST(Negotiation, NoCommonVersionNamesBothSides) {
  FakeBroker fake;
  SpokenVersions versions{{ApiKey::kApiVersions, {0, 4}}, {ApiKey::kJoinGroup, {12, 14}}};
  fake.speak(versions);
  auto broker = connect(fake);
  ASSERT_TRUE(ok(broker));
  const auto join = broker->call(JoinGroupRequest{}, wait_for(kLong));
  ASSERT_TRUE(fails(join, ErrorKind::kFailed, ""));
  EXPECT_EQ(join.error().kafka_code, kUnsupportedVersion);
  EXPECT_TRUE(
      has(join.error().message, "speaks JoinGroupRequest versions 12 to 14, kferry needs 0 to 9"));
  const auto sync = broker->call(SyncGroupRequest{}, wait_for(kLong));
  EXPECT_TRUE(has(sync.error().message, "does not know SyncGroupRequest"));
  EXPECT_FALSE(broker->speaks<SyncGroupRequest>());
  EXPECT_TRUE(broker->is_open()) << "nothing was sent";
}

TEST(Negotiation, ABrokerThatKnowsListGroupsOnlyIs09) {
  FakeBroker fake;
  fake.on(ApiKey::kApiVersions, closed);
  fake.answer<ListGroupsRequest>([](const auto&, const auto&) { return ListGroupsResponse{}; });
  const auto broker = connect(fake);
  ASSERT_TRUE(ok(broker));
  EXPECT_EQ(broker->version_if_ancient(), "0.9.0");
  EXPECT_EQ(broker->version_of<OffsetCommitRequest>(), 2);
  EXPECT_EQ(broker->version_of<JoinGroupRequest>(), 0);
  EXPECT_TRUE(broker->is_open());
  EXPECT_EQ(fake.requests(ApiKey::kListGroups).at(0).version(), 0);
}

TEST(Negotiation, ABrokerThatKnowsNeitherIs08) {
  FakeBroker fake;
  fake.on(ApiKey::kApiVersions, closed);
  fake.on(ApiKey::kListGroups, closed);
  fake.answer<ListOffsetsRequest>([](const auto&, const auto&) { return ListOffsetsResponse{}; });
  const auto broker = connect(fake);
  ASSERT_TRUE(ok(broker));
  EXPECT_EQ(broker->version_if_ancient(), "0.8.2");
  EXPECT_EQ(broker->version_of<OffsetCommitRequest>(), 1);
  EXPECT_FALSE(broker->speaks<JoinGroupRequest>());
  EXPECT_TRUE(broker->is_open());
}

TEST(Negotiation, WhatClosesEveryConnectionIsNoOldBroker) {
  FakeBroker fake;  // a load balancer with nothing behind it
  for (const ApiKey key :
       {ApiKey::kApiVersions, ApiKey::kListGroups, ApiKey::kListOffsets, ApiKey::kMetadata})
    fake.on(key, closed);
  const auto broker = connect(fake);
  ASSERT_TRUE(fails(broker, ErrorKind::kUnreachable, ""));
}

TEST(Negotiation, AConnectionThatIsCutOnceDoesNotMakeABrokerOld) {
  FakeBroker fake;
  fake.once(ApiKey::kApiVersions, closed);
  fake.answer<ListGroupsRequest>([](const auto&, const auto&) { return ListGroupsResponse{}; });
  const auto broker = connect(fake);
  ASSERT_TRUE(ok(broker));
  EXPECT_EQ(broker->version_if_ancient(), std::nullopt);
  EXPECT_EQ(broker->version_of<JoinGroupRequest>(), 9);
}

TEST(Negotiation, ATlsListenerIsNoOldBroker) {
  FakeBroker fake;
  fake.on(ApiKey::kApiVersions, [](const WireRequest&) {
    return FakeReply{.bytes = "\x15\x03\x03\x00\x02\x02\x50"s, .raw = true, .close = true};
  });
  const auto broker = connect(fake);
  ASSERT_TRUE(fails(broker, ErrorKind::kFailed, "TLS"));
  EXPECT_EQ(fake.connections(), 1);
}

// As the real 0.9.0.1 does it.
TEST(Negotiation, ABrokerThatIsSilentOnApiVersionsButKnowsListGroupsIs09) {
  FakeBroker fake;
  fake.on(ApiKey::kApiVersions, silent);
  fake.answer<ListGroupsRequest>([](const auto&, const auto&) { return ListGroupsResponse{}; });
  const auto broker = connect(fake);
  ASSERT_TRUE(ok(broker));
  EXPECT_EQ(broker->version_if_ancient(), "0.9.0");
  EXPECT_EQ(fake.count(ApiKey::kApiVersions), 1U) << "each one may cost other clients a request";
}

TEST(Negotiation, AnAncientBrokerIsNotAskedTwice) {
  FakeBroker fake(BrokerId(1));
  fake.on(ApiKey::kApiVersions, silent);
  fake.answer<ListGroupsRequest>([](const auto&, const auto&) { return ListGroupsResponse{}; });
  Cluster cluster = test::connect_to({&fake});
  ASSERT_TRUE(ok(cluster.fetch_metadata(std::nullopt, wait_for(kLong))));
  const auto broker = cluster.broker(BrokerId(1), wait_for(kLong));
  ASSERT_TRUE(ok(broker));
  EXPECT_EQ((*broker)->version_if_ancient(), "0.9.0");
  EXPECT_EQ(fake.count(ApiKey::kApiVersions), 1U);
}

TEST(Negotiation, ABrokerThatWasAsleepIsNotOld) {
  FakeBroker fake;
  fake.on(ApiKey::kApiVersions, [](const WireRequest& request) {
    ApiVersionsResponse response;
    response.api_keys.push_back({static_cast<int16_t>(ApiKey::kJoinGroup), 0, 9});
    FakeReply reply = reply_with(response, request);
    reply.delay = Duration(3'000);
    return reply;
  });
  fake.on(ApiKey::kListGroups, [](const WireRequest& request) {
    FakeReply reply = reply_with(ListGroupsResponse{}, request);
    reply.delay = Duration(1'500);  // asked 1.5 s later
    return reply;
  });
  const auto broker = connect(fake);
  ASSERT_TRUE(ok(broker));
  EXPECT_EQ(broker->version_if_ancient(), std::nullopt);
  EXPECT_EQ(broker->version_of<JoinGroupRequest>(), 9);
}

TEST(Negotiation, ABrokerThatNeverAnswersIsUnreachableNotOld) {
  FakeBroker fake;
  fake.on(ApiKey::kApiVersions, silent);
  fake.on(ApiKey::kListGroups, silent);
  const test::Stopwatch watch;
  ClientConfig config;
  config.connect_timeout = Duration(3'000);
  const auto broker = connect(fake, config);
  ASSERT_TRUE(fails(broker, ErrorKind::kUnreachable, "timed out"));
  EXPECT_LT(watch.elapsed(), Duration(4'500)) << "connect_timeout bounds the negotiation too";
}

TEST(Negotiation, AStopEndsIt) {
  FakeBroker fake;
  fake.on(ApiKey::kApiVersions, [](const WireRequest&) { return FakeReply{.silent = true}; });
  StopToken stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Duration(200));
    stop.request_stop();
  });
  const Deadline bound = Deadline::after(Duration(2'000));
  const auto broker = Broker::connect(fake.address(), {}, Wait(Deadline::after(kLong), stop));
  ASSERT_TRUE(fails(broker, ErrorKind::kInterrupted, ""));
  EXPECT_FALSE(bound.expired());
}

TEST(Negotiation, MalformedApiVersionsNameTheBroker) {
  FakeBroker fake;
  fake.on(ApiKey::kApiVersions, [](const WireRequest&) { return FakeReply{.bytes = "\0\0\xff"s}; });
  const auto broker = connect(fake);
  ASSERT_TRUE(fails(broker, ErrorKind::kFailed, ""));
  EXPECT_TRUE(has(broker.error().message, to_string(fake.address())));
}

}  // namespace
}  // namespace kferry::wire
