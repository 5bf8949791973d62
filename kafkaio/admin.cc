#include "kafkaio/admin.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/log.h"
#include "kafkaio/client.h"
#include "kafkaio/errors.h"
#include "kafkaio/group_offsets_call.h"

namespace kferry::kafkaio {
namespace {

constexpr int64_t kMsPerMinute = 60'000;

// The value of `name` in the answer to DescribeConfigs; nullopt where it is denied or missing.
std::optional<int64_t> read_number(const rd_kafka_DescribeConfigs_result_t* result,
                                   const char* name) {
  size_t resource_count = 0;
  rd_kafka_ConfigResource_t** const resources =
      const_cast<rd_kafka_ConfigResource_t**>(  // the getters take it without const
          rd_kafka_DescribeConfigs_result_resources(result, &resource_count));
  for (size_t r = 0; r < resource_count; ++r) {
    if (rd_kafka_ConfigResource_error(resources[r]) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    size_t count = 0;
    const rd_kafka_ConfigEntry_t** const entries =
        rd_kafka_ConfigResource_configs(resources[r], &count);
    for (size_t e = 0; e < count; ++e) {
      const char* const value = rd_kafka_ConfigEntry_value(entries[e]);
      if (std::strcmp(rd_kafka_ConfigEntry_name(entries[e]), name) != 0 || value == nullptr)
        continue;
      int64_t number = 0;
      const char* const end = value + std::strlen(value);
      const auto [read_to, error] = std::from_chars(value, end, number);
      if (error == std::errc() && read_to == end) return number;
    }
  }
  return std::nullopt;
}

}  // namespace

struct Admin::Impl {
  ClientProperties properties;
  std::unique_ptr<Client> client;  // a producer: nothing that concerns groups
  // A consumer that never joins (see GroupOffsetsCall). Opened when needed, because a consumer
  // looks up its coordinator at once, and that creates __consumer_offsets where it does not exist.
  std::unique_ptr<Client> group_client;
  std::optional<GroupOffsetsCall> group_offsets;

  Result<GroupOffsetsCall*> groups() {
    if (!group_offsets) {
      KFERRY_TRY(group_client,
                 Client::open(RD_KAFKA_CONSUMER, properties,
                              {{"group.id", "kferry-admin"}, {"enable.auto.commit", "false"}}));
      group_offsets.emplace(*group_client);
    }
    return &*group_offsets;
  }
};

Admin::Admin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Admin::~Admin() = default;
Admin::Admin(Admin&&) noexcept = default;
Admin& Admin::operator=(Admin&&) noexcept = default;

Result<Admin> Admin::connect(const ClientProperties& properties) {
  auto impl = std::make_unique<Impl>();
  impl->properties = properties;
  KFERRY_TRY(impl->client, Client::open(RD_KAFKA_PRODUCER, properties));
  return Admin(std::move(impl));
}

Result<Admin::OffsetsByGroup> Admin::committed_offsets(const std::vector<Query>& queries,
                                                       const Wait& wait) {
  KFERRY_TRY(GroupOffsetsCall* const groups, impl_->groups());
  return groups->fetch(queries, wait);
}

Result<> Admin::delete_committed_offsets(const GroupId& group,
                                         const std::vector<TopicPartition>& partitions,
                                         const Wait& wait) {
  KFERRY_TRY(GroupOffsetsCall* const groups, impl_->groups());
  return groups->erase(group, partitions, wait);
}

Result<std::optional<int64_t>> Admin::offsets_retention_ms(const Wait& wait) {
  Client& client = *impl_->client;
  KFERRY_TRY(const BrokerId broker, client.find_broker(wait));
  if (client.ancient()) return std::nullopt;
  const std::string doing =
      fmt::format("reading the configuration of broker {} of {}", broker, client.servers());
  const ConfigResourceHandle resource(rd_kafka_ConfigResource_new(
      RD_KAFKA_RESOURCE_BROKER, fmt::to_string(broker.value()).c_str()));
  const AdminOptionsHandle options(
      rd_kafka_AdminOptions_new(client.kafka(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
  std::array<char, 256> ignored{};
  const auto patience = std::max<int64_t>(1, wait.deadline().remaining().count());
  rd_kafka_AdminOptions_set_request_timeout(options.get(), static_cast<int>(patience),
                                            ignored.data(), ignored.size());
  rd_kafka_ConfigResource_t* resources = resource.get();
  rd_kafka_DescribeConfigs(client.kafka(), &resources, 1, options.get(), client.queue());
  for (;;) {
    KFERRY_CHECK(wait.stop().check(doing));
    const EventHandle event = client.poll(kStopLatency);
    if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT)
      continue;
    const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
    if (code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) return std::nullopt;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return std::unexpected(client.error(code, doing, rd_kafka_event_error_string(event.get())));
    const auto minutes = read_number(rd_kafka_event_DescribeConfigs_result(event.get()),
                                     "offsets.retention.minutes");
    if (!minutes) return std::nullopt;
    return *minutes * kMsPerMinute;
  }
}

Result<std::optional<std::string>> Admin::cluster_id(const Wait& wait) {
  Client& client = *impl_->client;
  KFERRY_CHECK(client.await_broker(wait));
  // The answer that await_broker() got is kept by librdkafka, with the id or without.
  const TextHandle id(rd_kafka_clusterid(client.kafka(), static_cast<int>(kStopLatency.count())));
  if (!id) return std::nullopt;
  return std::string(id.get());
}

}  // namespace kferry::kafkaio
