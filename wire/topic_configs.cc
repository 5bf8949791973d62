#include "wire/topic_configs.h"

#include <vector>

#include <fmt/format.h>

#include "base/backoff.h"
#include "wire/error_code.h"
#include "wire/messages/incremental_alter_configs.h"

namespace kferry::wire {
namespace {

using Request = IncrementalAlterConfigsRequest;
using Results = std::map<TopicName, Result<>>;

// A KRaft controller refuses requests that make more than 10,000 records, and each config is one.
constexpr size_t kMostConfigs = 2000;
constexpr size_t kMostTopics = 200;

std::vector<Request> make_requests(const TopicConfigChanges& changes) {
  std::vector<Request> requests;
  size_t configs = 0;
  for (const auto& [topic, its_changes] : changes) {
    if (requests.empty() || configs + its_changes.size() > kMostConfigs ||
        requests.back().resources.size() == kMostTopics) {
      requests.emplace_back();
      configs = 0;
    }
    configs += its_changes.size();
    Request::Resource resource{Request::kTopic, topic.value(), {}};
    for (const auto& [name, value] : its_changes)
      resource.configs.push_back({name, value ? Request::kSet : Request::kDelete, value});
    requests.back().resources.push_back(std::move(resource));
  }
  return requests;
}

Result<> outcome_of(const IncrementalAlterConfigsResponse::Resource& resource,
                    const Broker& broker) {
  if (resource.error_code == kNone) return {};
  Error error = kafka_error(resource.error_code,
                            fmt::format("changing on {} the configs of topic {}",
                                        to_string(broker.address()), resource.resource_name));
  if (resource.error_message) error.message += fmt::format(" ({})", *resource.error_message);
  if (error.kind == ErrorKind::kNotAuthorised)
    error.hint = "grant ALTER_CONFIGS on the topics to kferry's principal";
  return std::unexpected(std::move(error));
}

// False: the broker has no such request.
Result<bool> change_once(Cluster& cluster, const Request& request, Results& results,
                         const Wait& wait) {
  KFERRY_TRY(Broker* const broker, cluster.any_broker(wait));
  if (!broker->speaks<Request>()) return false;
  KFERRY_TRY(const IncrementalAlterConfigsResponse response, broker->call(request, wait));
  for (const auto& resource : response.responses)
    results[TopicName(resource.resource_name)] = outcome_of(resource, *broker);
  return true;
}

}  // namespace

Result<std::optional<Results>> change_topic_configs(Cluster& cluster,
                                                    const TopicConfigChanges& changes,
                                                    const Wait& wait) {
  Results results;
  for (const Request& request : make_requests(changes)) {
    KFERRY_TRY(const bool done,
               with_retry(
                   {}, wait, [&] { return change_once(cluster, request, results, wait); },
                   [](const Error& error) { return error.kind == ErrorKind::kUnreachable; }));
    if (!done) return std::nullopt;
  }
  return results;
}

}  // namespace kferry::wire
