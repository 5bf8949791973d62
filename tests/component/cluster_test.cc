// Bootstrap, metadata, and connections that break.
#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/messages.h"

namespace kferry::wire {
namespace {

using test::connect_to;
using test::fails;
using test::FakeBroker;
using test::FakeReply;
using test::FakeView;
using test::has;
using test::ok;
using test::wait_for;
using test::WireRequest;

constexpr Duration kLong{10'000};
const BrokerId kFirst{1};
const BrokerId kSecond{2};

FakeView view_of(const FakeBroker& a, const FakeBroker& b) {
  return {.brokers = {{a.id(), a.address()}, {b.id(), b.address()}}, .leaders = {}};
}

Address nobody() {
  return {"127.0.0.1", test::port_of(test::listen_on_loopback())};
}

TEST(Bootstrap, TheFirstThatAnswersIsTaken) {
  const FakeBroker fake;
  auto cluster = Cluster::connect({nobody(), fake.address()}, {}, wait_for(kLong));
  ASSERT_TRUE(ok(cluster));
  EXPECT_EQ((*cluster->any_broker(wait_for(kLong)))->address(), fake.address());
  EXPECT_EQ(fake.connections(), 1);
}

TEST(Bootstrap, OfNobodyNamesEveryServerOnce) {
  const Address a = nobody();
  const Address b = nobody();
  const auto cluster = Cluster::connect({a, b, a}, {}, wait_for(kLong));
  ASSERT_TRUE(fails(cluster, ErrorKind::kUnreachable, to_string(b)));
  const std::string message = cluster.error().message;
  const std::string first = "broker " + to_string(a);
  EXPECT_EQ(message.find(first), message.rfind(first)) << message;
  EXPECT_FALSE(cluster.error().hint.empty());
}

TEST(Metadata, InEveryVersion) {
  for (int16_t version = 0; version <= MetadataRequest::kVersions.highest; ++version) {
    FakeBroker fake(kFirst);
    fake.speak<MetadataRequest>(0, version);
    fake.show({.brokers = {},
               .leaders = {{{TopicName("t"), Partition(0)}, kFirst},
                           {{TopicName("t"), Partition(1)}, BrokerId(-1)}}});
    Cluster cluster = connect_to({&fake});
    const auto metadata = cluster.fetch_metadata(std::nullopt, wait_for(kLong));
    ASSERT_TRUE(ok(metadata));
    EXPECT_EQ(metadata->brokers.at(kFirst), fake.address());
    const auto& partitions = metadata->topics.at(TopicName("t")).partitions;
    EXPECT_EQ(partitions.at(Partition(0)).leader, kFirst);
    EXPECT_EQ(partitions.at(Partition(1)).leader, BrokerId(-1));
    const auto asked = fake.decoded<MetadataRequest>().at(0);
    EXPECT_EQ(asked.topics.has_value(), version == 0) << "null means all, but version 0 has none";
    if (version >= 4) {
      EXPECT_FALSE(asked.allow_auto_topic_creation);
    }
    EXPECT_EQ(metadata->cluster_id.has_value(), version >= 2);
  }
}

TEST(Metadata, BrokersWithImpossiblePortsAreLeftOut) {
  FakeBroker fake(kFirst);
  fake.answer<MetadataRequest>([&](const auto&, const auto&) {
    MetadataResponse response;
    response.brokers = {{BrokerId(7), "evil", 0, {}},
                        {BrokerId(8), "evil", 65'536, {}},
                        {BrokerId(9), "evil", -1, {}},
                        {kFirst, "127.0.0.1", fake.address().port, {}}};
    return response;
  });
  Cluster cluster = connect_to({&fake});
  const auto metadata = cluster.fetch_metadata(std::nullopt, wait_for(kLong));
  ASSERT_TRUE(ok(metadata));
  EXPECT_EQ(metadata->brokers.size(), 1U);
  EXPECT_TRUE(fails(cluster.broker(BrokerId(7), wait_for(kLong)), ErrorKind::kUnreachable,
                    "broker 7 is not in the cluster's metadata"));
}

TEST(Metadata, WithoutAnyBrokerIsAnError) {
  FakeBroker fake;
  fake.answer<MetadataRequest>([](const auto&, const auto&) {
    MetadataResponse response;
    response.brokers.push_back({BrokerId(7), "evil", 0, {}});
    return response;
  });
  Cluster cluster = connect_to({&fake});
  EXPECT_TRUE(fails(cluster.fetch_metadata(std::nullopt, wait_for(kLong)), ErrorKind::kUnreachable,
                    "names no broker"));
}

TEST(Metadata, SurvivesAConnectionThatBrokeWhileItWasIdle) {
  FakeBroker fake(kFirst);
  Cluster cluster = connect_to({&fake});
  ASSERT_TRUE(ok(cluster.fetch_metadata(std::nullopt, wait_for(kLong))));
  fake.drop_connections();
  std::this_thread::sleep_for(Duration(100));
  EXPECT_TRUE(ok(cluster.fetch_metadata(std::nullopt, wait_for(kLong))));
  EXPECT_EQ(fake.connections(), 2);
}

// A broker that has just started knows the brokers before the topics.
TEST(Metadata, SettlesOnceEveryExpectedTopicIsThere) {
  FakeBroker fake(kFirst);
  fake.show({.brokers = {}, .leaders = {{{TopicName("late"), Partition(0)}, kFirst}}});
  for (int i = 0; i < 2; ++i)
    fake.answer_once<MetadataRequest>([&](const auto&, const auto&) {
      MetadataResponse response;
      response.brokers.push_back({kFirst, "127.0.0.1", fake.address().port, {}});
      return response;
    });
  Cluster cluster = connect_to({&fake});
  const auto metadata =
      cluster.fetch_settled_metadata({TopicName("late")}, Duration(10'000), wait_for(kLong));
  ASSERT_TRUE(ok(metadata));
  EXPECT_TRUE(metadata->topics.contains(TopicName("late")));
  EXPECT_EQ(fake.count(ApiKey::kMetadata), 3U);
}

TEST(Metadata, OfATopicThatDoesNotComeIsGivenWithoutIt) {
  FakeBroker fake(kFirst);
  Cluster cluster = connect_to({&fake});
  const auto metadata =
      cluster.fetch_settled_metadata({TopicName("deleted")}, Duration(300), wait_for(kLong));
  ASSERT_TRUE(ok(metadata));
  EXPECT_FALSE(metadata->topics.contains(TopicName("deleted")));
  EXPECT_GE(fake.count(ApiKey::kMetadata), 2U);
}

TEST(Metadata, IsAskedOfAnotherBrokerWhenTheBootstrapServerIsGone) {
  FakeBroker first(kFirst);
  FakeBroker second(kSecond);
  first.show(view_of(first, second));
  second.show(view_of(first, second));
  Cluster cluster = connect_to({&first});
  ASSERT_TRUE(ok(cluster.fetch_metadata(std::nullopt, wait_for(kLong))));
  first.drop_connections(true);
  std::this_thread::sleep_for(Duration(100));
  EXPECT_TRUE(ok(cluster.fetch_metadata(std::nullopt, wait_for(kLong))));
  EXPECT_EQ(second.count(ApiKey::kMetadata), 1U);
}

TEST(Metadata, OfAClusterThatIsGoneFailsSoon) {
  FakeBroker fake(kFirst);
  Cluster cluster = connect_to({&fake});
  fake.drop_connections(true);
  std::this_thread::sleep_for(Duration(100));
  const test::Stopwatch watch;
  EXPECT_TRUE(fails(cluster.fetch_metadata(std::nullopt, wait_for(kLong)), ErrorKind::kUnreachable,
                    "refused"));
  EXPECT_LT(watch.elapsed(), Duration(2'000));
}

TEST(Connections, AreKeptAndMadeAgainAfterTheyBroke) {
  FakeBroker fake(kFirst);
  fake.answer<DescribeGroupsRequest>(
      [](const auto&, const auto&) { return DescribeGroupsResponse{}; });
  Cluster cluster = connect_to({&fake});
  ASSERT_TRUE(ok(cluster.fetch_metadata(std::nullopt, wait_for(kLong))));
  const auto once = cluster.broker(kFirst, wait_for(kLong));
  ASSERT_TRUE(ok(once));
  EXPECT_EQ(*cluster.broker(kFirst, wait_for(kLong)), *once);
  EXPECT_EQ(fake.connections(), 2) << "one for bootstrap, one to the broker by its id";
  fake.drop_connections();
  std::this_thread::sleep_for(Duration(100));
  EXPECT_TRUE(
      fails((*once)->call(DescribeGroupsRequest{}, wait_for(kLong)), ErrorKind::kUnreachable, ""));
  const auto again = cluster.broker(kFirst, wait_for(kLong));
  ASSERT_TRUE(ok(again));
  EXPECT_TRUE(ok((*again)->call(DescribeGroupsRequest{}, wait_for(kLong))));
}

TEST(Connections, FollowABrokerToAnotherAddress) {
  FakeBroker before(kFirst);
  const FakeBroker after(kFirst);
  Cluster cluster = connect_to({&before});
  ASSERT_TRUE(ok(cluster.fetch_metadata(std::nullopt, wait_for(kLong))));
  ASSERT_TRUE(ok(cluster.broker(kFirst, wait_for(kLong))));
  cluster.learn_broker(kFirst, after.address());
  const auto moved = cluster.broker(kFirst, wait_for(kLong));
  ASSERT_TRUE(ok(moved));
  EXPECT_EQ((*moved)->address(), after.address());
}

TEST(Addresses, OfBootstrapServers) {
  const auto parsed = parse_bootstrap_servers("a:1, b.example:65535 ,[::1]:9092");
  ASSERT_TRUE(ok(parsed));
  EXPECT_EQ(*parsed, (std::vector<Address>{{"a", 1}, {"b.example", 65'535}, {"::1", 9092}}));
  EXPECT_EQ(to_string(parsed->at(2)), "[::1]:9092");
  for (const char* const wrong : {"", "a", "a:", ":1", "a:0", "a:65536", "a:-1", "a:1x", "a:1,",
                                  ",a:1", "::1:9092", "[::1:9092", "[]:1", "a:1;b:2", "a b:1"})
    EXPECT_TRUE(fails(parse_bootstrap_servers(wrong), ErrorKind::kUsage, "bootstrap server"))
        << wrong;
}

}  // namespace
}  // namespace kferry::wire
