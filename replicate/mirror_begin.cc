// Mirror: reaching both clusters, and agreeing with the flow's other processes on what it is.
#include <fmt/format.h>

#include "base/backoff.h"
#include "replicate/cluster_settings.h"
#include "replicate/mirror.h"
#include "wire/error_code.h"
#include "wire/messages/group_listing.h"
#include "wire/messages/producer_state.h"

namespace kferry::replicate {
namespace {

constexpr Duration kConnectTimeout{60'000};
constexpr Duration kTick{100};

using kafkaio::TopicAdmin;

Result<std::pair<int64_t, int16_t>> new_producer_id(wire::Cluster& cluster, const Wait& wait) {
  const auto ask = [&]() -> Result<std::pair<int64_t, int16_t>> {
    KFERRY_TRY(wire::Broker* const broker, cluster.any_broker(wait));
    KFERRY_TRY(const auto answer, broker->call(wire::InitProducerIdRequest{}, wait));
    if (answer.error_code != wire::kNone || answer.producer_id < 0)
      return std::unexpected(
          wire::kafka_error(answer.error_code, "asking the target for a producer id"));
    return std::pair(answer.producer_id, answer.producer_epoch);
  };
  // A broker that is just starting answers with an error.
  return with_retry({}, wait, ask, [](const Error& error) {
    return error.kind == ErrorKind::kUnreachable ||
           wire::error_row(static_cast<int16_t>(error.kafka_code)).retriable;
  });
}

}  // namespace

Result<> Mirror::connect() {
  const Wait wait(Deadline::after(kConnectTimeout), stop_);
  const auto open = [&](const ClusterSettings& cluster) -> Result<std::unique_ptr<wire::Cluster>> {
    auto made = wire::Cluster::connect(cluster.addresses, cluster.client, wait);
    if (!made)
      return std::unexpected(in_context(made.error(), fmt::format("cluster '{}'", cluster.alias)));
    return std::make_unique<wire::Cluster>(std::move(*made));
  };
  KFERRY_TRY(source_, open(flow_.source));
  KFERRY_TRY(target_, open(flow_.target));
  KFERRY_TRY(const auto source, source_->fetch_metadata(std::vector<TopicName>{}, wait));
  KFERRY_TRY(const auto target, target_->fetch_metadata(std::vector<TopicName>{}, wait));
  source_cluster_id_ = source.cluster_id;
  target_cluster_id_ = target.cluster_id;
  if (source_cluster_id_ && source_cluster_id_ == target_cluster_id_)
    return fail(ErrorKind::kRefused,
                fmt::format("source and target are the same cluster, {}", *source_cluster_id_),
                "check --source and --target");
  const auto admin_of = [&](const ClusterSettings& settings,
                            wire::Cluster& cluster) -> Result<std::unique_ptr<TopicAdmin>> {
    KFERRY_TRY(const auto properties, client_properties(settings.properties, cluster, wait));
    KFERRY_TRY(auto admin, TopicAdmin::connect(properties));
    return std::make_unique<TopicAdmin>(std::move(admin));
  };
  KFERRY_CHECK(check_source(wait));
  KFERRY_TRY(source_admin_, admin_of(flow_.source, *source_));
  KFERRY_TRY(admin_, admin_of(flow_.target, *target_));
  KFERRY_TRY(preparer_admin_, admin_of(flow_.target, *target_));
  if (flow_.reverse_of) {
    KFERRY_TRY(way_back_, WayBack::read(flow_, {source_cluster_id_, target_cluster_id_}, wait));
  }
  KFERRY_TRY(state_, StateTopic::open(flow_, *admin_, wait));
  return {};
}

Result<> Mirror::check_source(const Wait& wait) {
  KFERRY_TRY(wire::Broker* const broker, source_->any_broker(wait));
  return check_listing(*broker, flow_.groups);
}

// The producer ids are the flow's, not the process's: with two of them, each process would take the
// other's records for a stranger's. So of processes that are started together only the one that
// gets slot 0 makes the record.
Result<> Mirror::agree_on_flow_record() {
  const Wait wait(Deadline::after(kConnectTimeout), stop_);
  KFERRY_TRY(auto known, state_->all().flow());
  if (!known) KFERRY_CHECK(join_group());
  while (!known) {
    KFERRY_CHECK(wait.stop().check("waiting for a share of the flow"));
    if (wait.deadline().expired())
      return fail(ErrorKind::kUnreachable,
                  fmt::format("no share of the flow within {} s, and no other process has begun it",
                              kConnectTimeout.count() / 1000),
                  "see whether the target's group coordinator is well");
    const auto polled = member_->poll(kTick);
    if (!polled && polled.error().kind == ErrorKind::kNotAuthorised) return polled;
    KFERRY_CHECK(state_->catch_up(wait));
    KFERRY_TRY(known, state_->all().flow());
    if (!known && leads()) {
      KFERRY_TRY(known, make_flow_record(wait));
    }
  }
  record_ = *known;
  return check_flow_record();
}

Result<> Mirror::check_flow_record() const {
  const auto differs = [](const std::string& recorded, const std::optional<std::string>& now) {
    return !recorded.empty() && now && recorded != *now;
  };
  if (differs(record_.source_cluster_id, source_cluster_id_) ||
      differs(record_.target_cluster_id, target_cluster_id_))
    return fail(
        ErrorKind::kRefused,
        fmt::format("flow '{}' was begun from cluster {} to cluster {}, now they are {} and {}",
                    flow_.name, record_.source_cluster_id, record_.target_cluster_id,
                    source_cluster_id_.value_or("unknown"), target_cluster_id_.value_or("unknown")),
        fmt::format("give this flow another --flow name; the state is in topic {}",
                    state_->topic()));
  if (record_.topic_prefix != flow_.topic_prefix)
    return fail(ErrorKind::kRefused,
                fmt::format("flow '{}' was begun with the prefix '{}', now it is '{}'", flow_.name,
                            record_.topic_prefix, flow_.topic_prefix),
                "keep the prefix, or give this flow another --flow name");
  return {};
}

Result<FlowRecord> Mirror::make_flow_record(const Wait& wait) {
  FlowRecord record;
  record.source_cluster_id = source_cluster_id_.value_or("");
  record.target_cluster_id = target_cluster_id_.value_or("");
  record.topic_prefix = flow_.topic_prefix;
  KFERRY_TRY(const auto producer, new_producer_id(*target_, wait));
  KFERRY_TRY(const auto filler, new_producer_id(*target_, wait));
  std::tie(record.producer_id, record.producer_epoch) = producer;
  std::tie(record.filler_id, record.filler_epoch) = filler;
  KFERRY_CHECK(state_->put({{"flow", to_json(record)}}, wait));
  return record;
}

}  // namespace kferry::replicate
