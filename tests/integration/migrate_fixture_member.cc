// The parts of the fixture that are a consumer of librdkafka.
#include <array>
#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/interrupt.h"
#include "kafkaio/handles.h"
#include "tests/integration/migrate_fixture.h"

namespace kferry::integration {

using namespace std::chrono_literals;
using namespace kafkaio;

namespace {

KafkaHandle new_consumer(const ClientProperties& properties, const std::string& group,
                         const std::string& client_id) {
  std::map<std::string, std::string> settings{{"bootstrap.servers", properties.bootstrap_servers},
                                              {"group.id", group},
                                              {"client.id", client_id},
                                              {"auto.offset.reset", "earliest"},
                                              {"enable.auto.commit", "false"}};
  if (properties.broker_version_fallback) {
    settings["api.version.request"] = "false";
    settings["broker.version.fallback"] = *properties.broker_version_fallback;
  }
  std::array<char, 256> text{};
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings)
    EXPECT_EQ(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size()),
              RD_KAFKA_CONF_OK)
        << text.data();
  return KafkaHandle(rd_kafka_new(RD_KAFKA_CONSUMER, conf, text.data(), text.size()));
}

PartitionsHandle to_list(const Offsets& offsets) {
  PartitionsHandle list(rd_kafka_topic_partition_list_new(1));
  for (const auto& [name, offset] : offsets) {
    const size_t dash = name.rfind('-');
    rd_kafka_topic_partition_list_add(list.get(), name.substr(0, dash).c_str(),
                                      std::stoi(name.substr(dash + 1)))
        ->offset = offset;
  }
  return list;
}

// A new broker creates its coordinator's topic first, so that the first attempts may fail.
void commit_with(rd_kafka_t* consumer, const Offsets& offsets) {
  const PartitionsHandle list = to_list(offsets);
  const Deadline deadline = Deadline::after(30s);
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
  while (!deadline.expired()) {
    code = rd_kafka_commit(consumer, list.get(), 0);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    std::this_thread::sleep_for(200ms);
  }
  FAIL() << rd_kafka_err2str(code);
}

}  // namespace

struct LiveMember::Impl {
  KafkaHandle consumer;
  Offsets first;

  void poll() {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(consumer.get(), 100);
    if (message == nullptr) return;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      first.try_emplace(fmt::format("{}-{}", rd_kafka_topic_name(message->rkt), message->partition),
                        message->offset);
    rd_kafka_message_destroy(message);
  }

  int assigned() const {
    rd_kafka_topic_partition_list_t* list = nullptr;
    rd_kafka_assignment(consumer.get(), &list);
    const PartitionsHandle owned(list);
    return list == nullptr ? 0 : list->cnt;
  }
};

LiveMember::LiveMember(const ClientProperties& properties, const std::string& group,
                       const std::string& topic, const std::string& client_id)
    : impl_(std::make_unique<Impl>(new_consumer(properties, group, client_id), Offsets{})) {
  const PartitionsHandle topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  rd_kafka_poll_set_consumer(impl_->consumer.get());
  rd_kafka_subscribe(impl_->consumer.get(), topics.get());
  const Deadline deadline = Deadline::after(30s);
  while (impl_->assigned() == 0 && !deadline.expired()) impl_->poll();
  EXPECT_GT(impl_->assigned(), 0) << client_id << " did not join " << group;
}

LiveMember::~LiveMember() {
  rd_kafka_consumer_close(impl_->consumer.get());
}

Offsets LiveMember::first_offsets(size_t partitions) {
  const Deadline deadline = Deadline::after(20s);
  while (impl_->first.size() < partitions && !deadline.expired()) impl_->poll();
  return impl_->first;
}

void LiveMember::commit(const Offsets& offsets) {
  commit_with(impl_->consumer.get(), offsets);
}

void Site::commit(const std::string& group, const Offsets& offsets) {
  commit_with(new_consumer(properties(), group, "by-hand").get(), offsets);
}

std::vector<std::string> Site::members(const std::string& group) {
  const KafkaHandle client = new_consumer(properties(), "", "looks-only");
  const rd_kafka_group_list* list = nullptr;
  const auto code = rd_kafka_list_groups(client.get(), group.c_str(), &list, 20'000);
  EXPECT_EQ(code, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(code);
  std::vector<std::string> members;
  if (list == nullptr) return members;
  for (int i = 0; i < list->group_cnt; ++i)
    for (int k = 0; k < list->groups[i].member_cnt; ++k)
      members.push_back(fmt::format("{}{}", list->groups[i].members[k].client_id,
                                    list->groups[i].members[k].client_host));
  rd_kafka_group_list_destroy(list);
  return members;
}

}  // namespace kferry::integration
