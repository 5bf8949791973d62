#include "doctor/cluster_probe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "groupproto/group_state.h"
#include "wire/acls.h"
#include "wire/error_code.h"
#include "wire/messages/client_quotas.h"
#include "wire/messages/describe_quorum.h"

namespace kferry::doctor {
namespace {

using wire::AclOperation;
using wire::ApiKey;
using wire::MetadataRequest;
using wire::MetadataResponse;

constexpr Duration kStep{20'000};
constexpr Duration kReachTimeout{10'000};
// librdkafka chooses the broker, and stays with one that cannot be reached.
constexpr Duration kConfigsTimeout{10'000};
constexpr const char* kNoConfigs = "brokers before 0.11 tell none";
constexpr size_t kConnectionsAtOnce = 16;
constexpr size_t kTopicsPerRequest = 500;
constexpr int16_t kTellsOperations = 8;
constexpr int16_t kLastWithCluster = 10;  // later versions say nothing about the cluster
constexpr int16_t kNeverCreates = 4;

struct Release {
  int16_t fetch;  // the highest version of Fetch that it speaks
  const char* name;
};
// Kafka: FetchRequest.json; of releases that share a version the first.
constexpr std::array kReleases{Release{18, "4.1"},   Release{17, "3.9"},  Release{16, "3.7"},
                               Release{15, "3.5"},   Release{13, "3.1"},  Release{12, "2.7"},
                               Release{11, "2.3"},   Release{9, "2.1"},   Release{8, "2.0"},
                               Release{7, "1.1"},    Release{6, "1.0"},   Release{4, "0.11"},
                               Release{3, "0.10.1"}, Release{2, "0.10.0"}};

// Calls `work(i)` for each number below `count`, some at a time.
template <class Work>
void in_parallel(size_t count, Work&& work) {
  for (size_t begin = 0; begin < count; begin += kConnectionsAtOnce) {
    std::vector<std::jthread> threads;
    for (size_t i = begin; i < std::min(count, begin + kConnectionsAtOnce); ++i)
      threads.emplace_back([&work, i] { work(i); });
  }
}

}  // namespace

std::string version_by(const wire::SpokenVersions& spoken) {
  const auto fetch = spoken.find(ApiKey::kFetch);
  if (fetch == spoken.end()) return "unknown";
  // 4.0 has dropped the versions of brokers before 0.11 (KIP-896).
  if (fetch->second.lowest >= 4 && fetch->second.highest < 18) return "4.0 or later";
  if (fetch->second.highest == 12 && spoken.contains(ApiKey::kDescribeProducers))
    return "2.8 or later";
  for (const Release& release : kReleases)
    if (fetch->second.highest >= release.fetch) return fmt::format("{} or later", release.name);
  return "unknown";
}

Operations operations_by(int32_t bits) {
  if (bits == MetadataResponse::kNoOperations) return std::nullopt;
  std::set<AclOperation> operations;
  for (int code = static_cast<int>(AclOperation::kAll);
       code <= static_cast<int>(AclOperation::kTwoPhaseCommit); ++code)
    if ((static_cast<uint32_t>(bits) >> code & 1U) != 0)
      operations.insert(static_cast<AclOperation>(code));
  return operations;
}

ClusterProbe::ClusterProbe(const replicate::ClusterSettings& settings, Side side,
                           const StopToken& stop)
    : settings_(settings), stop_(stop) {
  facts_.side = side;
  facts_.servers = settings.bootstrap_servers;
  const auto& sasl = settings.client.sasl;
  // Which user a Kerberos principal is, the brokers' sasl.kerberos.principal.to.local.rules say.
  if (sasl && sasl->mechanism != SaslMechanism::kGssapi && !sasl->user.empty())
    facts_.principal = "User:" + sasl->user;
}

Wait ClusterProbe::step() const {
  return Wait(Deadline::after(kStep), stop_);
}

bool ClusterProbe::connect() {
  auto cluster = wire::Cluster::connect(settings_.addresses, settings_.client, step());
  if (cluster) {
    cluster_.emplace(std::move(*cluster));
    auto metadata = cluster_->fetch_metadata(std::nullopt, step());
    if (metadata)
      metadata_ = std::move(*metadata);
    else
      facts_.trouble = metadata.error();
  } else {
    facts_.trouble = cluster.error();
  }
  if (facts_.trouble) return false;
  facts_.cluster_id = metadata_.cluster_id;
  reach_brokers();
  const bool any =
      std::ranges::any_of(facts_.brokers, [](const auto& one) { return one.version.has_value(); });
  if (any && !before_0_11_) {
    auto admin = kafkaio::TopicAdmin::connect(settings_.properties);
    if (admin) admin_.emplace(std::move(*admin));
  }
  return any;
}

void ClusterProbe::reach_brokers() {
  for (const auto& [id, address] : metadata_.brokers)
    facts_.brokers.push_back({id, address, std::string()});
  std::vector<char> before_2_8(facts_.brokers.size(), 0);
  std::vector<char> before_0_11(facts_.brokers.size(), 0);
  in_parallel(facts_.brokers.size(), [&](size_t i) {
    BrokerFacts& facts = facts_.brokers[i];
    auto broker = wire::Broker::connect(facts.address, settings_.client,
                                        Wait(Deadline::after(kReachTimeout), stop_));
    if (!broker) {
      facts.version = std::unexpected(broker.error());
      return;
    }
    const auto ancient = broker->version_if_ancient();
    facts.version = ancient ? *ancient : version_by(broker->spoken());
    before_2_8[i] = broker->spoken().contains(ApiKey::kDescribeProducers) ? 0 : 1;
    before_0_11[i] = broker->spoken().contains(ApiKey::kInitProducerId) ? 0 : 1;
  });
  facts_.before_2_8 = std::ranges::find(before_2_8, 1) != before_2_8.end();
  before_0_11_ = std::ranges::find(before_0_11, 1) != before_0_11.end();
}

std::set<TopicName> ClusterProbe::topic_names() const {
  std::set<TopicName> names;
  for (const auto& [topic, info] : metadata_.topics)
    if (info.error_code == wire::kNone) names.insert(topic);
  return names;
}

Result<MetadataResponse> ClusterProbe::ask_metadata(const std::vector<TopicName>& topics,
                                                    bool about_cluster) {
  KFERRY_TRY(wire::Broker* const broker, cluster_->any_broker(step()));
  KFERRY_TRY(const int16_t version, broker->version_of<MetadataRequest>({0, kLastWithCluster}));
  MetadataRequest request;
  request.allow_auto_topic_creation = version < kNeverCreates;
  request.include_cluster_authorized_operations = about_cluster && version >= kTellsOperations;
  request.include_topic_authorized_operations = version >= kTellsOperations;
  facts_.tells_operations = version >= kTellsOperations;
  // Before, asking for a topic by its name may create it.
  if (version >= kNeverCreates || version == 0) request.topics.emplace();
  if (version >= kNeverCreates)
    for (const TopicName& topic : topics) request.topics->push_back({{}, topic});
  return broker->call(request, version, step());
}

void ClusterProbe::read_topics(const std::set<TopicName>& topics,
                               const std::set<TopicName>& others) {
  std::vector<TopicName> all(topics.begin(), topics.end());
  for (const TopicName& topic : others)
    if (!topics.contains(topic)) all.push_back(topic);
  for (size_t begin = 0; begin < all.size(); begin += kTopicsPerRequest) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(begin);
    const size_t count = std::min(kTopicsPerRequest, all.size() - begin);
    const auto answer = ask_metadata({first, first + static_cast<std::ptrdiff_t>(count)}, false);
    if (!answer) continue;
    for (const MetadataResponse::Topic& topic : answer->topics)
      if (topic.name) take_topic(topic, topics.contains(*topic.name));
  }
  std::vector<TopicName> existing;
  for (const auto& [topic, unused] : facts_.topics) existing.push_back(topic);
  if (existing.empty()) return;
  read_configs(existing);
  read_ranges();
}

void ClusterProbe::take_topic(const MetadataResponse::Topic& topic, bool wanted) {
  // Who may not even describe it, is told nothing.
  facts_.topic_operations[*topic.name] =
      topic.error_code == wire::kTopicAuthorizationFailed && facts_.tells_operations
          ? Operations(std::set<AclOperation>())
          : operations_by(topic.topic_authorized_operations);
  const bool exists = topic.error_code == wire::kNone || !topic.partitions.empty();
  if (!wanted || !exists) return;
  TopicFacts& facts = facts_.topics[*topic.name];
  for (const auto& one : topic.partitions)
    facts.partitions[one.partition_index] = {
        .replicas = static_cast<int32_t>(one.replica_nodes.size()),
        .in_sync = static_cast<int32_t>(one.isr_nodes.size()),
        .has_leader = one.leader_id.value() >= 0,
        .range = std::nullopt};
}

void ClusterProbe::read_configs(const std::vector<TopicName>& topics) {
  const auto unread = [&](const Error& error) {
    for (auto& [topic, facts] : facts_.topics) facts.configs = std::unexpected(error);
  };
  if (!admin_) return unread({ErrorKind::kFailed, kNoConfigs, {}, 0});
  auto configs = admin_->configs(topics, step().at_most(kConfigsTimeout));
  if (!configs) return unread(configs.error());
  for (auto& [topic, its_configs] : *configs) {
    const auto found = facts_.topics.find(topic);
    if (found != facts_.topics.end()) found->second.configs = std::move(its_configs);
  }
}

void ClusterProbe::read_ranges() {
  std::vector<TopicPartition> wanted;
  for (const auto& [topic, facts] : facts_.topics)
    for (const auto& [partition, one] : facts.partitions)
      if (one.has_leader) wanted.push_back({topic, partition});
  const auto ranges = wire::fetch_log_ranges(*cluster_, metadata_, wanted, step());
  if (!ranges) return;
  for (const auto& [partition, range] : *ranges)
    if (range.error_code == wire::kNone)
      facts_.topics[partition.topic].partitions[partition.partition].range = range;
}

void ClusterProbe::read_cluster() {
  if (const auto answer = ask_metadata({}, true)) {
    // Who may not describe the cluster is told of no operation at all.
    facts_.operations = operations_by(answer->cluster_authorized_operations);
  }
  if (auto acls = wire::fetch_acls(*cluster_, step()); acls && *acls)
    facts_.acls = std::move(**acls);
  if (!admin_) {
    facts_.broker_configs = fail(ErrorKind::kFailed, kNoConfigs);
    return;
  }
  // Of one that has answered: librdkafka may take the others for alive.
  for (const BrokerFacts& broker : facts_.brokers) {
    if (!broker.version) continue;
    facts_.broker_configs = admin_->broker_configs(broker.id, step());
    break;
  }
  read_clock();
  read_quotas();
}

// The active controller tells its time (KIP-836); in ZooKeeper mode nobody does.
void ClusterProbe::read_clock() {
  const auto broker = cluster_->any_broker(step());
  const auto version = broker ? (*broker)->version_of<wire::DescribeQuorumRequest>({1, 1})
                              : Result<int16_t>(std::unexpected(broker.error()));
  if (!version) {
    facts_.clock_unread = "its brokers cannot be asked for it";
    return;
  }
  const wire::DescribeQuorumRequest request{
      {{TopicName(wire::DescribeQuorumRequest::kMetadataTopic), {{Partition(0)}}}}};
  const int64_t before_ms = wall_clock_ms();
  const auto answer = (*broker)->call(request, *version, step());
  const int64_t after_ms = wall_clock_ms();
  if (!answer || answer->error_code != wire::kNone) {
    facts_.clock_unread = answer ? wire::kafka_error(answer->error_code, "DescribeQuorum").message
                                 : answer.error().message;
    return;
  }
  for (const auto& topic : answer->topics)
    for (const auto& partition : topic.partitions)
      for (const auto& voter : partition.current_voters)
        if (voter.replica_id == partition.leader_id && voter.last_caught_up_timestamp > 0)
          facts_.clocks.push_back({fmt::format("the active controller ({})", voter.replica_id),
                                   voter.last_caught_up_timestamp - (before_ms + after_ms) / 2,
                                   "this machine", after_ms - before_ms,
                                   "by DescribeQuorum, which tells the controller's time"});
  if (facts_.clocks.empty()) facts_.clock_unread = "the quorum's leader tells no time";
}

void ClusterProbe::read_quotas() {
  const auto broker = cluster_->any_broker(step());
  if (!broker || !(*broker)->speaks<wire::DescribeClientQuotasRequest>()) return;
  const auto answer = (*broker)->call(wire::DescribeClientQuotasRequest{}, step());
  if (!answer || answer->error_code != wire::kNone) {
    Error error =
        answer ? wire::kafka_error(answer->error_code, "DescribeClientQuotas") : answer.error();
    if (error.kind == ErrorKind::kNotAuthorised)
      error.hint = "grant DESCRIBE_CONFIGS on the cluster to kferry's principal";
    facts_.quotas = std::unexpected(std::move(error));
    return;
  }
  std::vector<QuotaFacts> quotas;
  for (const auto& entry : answer->entries.value_or(decltype(answer->entries)::value_type{})) {
    QuotaFacts& quota = quotas.emplace_back();
    for (const auto& entity : entry.entity) quota.entity[entity.entity_type] = entity.entity_name;
    for (const auto& value : entry.values)
      quota.values[value.key] = std::bit_cast<double>(value.value.value());
  }
  facts_.quotas = std::move(quotas);
}

}  // namespace kferry::doctor
