#include "kafkaio/admin.h"

#include <array>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "tests/unit/kafkaio/mock_cluster.h"

namespace kferry::kafkaio {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TopicPartition at(const char* topic, int32_t partition) {
  return {TopicName(topic), Partition(partition)};
}

class AdminTest : public testing::Test {
 protected:
  AdminTest() { mock_.create_topic("orders", 2); }

  Admin connect() {
    auto admin = Admin::connect({.bootstrap_servers = mock_.servers()});
    if (!admin) throw std::runtime_error(admin.error().message);
    return std::move(*admin);
  }
  Wait wait(Duration duration = 15s) const { return {Deadline::after(duration), stop_}; }

  // Commits as a simple consumer does.
  void commit(const char* group, int32_t partition, int64_t offset) {
    std::array<char, 256> text{};
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", mock_.servers().c_str(), text.data(), text.size());
    rd_kafka_conf_set(conf, "group.id", group, text.data(), text.size());
    const KafkaHandle consumer(rd_kafka_new(RD_KAFKA_CONSUMER, conf, text.data(), text.size()));
    const PartitionsHandle list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), "orders", partition)->offset = offset;
    ASSERT_EQ(rd_kafka_commit(consumer.get(), list.get(), 0), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  StopToken stop_;
  MockCluster mock_{2};
};

TEST_F(AdminTest, CommittedOffsetsOfManyGroups) {
  commit("billing", 0, 42);
  commit("billing", 1, 0);
  commit("audit", 1, 7);
  Admin admin = connect();
  std::vector<Admin::Query> queries{
      {GroupId("billing"), {at("orders", 0), at("orders", 1), at("orders", 0), at("gone", 3)}},
      {GroupId("audit"), {at("orders", 0), at("orders", 1)}},
      {GroupId("silent"), {}}};
  for (int i = 0; i < 300; ++i)
    queries.emplace_back(GroupId("empty-" + std::to_string(i)), std::vector{at("orders", 0)});
  const auto offsets = admin.committed_offsets(queries, wait());
  ASSERT_TRUE(offsets) << offsets.error().message;
  ASSERT_EQ(offsets->size(), 303U);
  EXPECT_EQ(offsets->at(GroupId("billing")).value(),
            (Admin::Offsets{{at("orders", 0), Offset(42)}, {at("orders", 1), Offset(0)}}));
  EXPECT_EQ(offsets->at(GroupId("audit")).value(), (Admin::Offsets{{at("orders", 1), Offset(7)}}));
  EXPECT_TRUE(offsets->at(GroupId("silent")).value().empty());
  EXPECT_TRUE(offsets->at(GroupId("empty-299")).value().empty());
}

TEST_F(AdminTest, ManyPartitionsAreAskedForInParts) {
  commit("billing", 1, 5);
  Admin admin = connect();
  std::vector<TopicPartition> partitions;
  for (int32_t p = 0; p < 2500; ++p) partitions.push_back(at("orders", p));
  const auto offsets = admin.committed_offsets({{GroupId("billing"), partitions}}, wait());
  ASSERT_TRUE(offsets) << offsets.error().message;
  EXPECT_EQ(offsets->at(GroupId("billing")).value(),
            (Admin::Offsets{{at("orders", 1), Offset(5)}}));
}

// librdkafka dies of the first of these when it is asked through a producer.
TEST_F(AdminTest, CoordinatorsThatMoveOrLoadAreAskedAgain) {
  commit("billing", 0, 42);
  Admin admin = connect();
  mock_.push_errors(kOffsetFetchKey, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
                    RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
                    RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                    RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT);
  const auto offsets = admin.committed_offsets({{GroupId("billing"), {at("orders", 0)}}}, wait());
  ASSERT_TRUE(offsets) << offsets.error().message;
  EXPECT_EQ(offsets->at(GroupId("billing")).value(),
            (Admin::Offsets{{at("orders", 0), Offset(42)}}));
}

TEST_F(AdminTest, WhatIsDeniedConcernsOneGroup) {
  commit("billing", 0, 42);
  Admin admin = connect();
  mock_.push_errors(kOffsetFetchKey, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
  const auto offsets = admin.committed_offsets({{GroupId("billing"), {at("orders", 0)}}}, wait());
  ASSERT_TRUE(offsets) << offsets.error().message;
  const auto& billing = offsets->at(GroupId("billing"));
  ASSERT_FALSE(billing);
  EXPECT_EQ(billing.error().kind, ErrorKind::kNotAuthorised);
  EXPECT_EQ(billing.error().kafka_code, 30);
  EXPECT_NE(billing.error().message.find("reading the committed offsets of group 'billing' from " +
                                         mock_.servers()),
            std::string::npos)
      << billing.error().message;
  EXPECT_NE(billing.error().message.find("GROUP_AUTHORIZATION_FAILED"), std::string::npos);
}

TEST_F(AdminTest, ADeniedCoordinatorLookupIsNotWaitedFor) {
  Admin admin = connect();
  const auto begin = Clock::now();
  // One for librdkafka's own group, in either order.
  mock_.push_errors(kFindCoordinatorKey, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                    RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
  const auto offsets = admin.committed_offsets({{GroupId("billing"), {at("orders", 0)}}}, wait());
  ASSERT_TRUE(offsets) << offsets.error().message;
  EXPECT_EQ(offsets->at(GroupId("billing")).error().kind, ErrorKind::kNotAuthorised);
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_F(AdminTest, ClusterIdAndWhatTheMockDoesNotOffer) {
  Admin admin = connect();
  const auto id = admin.cluster_id(wait());
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_TRUE(id->has_value());
  const auto retention = admin.offsets_retention_ms(wait());
  ASSERT_TRUE(retention) << retention.error().message;
  EXPECT_EQ(*retention, std::nullopt);
}

// librdkafka aborts the process when it is made to send OffsetDelete to such a broker.
TEST_F(AdminTest, DeletingWithoutOffsetDelete) {
  commit("billing", 0, 42);
  Admin admin = connect();
  EXPECT_TRUE(admin.delete_committed_offsets(GroupId("billing"), {at("orders", 1)}, wait()));
  const auto deleted =
      admin.delete_committed_offsets(GroupId("billing"), {at("orders", 0)}, wait());
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().kind, ErrorKind::kFailed);
  EXPECT_NE(deleted.error().message.find("no OffsetDelete"), std::string::npos);
}

TEST_F(AdminTest, AStopRequestIsAnswered) {
  Admin admin = connect();
  ASSERT_TRUE(admin.cluster_id(wait()));
  for (int broker = 1; broker <= 2; ++broker)
    rd_kafka_mock_broker_set_rtt(mock_.get(), broker, 5000);
  Clock::time_point stopped;
  std::thread stopper([&] {
    std::this_thread::sleep_for(300ms);
    stopped = Clock::now();
    stop_.request_stop();
  });
  const auto offsets = admin.committed_offsets({{GroupId("billing"), {at("orders", 0)}}}, wait());
  const auto answered = Clock::now();
  stopper.join();
  ASSERT_FALSE(offsets);
  EXPECT_EQ(offsets.error().kind, ErrorKind::kInterrupted);
  EXPECT_LT(answered - stopped, 150ms);
}

TEST(Admin, NobodyThere) {
  const StopToken stop;
  auto admin = Admin::connect({.bootstrap_servers = "127.0.0.1:1"});
  ASSERT_TRUE(admin);
  const auto begin = Clock::now();
  const auto id = admin->cluster_id({Deadline::after(500ms), stop});
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().kind, ErrorKind::kUnreachable);
  EXPECT_NE(id.error().message.find("connecting to 127.0.0.1:1"), std::string::npos);
  EXPECT_NE(id.error().message.find("refused"), std::string::npos) << id.error().message;
  EXPECT_LT(Clock::now() - begin, 1500ms);
}

TEST(Admin, WrongPropertiesAreToldAtOnce) {
  const auto admin =
      Admin::connect({.bootstrap_servers = "h:1", .properties = {{"nonsense", "x"}}});
  ASSERT_FALSE(admin);
  EXPECT_EQ(admin.error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace kferry::kafkaio
