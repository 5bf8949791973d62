// kafkaio/ on real brokers, one environment for each of Kafka's versions.
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "kafkaio/admin.h"
#include "kafkaio/consumer.h"
#include "kafkaio/handles.h"
#include "testenv/testenv.h"

namespace kferry::kafkaio {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testenv::Environment;

TopicPartition at(int32_t partition) {
  return {TopicName("orders"), Partition(partition)};
}

const StopToken never;
Wait within(Duration duration) {
  return {Deadline::after(duration), never};
}

constexpr const char* kWorkload = R"({"topics": [{"name": "orders", "partitions": 3,
    "records": {"0": 20, "1": 10, "2": 0}, "keys": true, "timestamp_ms": 1700000000000}]})";

KafkaHandle plain_consumer(const ClientProperties& properties, const char* group) {
  std::array<char, 256> text{};
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  const auto set = [&](const char* name, const std::string& value) {
    ASSERT_EQ(rd_kafka_conf_set(conf, name, value.c_str(), text.data(), text.size()),
              RD_KAFKA_CONF_OK);
  };
  set("bootstrap.servers", properties.bootstrap_servers);
  set("group.id", group);
  set("enable.auto.commit", "false");
  if (properties.broker_version_fallback) {
    set("api.version.request", "false");
    set("broker.version.fallback", *properties.broker_version_fallback);
  }
  return KafkaHandle(rd_kafka_new(RD_KAFKA_CONSUMER, conf, text.data(), text.size()));
}

// As a consumer does that assigns its partitions itself. A new broker creates its coordinator's
// topic first, so that the first attempts may fail.
void commit(const ClientProperties& properties, const char* group,
            const std::map<TopicPartition, int64_t>& offsets) {
  const KafkaHandle consumer = plain_consumer(properties, group);
  const PartitionsHandle list(rd_kafka_topic_partition_list_new(1));
  for (const auto& [partition, offset] : offsets)
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.value().c_str(),
                                      partition.partition.value())
        ->offset = offset;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
  const Deadline deadline = Deadline::after(30s);
  while (!deadline.expired() && code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    code = rd_kafka_commit(consumer.get(), list.get(), 0);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) std::this_thread::sleep_for(200ms);
  }
  ASSERT_EQ(code, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(code);
}

// A member of `group` that has joined and is subscribed to "orders".
KafkaHandle join(const ClientProperties& properties, const char* group) {
  KafkaHandle member = plain_consumer(properties, group);
  const PartitionsHandle topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), "orders", RD_KAFKA_PARTITION_UA);
  rd_kafka_poll_set_consumer(member.get());
  rd_kafka_subscribe(member.get(), topics.get());
  for (const Deadline deadline = Deadline::after(30s); !deadline.expired();) {
    if (rd_kafka_message_t* const message = rd_kafka_consumer_poll(member.get(), 100))
      rd_kafka_message_destroy(message);
    rd_kafka_topic_partition_list_t* assigned = nullptr;
    rd_kafka_assignment(member.get(), &assigned);
    const PartitionsHandle owned(assigned);
    if (assigned != nullptr && assigned->cnt > 0) return member;
  }
  ADD_FAILURE() << "did not join";
  return member;
}

struct Broker {
  const char* version;
  std::optional<std::string> fallback;
  bool tells_retention;
  bool deletes_offsets;
  bool has_cluster_id;
  bool has_timestamps;
};

class KafkaioBrokers : public testing::TestWithParam<Broker> {};

TEST_P(KafkaioBrokers, OffsetsAndRecords) {
  const Broker& broker = GetParam();
  auto environment = Environment::start(
      {.source = broker.version, .source_settings = {{"offsets.retention.minutes", "4321"}}});
  environment.workload(nlohmann::json::parse(kWorkload));
  const ClientProperties properties{.bootstrap_servers = environment.bootstrap_servers(),
                                    .broker_version_fallback = broker.fallback};
  auto admin = Admin::connect(properties);
  ASSERT_TRUE(admin) << admin.error().message;

  const auto id = admin->cluster_id(within(20s));
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_EQ(id->value_or(""), environment.source_cluster_id());
  EXPECT_EQ(id->has_value(), broker.has_cluster_id);

  const auto retention = admin->offsets_retention_ms(within(20s));
  ASSERT_TRUE(retention) << retention.error().message;
  EXPECT_EQ(*retention,
            broker.tells_retention ? std::optional<int64_t>(4321 * 60'000) : std::nullopt);

  commit(properties, "billing", {{at(0), 5}, {at(1), 10}});
  commit(properties, "audit", {{at(1), 0}});
  std::vector<Admin::Query> queries{{GroupId("billing"), {at(0), at(1), at(2), at(9)}},
                                    {GroupId("audit"), {at(0), at(1)}}};
  for (int i = 0; i < 250; ++i)
    queries.emplace_back(GroupId("nobody-" + std::to_string(i)), std::vector{at(0), at(1)});
  const auto offsets = admin->committed_offsets(queries, within(60s));
  ASSERT_TRUE(offsets) << offsets.error().message;
  EXPECT_EQ(offsets->at(GroupId("billing")).value(),
            (Admin::Offsets{{at(0), Offset(5)}, {at(1), Offset(10)}}));
  EXPECT_EQ(offsets->at(GroupId("audit")).value(), (Admin::Offsets{{at(1), Offset(0)}}));
  for (int i = 0; i < 250; ++i)
    EXPECT_TRUE(offsets->at(GroupId("nobody-" + std::to_string(i))).value().empty()) << i;

  auto consumer =
      Consumer::open_committed(properties, GroupId("billing"), {at(0), at(1), at(2)}, within(20s));
  ASSERT_TRUE(consumer) << consumer.error().message;
  EXPECT_EQ(consumer->start(), (Consumer::Positions{{at(0), Offset(5)}, {at(1), Offset(10)}}));
  std::vector<Record> records;
  while (!consumer->at_end()) {
    const auto more = consumer->poll(4, within(20s));
    ASSERT_TRUE(more) << more.error().message;
    if (more->empty() && !consumer->at_end()) FAIL() << "no records";
    records.insert(records.end(), more->begin(), more->end());
  }
  ASSERT_EQ(records.size(), 15U);
  EXPECT_EQ(records.front().offset, Offset(5));
  EXPECT_EQ(records.front().key, "0-5");
  EXPECT_EQ(records.front().value, "orders-0-5");
  EXPECT_EQ(records.front().timestamp_ms >= 1'700'000'000'000, broker.has_timestamps);
  EXPECT_EQ(consumer->positions(), (Consumer::Positions{{at(0), Offset(20)}, {at(1), Offset(10)}}));

  const auto deleted =
      admin->delete_committed_offsets(GroupId("billing"), {at(0), at(2)}, within(20s));
  EXPECT_EQ(deleted.has_value(), broker.deletes_offsets);
  if (!deleted) {
    EXPECT_NE(deleted.error().message.find("OffsetDelete"), std::string::npos)
        << deleted.error().message;
  }
  const auto left = admin->committed_offsets({{GroupId("billing"), {at(0), at(1)}}}, within(20s));
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_EQ(left->at(GroupId("billing")).value().size(), broker.deletes_offsets ? 1U : 2U);
}

INSTANTIATE_TEST_SUITE_P(Versions, KafkaioBrokers,
                         testing::Values(Broker{"3.9.1", std::nullopt, true, true, true, true},
                                         Broker{"2.8.2", std::nullopt, true, true, true, true},
                                         Broker{"1.1.1", std::nullopt, true, false, true, true},
                                         Broker{"0.9.0.1", "0.9.0.1", false, false, false, false},
                                         Broker{"0.8.2.2", "0.8.2", false, false, false, false}),
                         [](const auto& one) {
                           std::string name = one.param.version;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

class KafkaioTrouble : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    environment_.emplace(Environment::start({.source = "3.9.1"}));
    environment_->workload(nlohmann::json::parse(kWorkload));
  }
  static void TearDownTestSuite() { environment_.reset(); }
  static ClientProperties properties() {
    return {.bootstrap_servers = environment_->bootstrap_servers()};
  }
  static std::optional<Environment> environment_;
};

std::optional<Environment> KafkaioTrouble::environment_;

TEST_F(KafkaioTrouble, OffsetsOfALiveGroupAreNotDeleted) {
  commit(properties(), "live", {{at(0), 5}});
  const KafkaHandle member = join(properties(), "live");
  auto admin = Admin::connect(properties());
  ASSERT_TRUE(admin);
  const auto deleted = admin->delete_committed_offsets(GroupId("live"), {at(0)}, within(20s));
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().kind, ErrorKind::kFailed);
  EXPECT_NE(deleted.error().message.find("orders-0 GROUP_SUBSCRIBED_TO_TOPIC"), std::string::npos)
      << deleted.error().message;
}

TEST_F(KafkaioTrouble, DeletingTwiceAndFromAGroupThatIsNot) {
  commit(properties(), "twice", {{at(0), 5}, {at(1), 6}});
  auto admin = Admin::connect(properties());
  ASSERT_TRUE(admin);
  for (int i = 0; i < 2; ++i) {
    const auto deleted =
        admin->delete_committed_offsets(GroupId("twice"), {at(0), at(1)}, within(20s));
    EXPECT_TRUE(deleted) << deleted.error().message;
  }
  const auto nobody = admin->delete_committed_offsets(GroupId("nobody"), {at(0)}, within(20s));
  EXPECT_TRUE(nobody) << nobody.error().message;
}

TEST_F(KafkaioTrouble, AnOffsetBeyondTheLogIsAnError) {
  auto consumer = Consumer::open(properties(), {{at(0), Offset(1000)}});
  ASSERT_TRUE(consumer);
  const auto records = consumer->poll(1, within(20s));
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().kind, ErrorKind::kFailed);
  EXPECT_NE(records.error().message.find("orders-0 from offset 1000"), std::string::npos)
      << records.error().message;
}

TEST_F(KafkaioTrouble, AMissingTopicIsAnError) {
  auto consumer = Consumer::open(properties(), {{{TopicName("gone"), Partition(0)}, Offset(0)}});
  ASSERT_TRUE(consumer);
  const auto records = consumer->poll(1, within(20s));
  ASSERT_FALSE(records);
  EXPECT_NE(records.error().message.find("gone-0"), std::string::npos) << records.error().message;
}

// Last: the broker is away afterwards.
TEST_F(KafkaioTrouble, ZBrokerThatHangsOrIsGone) {
  auto admin = Admin::connect(properties());
  ASSERT_TRUE(admin);
  const std::vector<Admin::Query> queries{{GroupId("live"), {at(0)}}};
  ASSERT_TRUE(admin->committed_offsets(queries, within(20s)));

  environment_->broker("pause", 0);
  StopToken stop;
  Clock::time_point stopped;
  std::thread stopper([&] {
    std::this_thread::sleep_for(300ms);
    stopped = Clock::now();
    stop.request_stop();
  });
  const auto interrupted = admin->committed_offsets(queries, {Deadline::after(20s), stop});
  const auto answered = Clock::now();
  stopper.join();
  ASSERT_FALSE(interrupted);
  EXPECT_EQ(interrupted.error().kind, ErrorKind::kInterrupted);
  EXPECT_LT(answered - stopped, 150ms);

  const auto begin = Clock::now();
  const auto late = admin->committed_offsets(queries, within(1s));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kUnreachable);
  EXPECT_NE(late.error().message.find("group 'live'"), std::string::npos) << late.error().message;
  EXPECT_LT(Clock::now() - begin, 2s);

  environment_->broker("resume", 0);
  const auto again = admin->committed_offsets(queries, within(20s));
  EXPECT_TRUE(again) << again.error().message;

  environment_->broker("kill", 0);
  const auto gone = admin->committed_offsets(queries, within(2s));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::kUnreachable) << gone.error().message;
  auto other = Admin::connect(properties());
  ASSERT_TRUE(other);
  const auto id = other->cluster_id(within(1s));
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().kind, ErrorKind::kUnreachable);
}

}  // namespace
}  // namespace kferry::kafkaio
