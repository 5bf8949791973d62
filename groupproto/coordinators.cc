#include "groupproto/coordinators.h"

#include "wire/error_code.h"
#include "wire/messages/find_coordinator.h"

namespace kferry::groupproto {

using wire::FindCoordinatorRequest;
using wire::FindCoordinatorResponse;

namespace {

// As many keys as a broker comfortably answers in one response.
constexpr size_t kKeysPerRequest = 500;

bool is_worth_a_retry(const Error& error) {
  return error.kind == ErrorKind::kUnreachable;
}

std::string naming(const GroupId& group) {
  return fmt::format("finding the coordinator of group '{}'", group);
}

}  // namespace

bool is_coordinator_error(int16_t code) {
  return code == wire::kNotCoordinator || code == wire::kCoordinatorNotAvailable ||
         code == wire::kCoordinatorLoadInProgress;
}

Result<wire::Broker*> Coordinators::of(const GroupId& group, const Wait& wait) {
  if (!known_.contains(group)) KFERRY_CHECK(locate({group}, wait));
  return cluster_->broker(known_.at(group), wait);
}

Result<> Coordinators::locate(const std::vector<GroupId>& groups, const Wait& wait) {
  return with_retry(
      {}, wait, [&] { return locate_once(groups, wait); }, is_worth_a_retry);
}

Result<> Coordinators::locate_once(const std::vector<GroupId>& groups, const Wait& wait) {
  std::vector<GroupId> unknown;
  for (const GroupId& group : groups)
    if (!known_.contains(group)) unknown.push_back(group);
  if (unknown.empty()) return {};
  KFERRY_TRY(wire::Broker* const broker, cluster_->any_broker(wait));
  KFERRY_TRY(const int16_t version, broker->version_of<FindCoordinatorRequest>());
  if (version < 4) return locate_pipelined(*broker, unknown, version, wait);
  return locate_batched(*broker, unknown, version, wait);
}

Result<> Coordinators::locate_batched(wire::Broker& broker, const std::vector<GroupId>& groups,
                                      int16_t version, const Wait& wait) {
  for (size_t begin = 0; begin < groups.size(); begin += kKeysPerRequest) {
    FindCoordinatorRequest request;
    const size_t end = std::min(groups.size(), begin + kKeysPerRequest);
    for (size_t i = begin; i < end; ++i) request.coordinator_keys.push_back(groups[i].value());
    KFERRY_TRY(const FindCoordinatorResponse response, broker.call(request, version, wait));
    for (const auto& found : response.coordinators)
      KFERRY_CHECK(
          learn(GroupId(found.key), found.error_code, found.node_id, found.host, found.port));
    for (size_t i = begin; i < end; ++i)
      if (!known_.contains(groups[i]))
        return fail(ErrorKind::kUnreachable, naming(groups[i]) + ": the broker left it out");
  }
  return {};
}

Result<> Coordinators::locate_pipelined(wire::Broker& broker, const std::vector<GroupId>& groups,
                                        int16_t version, const Wait& wait) {
  std::vector<FindCoordinatorRequest> requests;
  for (const GroupId& group : groups)
    requests.push_back({.key = group.value(), .coordinator_keys = {}});
  KFERRY_TRY(const auto responses, broker.pipeline(requests, version, wait));
  for (size_t i = 0; i < responses.size(); ++i)
    KFERRY_CHECK(learn(groups[i], responses[i].error_code, responses[i].node_id, responses[i].host,
                       responses[i].port));
  return {};
}

Result<> Coordinators::learn(const GroupId& group, int16_t error_code, BrokerId id,
                             const std::string& host, int32_t port) {
  if (error_code != wire::kNone)
    return std::unexpected(wire::kafka_error(error_code, naming(group)));
  if (host.empty() || port < 1 || port > 65535)
    return fail(ErrorKind::kUnreachable, naming(group) + ": the broker names no usable address");
  cluster_->learn_broker(id, wire::Address{host, static_cast<uint16_t>(port)});
  known_[group] = id;
  return {};
}

Result<> Coordinators::for_each(const std::vector<GroupId>& groups, const Wait& wait,
                                const Ask& ask) {
  std::vector<GroupId> open = groups;
  const auto round = [&]() -> Result<> {
    KFERRY_CHECK(locate(open, wait));
    std::map<BrokerId, std::vector<GroupId>> by_coordinator;
    for (const GroupId& group : open) by_coordinator[known_.at(group)].push_back(group);
    std::vector<GroupId> left;
    Result<> outcome;
    for (const auto& [id, its_groups] : by_coordinator) {
      auto broker = cluster_->broker(id, wait);
      auto again = broker ? ask(**broker, its_groups) : std::unexpected(broker.error());
      if (!again) outcome = std::unexpected(again.error());
      const std::vector<GroupId>& unanswered = again ? *again : its_groups;
      for (const GroupId& group : unanswered) forget(group);
      left.insert(left.end(), unanswered.begin(), unanswered.end());
    }
    open = std::move(left);
    if (!outcome || open.empty()) return outcome;
    return std::unexpected(wire::kafka_error(
        wire::kNotCoordinator, fmt::format("asking the coordinator of group '{}'", open.front())));
  };
  return with_retry({}, wait, round, is_worth_a_retry);
}

}  // namespace kferry::groupproto
