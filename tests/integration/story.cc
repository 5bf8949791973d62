#include "tests/integration/story.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>

#include <fmt/format.h>

#include "kafkaio/handles.h"
#include "kafkaio/producer.h"
#include "tests/integration/two_sides.h"

namespace kferry::mirror {

using namespace std::chrono_literals;
using namespace kafkaio;

namespace {

KafkaHandle open_consumer(const std::string& bootstrap_servers, const std::string& group,
                          Reset reset = Reset::kFail) {
  const std::map<std::string, std::string> settings{
      {"bootstrap.servers", bootstrap_servers},
      {"group.id", group},
      {"client.id", group + "-app"},
      {"auto.offset.reset", reset == Reset::kFail ? "error" : "earliest"},
      {"session.timeout.ms", "20000"},
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
                         const std::string& topic, Ledger& consumed, Reset reset)
    : consumed_(consumed), thread_([this, bootstrap_servers, group, topic, reset] {
        run(bootstrap_servers, group, topic, reset);
      }) {}

void Application::stop() {
  stopped_ = true;
  if (thread_.joinable()) thread_.join();
}

void Application::run(const std::string& bootstrap_servers, const std::string& group,
                      const std::string& topic, Reset reset) {
  const KafkaHandle consumer = open_consumer(bootstrap_servers, group, reset);
  const PartitionsHandle topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(consumer.get(), topics.get());
  int uncommitted = 0;
  const auto commit = [&] {
    if (uncommitted > 0) {
      // As an application does while its broker restarts.
      auto code = RD_KAFKA_RESP_ERR_NO_ERROR;
      EXPECT_TRUE(integration::before_long([&] {
        code = rd_kafka_commit(consumer.get(), nullptr, 0);
        return code == RD_KAFKA_RESP_ERR_NO_ERROR;
      })) << group
          << ": " << rd_kafka_err2name(code);
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

JavaApplication::JavaApplication(const std::string& bootstrap_servers, const std::string& group,
                                 const std::string& topic, Ledger& consumed, Reset reset)
    : consumed_(consumed),
      child_(testenv::java_command(
          "Worker", testenv::jars_dir("3.9.1"),
          {"--bootstrap", bootstrap_servers, "--group", group, "--topics", topic, "--property",
           reset == Reset::kFail ? "auto.offset.reset=none" : "auto.offset.reset=earliest"})),
      thread_([this] { follow(); }) {}

JavaApplication::~JavaApplication() {
  child_.send_signal(SIGTERM);
  const auto result = child_.wait(30'000);
  ended_ = true;
  thread_.join();
  if (!result) {
    ADD_FAILURE() << "a Java consumer does not end";
    return;
  }
  EXPECT_TRUE(result->out.ends_with("closed\n"))
      << "exit code " << result->exit_code << ", signal " << result->signal << ": " << result->err;
}

// Whole lines only; once more after the end.
void JavaApplication::follow() {
  size_t taken = 0;
  for (bool last = false; !last;) {
    last = ended_;
    const std::string out = child_.out();
    for (size_t end = out.find('\n', taken); end != std::string::npos;
         taken = end + 1, end = out.find('\n', taken)) {
      const std::string line = out.substr(taken, end - taken);
      const size_t first = line.find(' ');
      const size_t second = line.find(' ', first + 1);
      if (second == std::string::npos) continue;  // "closed"
      consumed_.note({TopicName(line.substr(0, first)),
                      Partition(std::stoi(line.substr(first + 1, second - first - 1)))},
                     line.substr(second + 1));
    }
    if (!last) StopToken().sleep_for(50ms);
  }
}

LegacyApplication::LegacyApplication(const std::string& bootstrap_servers, const std::string& topic,
                                     int32_t partitions, Ledger& consumed)
    : consumed_(consumed), thread_([this, bootstrap_servers, topic, partitions] {
        run(bootstrap_servers, topic, partitions);
      }) {}

std::map<int32_t, int64_t> LegacyApplication::stop() {
  stopped_ = true;
  if (thread_.joinable()) thread_.join();
  return next_;
}

void LegacyApplication::run(const std::string& bootstrap_servers, const std::string& topic,
                            int32_t partitions) {
  const KafkaHandle consumer = open_consumer(bootstrap_servers, "legacy-" + topic);
  const PartitionsHandle all(rd_kafka_topic_partition_list_new(partitions));
  for (int32_t p = 0; p < partitions; ++p) {
    rd_kafka_topic_partition_list_add(all.get(), topic.c_str(), p)->offset = 0;
    next_[p] = 0;
  }
  rd_kafka_assign(consumer.get(), all.get());
  while (!stopped_) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(consumer.get(), 50);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      consumed_.note({TopicName(topic), Partition(message->partition)},
                     std::string(static_cast<const char*>(message->payload), message->len));
      next_[message->partition] = message->offset + 1;
    }
    rd_kafka_message_destroy(message);
  }
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
