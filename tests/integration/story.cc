#include "tests/integration/story.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "kafkaio/handles.h"
#include "kafkaio/producer.h"
#include "tests/integration/two_sides.h"

namespace kferry::mirror {

using namespace std::chrono_literals;
using namespace kafkaio;

namespace {

KafkaHandle open_consumer(const std::string& bootstrap_servers, const std::string& group) {
  const std::map<std::string, std::string> settings{{"bootstrap.servers", bootstrap_servers},
                                                    {"group.id", group},
                                                    {"client.id", group + "-app"},
                                                    {"auto.offset.reset", "error"},
                                                    {"session.timeout.ms", "6000"},
                                                    {"isolation.level", "read_committed"},
                                                    {"enable.auto.commit", "false"}};
  std::array<char, 256> text{};
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings)
    EXPECT_EQ(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size()),
              RD_KAFKA_CONF_OK)
        << text.data();
  KafkaHandle consumer(rd_kafka_new(RD_KAFKA_CONSUMER, conf, text.data(), text.size()));
  rd_kafka_poll_set_consumer(consumer.get());
  return consumer;
}

// The number of the next Shop.
std::atomic<int> next_shop = 0;

std::map<std::pair<TopicPartition, std::string>, std::vector<std::string>> by_shop(
    const Values& values) {
  std::map<std::pair<TopicPartition, std::string>, std::vector<std::string>> found;
  for (const auto& [partition, all] : values)
    for (const std::string& value : all)
      found[{partition, value.substr(value.find(" of ") + 4)}].push_back(value);
  return found;
}

}  // namespace

Application::Application(const std::string& bootstrap_servers, const std::string& group,
                         const std::string& topic, Ledger& consumed)
    : consumed_(consumed),
      thread_([this, bootstrap_servers, group, topic] { run(bootstrap_servers, group, topic); }) {}

void Application::stop() {
  stopped_ = true;
  if (thread_.joinable()) thread_.join();
}

void Application::run(const std::string& bootstrap_servers, const std::string& group,
                      const std::string& topic) {
  const KafkaHandle consumer = open_consumer(bootstrap_servers, group);
  const PartitionsHandle topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(consumer.get(), topics.get());
  int uncommitted = 0;
  const auto commit = [&] {
    if (uncommitted > 0) {
      EXPECT_EQ(rd_kafka_commit(consumer.get(), nullptr, 0), RD_KAFKA_RESP_ERR_NO_ERROR) << group;
    }
    uncommitted = 0;
  };
  while (!stopped_) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(consumer.get(), 50);
    if (message == nullptr) {
      commit();
      continue;
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      consumed_.note({TopicName(rd_kafka_topic_name(message->rkt)), Partition(message->partition)},
                     std::string(static_cast<const char*>(message->payload), message->len));
      ++uncommitted;
    }
    rd_kafka_message_destroy(message);
    if (uncommitted >= 50) commit();
  }
  commit();
  rd_kafka_consumer_close(consumer.get());
}

Shop::Shop(const std::string& bootstrap_servers, const std::string& topic, int32_t partitions,
           int records_per_second, Ledger& written)
    : topic_(topic),
      partitions_(partitions),
      records_per_second_(records_per_second),
      written_(written),
      thread_([this, bootstrap_servers] { run(bootstrap_servers); }) {}

void Shop::stop() {
  stopped_ = true;
  if (thread_.joinable()) thread_.join();
}

void Shop::run(const std::string& bootstrap_servers) {
  constexpr auto kRound = 50ms;
  const StopToken never;
  auto producer = Producer::open(
      {.bootstrap_servers = bootstrap_servers, .properties = {{"compression.codec", "snappy"}}});
  if (!producer) {
    ++errors_;
    return;
  }
  const std::string name = fmt::format("shop {}", next_shop++);
  std::vector<std::pair<TopicPartition, std::string>> round;
  for (int64_t number = 0; !stopped_;) {
    round.clear();
    const auto wait = integration::within(60s);
    for (int i = 0; i < records_per_second_ * kRound / 1s; ++i, ++number) {
      const TopicPartition partition{TopicName(topic_),
                                     Partition(static_cast<int32_t>(number % partitions_))};
      std::string value = fmt::format("{} of {}", number, name);
      if (!producer->send(partition, "k", value, wait)) ++errors_;
      round.emplace_back(partition, std::move(value));
    }
    if (!producer->flush(wait)) ++errors_;
    for (const auto& [partition, value] : round) written_.note(partition, value);
    never.sleep_for(kRound);
  }
}

testing::AssertionResult each_exactly_once(const Values& written, const Values& consumed) {
  const auto all_written = by_shop(written);
  auto all_consumed = by_shop(consumed);
  for (const auto& [where, values] : all_written) {
    const auto& [partition, shop] = where;
    const auto& theirs = all_consumed[where];
    if (values == theirs) continue;
    const auto [ours, other] = std::ranges::mismatch(values, theirs);
    return testing::AssertionFailure()
           << fmt::format("{} from {}: {} written, {} consumed; the first difference is at {}",
                          partition, shop, values.size(), theirs.size(), ours - values.begin());
  }
  return testing::AssertionSuccess();
}

}  // namespace kferry::mirror
