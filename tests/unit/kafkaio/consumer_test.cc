#include "kafkaio/consumer.h"

#include <array>
#include <chrono>

#include <gtest/gtest.h>

#include "tests/unit/kafkaio/mock_cluster.h"

namespace kferry::kafkaio {
namespace {

using namespace std::chrono_literals;

TopicPartition at(int32_t partition) {
  return {TopicName("orders"), Partition(partition)};
}

class ConsumerTest : public testing::Test {
 protected:
  ConsumerTest() {
    mock_.create_topic("orders", 2);
    std::array<char, 256> text{};
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", mock_.servers().c_str(), text.data(), text.size());
    producer_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, text.data(), text.size()));
  }

  void produce(int32_t partition, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = "k" + std::to_string(i);
      rd_kafka_producev(producer_.get(), RD_KAFKA_V_TOPIC("orders"),
                        RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key.data(), key.size()),
                        RD_KAFKA_V_VALUE(nullptr, 0), RD_KAFKA_V_TIMESTAMP(1000 + i),
                        RD_KAFKA_V_HEADER("h", "v", 1), RD_KAFKA_V_HEADER("none", nullptr, 0),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    }
    ASSERT_EQ(rd_kafka_flush(producer_.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  Consumer open(const Consumer::Positions& start) {
    auto consumer = Consumer::open({.bootstrap_servers = mock_.servers()}, start);
    if (!consumer) throw std::runtime_error(consumer.error().message);
    return std::move(*consumer);
  }
  Wait wait(Duration duration = 10s) const { return {Deadline::after(duration), stop_}; }

  const StopToken stop_;
  MockCluster mock_{1};
  KafkaHandle producer_;
};

TEST_F(ConsumerTest, RecordsFromAGivenOffsetToTheEnd) {
  produce(0, 5);
  Consumer consumer = open({{at(0), Offset(2)}, {at(1), Offset(0)}});
  EXPECT_FALSE(consumer.at_end());
  std::vector<Record> all;
  while (!consumer.at_end()) {
    const auto records = consumer.poll(2, wait());
    ASSERT_TRUE(records) << records.error().message;
    EXPECT_LE(records->size(), 2U);
    all.insert(all.end(), records->begin(), records->end());
  }
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0], (Record{.partition = at(0),
                            .offset = Offset(2),
                            .timestamp_ms = 1002,
                            .key = "k2",
                            .value = std::nullopt,
                            .headers = {{"h", "v"}, {"none", std::nullopt}}}));
  EXPECT_EQ(all[2].offset, Offset(4));
  EXPECT_EQ(consumer.positions(), (Consumer::Positions{{at(0), Offset(5)}, {at(1), Offset(0)}}));

  // Later records end the end.
  produce(1, 1);
  const auto records = consumer.poll(10, wait());
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ(records->front().partition, at(1));
}

TEST_F(ConsumerTest, AnOffsetOutOfRangeIsAnError) {
  produce(0, 1);
  Consumer consumer = open({{at(0), Offset(100)}});
  const auto records = consumer.poll(10, wait());
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().kind, ErrorKind::kFailed);
  EXPECT_NE(records.error().message.find("orders-0 from offset 100"), std::string::npos)
      << records.error().message;
}

TEST_F(ConsumerTest, AMissingPartitionIsAnError) {
  Consumer consumer = open({{at(7), Offset(0)}});
  const auto records = consumer.poll(10, wait());
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().kind, ErrorKind::kFailed);
  EXPECT_NE(records.error().message.find("orders-7"), std::string::npos);
}

// A broker that has not heard of the topic yet, or not again after its start, says that there is
// none.
TEST_F(ConsumerTest, ATopicThatComesAgainIsReadOn) {
  produce(0, 2);
  Consumer consumer = open({{at(0), Offset(0)}});
  rd_kafka_mock_topic_set_error(mock_.get(), "orders", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  auto records = consumer.poll(10, wait());
  for (int i = 0; i < 100 && records; ++i) records = consumer.poll(10, wait(200ms));
  ASSERT_FALSE(records) << "it is told";
  rd_kafka_mock_topic_set_error(mock_.get(), "orders", RD_KAFKA_RESP_ERR_NO_ERROR);
  size_t found = 0;
  for (int i = 0; i < 100 && found < 2; ++i)
    if (const auto more = consumer.poll(10, wait(200ms))) found += more->size();
  EXPECT_EQ(found, 2U);
}

TEST_F(ConsumerTest, TheDeadlineEndsAPoll) {
  Consumer consumer = open({{at(0), Offset(0)}});
  ASSERT_TRUE(consumer.poll(1, wait()));
  ASSERT_TRUE(consumer.at_end());
  const auto records = consumer.poll(1, wait(200ms));
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_TRUE(records->empty());
}

}  // namespace
}  // namespace kferry::kafkaio
