#include "kafkaio/producer.h"

#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "kafkaio/compacted_reader.h"
#include "tests/unit/kafkaio/mock_cluster.h"

namespace kferry::kafkaio {
namespace {

using namespace std::chrono_literals;

constexpr int16_t kProduceKey = 0;

class ProducerTest : public testing::Test {
 protected:
  ProducerTest() { mock_.create_topic("state", 4); }

  Producer open(std::map<std::string, std::string> more = {}) {
    auto producer = Producer::open({.bootstrap_servers = mock_.servers(), .properties = more});
    if (!producer) throw std::runtime_error(producer.error().message);
    return std::move(*producer);
  }
  CompactedReader::Entries entries() {
    auto reader = CompactedReader::open({.bootstrap_servers = mock_.servers()},
                                        TopicName("state"), wait());
    if (!reader) throw std::runtime_error(reader.error().message);
    if (auto read = reader->catch_up(wait()); !read) throw std::runtime_error(read.error().message);
    return reader->entries();
  }
  Wait wait(Duration duration = 30s) const { return {Deadline::after(duration), stop_}; }
  static TopicPartition at(int32_t partition) { return {TopicName("state"), Partition(partition)}; }

  StopToken stop_;
  MockCluster mock_{1};
};

TEST_F(ProducerTest, ThreadsWriteAndEachHasItsConfirmations) {
  Producer producer = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string own = "t" + std::to_string(t);
      for (int i = 0; i < 50; ++i)
        EXPECT_TRUE(producer.send(at(t), own + "-" + std::to_string(i % 5), own, wait()));
      EXPECT_TRUE(producer.flush(wait()));
      const auto offset = producer.put(at(t), own, std::to_string(t), wait());
      ASSERT_TRUE(offset) << offset.error().message;
      EXPECT_EQ(*offset, Offset(50));
      EXPECT_TRUE(producer.put(at(t), own + "-0", std::nullopt, wait()));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const CompactedReader::Entries all = entries();
  EXPECT_EQ(all.size(), 4U * 5);
  EXPECT_EQ(all.at("t3"), "3");
  EXPECT_EQ(all.at("t2-4"), "t2");
  EXPECT_FALSE(all.contains("t2-0"));
}

TEST_F(ProducerTest, AFailureIsToldOnceByFlushAndToPutByItself) {
  Producer producer = open();
  ASSERT_TRUE(producer.put(at(0), "k", "v", wait()));
  mock_.push_errors(kProduceKey, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  ASSERT_TRUE(producer.send(at(0), "k", "v", wait()));
  const auto failed = producer.flush(wait());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kNotAuthorised);
  EXPECT_NE(failed.error().message.find("state-0"), std::string::npos) << failed.error().message;
  EXPECT_NE(failed.error().hint.find("WRITE"), std::string::npos);
  EXPECT_TRUE(producer.flush(wait()));

  mock_.push_errors(kProduceKey, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  const auto put = producer.put(at(1), "k", "v", wait());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kNotAuthorised);
  EXPECT_TRUE(producer.flush(wait()));
}

TEST_F(ProducerTest, WaitingEndsAndGoesOnLater) {
  Producer producer = open();
  ASSERT_TRUE(producer.put(at(0), "k", "v", wait()));
  rd_kafka_mock_broker_set_down(mock_.get(), 1);
  ASSERT_TRUE(producer.send(at(0), "later", "v", wait()));
  const auto late = producer.flush(wait(200ms));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kUnreachable);
  EXPECT_NE(late.error().message.find("1 records are not confirmed yet"), std::string::npos)
      << late.error().message;
  const auto unknown = producer.put(at(0), "unknown", "v", wait(200ms));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kUnreachable);

  StopToken stop;
  stop.request_stop();
  EXPECT_EQ(producer.flush({Deadline::after(30s), stop}).error().kind, ErrorKind::kInterrupted);

  rd_kafka_mock_broker_set_up(mock_.get(), 1);
  const auto flushed = producer.flush(wait());
  ASSERT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ(entries().size(), 3U);
}

TEST_F(ProducerTest, AFullQueueMakesSendersWait) {
  Producer producer = open();
  rd_kafka_mock_broker_set_down(mock_.get(), 1);
  const std::string value(990'000, 'x');
  int sent = 0;
  Result<> full;
  while (sent < 100 && full) {
    full = producer.send(at(0), "k", value, wait(100ms));
    sent += full ? 1 : 0;
  }
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::kUnreachable);
  EXPECT_NE(full.error().message.find("queue is full"), std::string::npos) << full.error().message;
  EXPECT_NEAR(sent, 67, 3);
  rd_kafka_mock_broker_set_up(mock_.get(), 1);
  EXPECT_TRUE(producer.send(at(0), "k", value, wait()));
  const auto flushed = producer.flush(wait());
  EXPECT_TRUE(flushed) << flushed.error().message;
}

TEST_F(ProducerTest, WhatLibrdkafkaDoesNotTakeIsUsage) {
  const auto wrong =
      Producer::open({.bootstrap_servers = "h:1", .properties = {{"bogus", "1"}}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace kferry::kafkaio
