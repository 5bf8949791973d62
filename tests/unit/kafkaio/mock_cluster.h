// librdkafka's mock cluster: brokers in this process that answer the commonest requests, and that
// can be told to answer with errors.
#pragma once

#include <stdexcept>
#include <string>

#include "kafkaio/handles.h"

// Wants rdkafka.h before it.
#include <librdkafka/rdkafka_mock.h>

namespace kferry::kafkaio {

class MockCluster {
 public:
  explicit MockCluster(int brokers) {
    char text[256] = {};
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    owner_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text));
    if (!owner_) throw std::runtime_error(text);
    cluster_.reset(rd_kafka_mock_cluster_new(owner_.get(), brokers));
  }

  rd_kafka_mock_cluster_t* get() const { return cluster_.get(); }
  std::string servers() const { return rd_kafka_mock_cluster_bootstraps(get()); }
  void create_topic(const char* topic, int partitions) {
    rd_kafka_mock_topic_create(get(), topic, partitions, 1);
  }
  // The next answers to requests of this kind carry these errors, one each.
  template <class... Errors>
  void push_errors(int16_t api_key, Errors... errors) {
    rd_kafka_mock_push_request_errors(get(), api_key, sizeof...(errors), errors...);
  }

 private:
  KafkaHandle owner_;
  Handle<rd_kafka_mock_cluster_t, rd_kafka_mock_cluster_destroy> cluster_;
};

constexpr int16_t kFetchKey = 1;
constexpr int16_t kOffsetFetchKey = 9;
constexpr int16_t kFindCoordinatorKey = 10;

}  // namespace kferry::kafkaio
