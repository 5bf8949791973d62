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
  if (!known_.contains(group)) {
    KFERRY_TRY(const Refusals refused, locate({group}, wait));
    if (!refused.empty()) return std::unexpected(refused.begin()->second);
  }
  return cluster_->broker(known_.at(group), wait);
}

Result<Coordinators::Refusals> Coordinators::locate(const std::vector<GroupId>& groups,
                                                    const Wait& wait) {
  Refusals refused;
  KFERRY_CHECK(with_retry(
      {}, wait, [&] { return locate_once(groups, refused, wait); }, is_worth_a_retry));
  return refused;
}

Result<> Coordinators::locate_once(const std::vector<GroupId>& groups, Refusals& refused,
                                   const Wait& wait) {
  std::vector<GroupId> unknown;
  for (const GroupId& group : groups)
    if (!known_.contains(group) && !refused.contains(group)) unknown.push_back(group);
  if (unknown.empty()) return {};
  KFERRY_TRY(wire::Broker* const broker, cluster_->any_broker(wait));
  KFERRY_TRY(const int16_t version, broker->version_of<FindCoordinatorRequest>());
  if (version < 4) return locate_pipelined(*broker, unknown, version, refused, wait);
  return locate_batched(*broker, unknown, version, refused, wait);
}

Result<> Coordinators::locate_batched(wire::Broker& broker, const std::vector<GroupId>& groups,
                                      int16_t version, Refusals& refused, const Wait& wait) {
  Result<> first_trouble;  // of one group; the others are learned all the same
  for (size_t begin = 0; begin < groups.size(); begin += kKeysPerRequest) {
    FindCoordinatorRequest request;
    const size_t end = std::min(groups.size(), begin + kKeysPerRequest);
    for (size_t i = begin; i < end; ++i) request.coordinator_keys.push_back(groups[i].value());
    KFERRY_TRY(const FindCoordinatorResponse response, broker.call(request, version, wait));
    for (const auto& found : response.coordinators) {
      const auto learned = learn(GroupId(found.key), found.error_code, found.node_id, found.host,
                                 found.port, refused);
      if (!learned && first_trouble) first_trouble = learned;
    }
    for (size_t i = begin; i < end; ++i)
      if (first_trouble && !known_.contains(groups[i]) && !refused.contains(groups[i]))
        first_trouble =
            fail(ErrorKind::kUnreachable, naming(groups[i]) + ": the broker left it out");
  }
  return first_trouble;
}

Result<> Coordinators::locate_pipelined(wire::Broker& broker, const std::vector<GroupId>& groups,
                                        int16_t version, Refusals& refused, const Wait& wait) {
  std::vector<FindCoordinatorRequest> requests;
  for (const GroupId& group : groups)
    requests.push_back({.key = group.value(), .coordinator_keys = {}});
  KFERRY_TRY(const auto responses, broker.pipeline(requests, version, wait));
  Result<> first_trouble;
  for (size_t i = 0; i < responses.size(); ++i) {
    const auto learned = learn(groups[i], responses[i].error_code, responses[i].node_id,
                               responses[i].host, responses[i].port, refused);
    if (!learned && first_trouble) first_trouble = learned;
  }
  return first_trouble;
}

Result<> Coordinators::learn(const GroupId& group, int16_t error_code, BrokerId id,
                             const std::string& host, int32_t port, Refusals& refused) {
  if (error_code != wire::kNone) {
    Error error = wire::kafka_error(error_code, naming(group));
    if (is_worth_a_retry(error)) return std::unexpected(std::move(error));
    refused.emplace(group, std::move(error));
    return {};
  }
  if (host.empty() || port < 1 || port > 65535)
    return fail(ErrorKind::kUnreachable, naming(group) + ": the broker names no usable address");
  cluster_->learn_broker(id, wire::Address{host, static_cast<uint16_t>(port)});
  known_[group] = id;
  return {};
}

// Asks each coordinator once; returns the groups that are left. `trouble` is set when one of them
// could not be asked.
Result<std::vector<GroupId>> Coordinators::ask_all(const std::vector<GroupId>& groups,
                                                   const Wait& wait, const Ask& ask,
                                                   Error& trouble) {
  std::map<BrokerId, std::vector<GroupId>> by_coordinator;
  for (const GroupId& group : groups) by_coordinator[known_.at(group)].push_back(group);
  std::vector<GroupId> left;
  for (const auto& [id, its_groups] : by_coordinator) {
    auto broker = cluster_->broker(id, wait);
    const auto again = broker ? ask(**broker, its_groups) : std::unexpected(broker.error());
    if (!again && !is_worth_a_retry(again.error())) return again;
    if (!again) trouble = again.error();
    const std::vector<GroupId>& unanswered = again ? *again : its_groups;
    for (const GroupId& group : unanswered) forget(group);
    left.insert(left.end(), unanswered.begin(), unanswered.end());
  }
  return left;
}

Result<Coordinators::Refusals> Coordinators::ask_once(const std::vector<GroupId>& groups,
                                                      const Wait& wait, const Ask& ask) {
  Refusals refused;
  const auto located = locate_once(groups, refused, wait);
  std::vector<GroupId> open;
  for (const GroupId& group : groups) {
    if (known_.contains(group))
      open.push_back(group);
    else if (!located)
      refused.try_emplace(group, located.error());
  }
  if (open.empty() && !located) return std::unexpected(located.error());
  Error trouble = wire::kafka_error(wire::kNotCoordinator, "asking the coordinators of groups");
  KFERRY_TRY(const std::vector<GroupId> left, ask_all(open, wait, ask, trouble));
  for (const GroupId& group : left) refused.try_emplace(group, trouble);
  return refused;
}

Result<Coordinators::Refusals> Coordinators::for_each(const std::vector<GroupId>& groups,
                                                      const Wait& wait, const Ask& ask,
                                                      Asking asking) {
  if (asking == Asking::kOnce) return ask_once(groups, wait, ask);
  std::vector<GroupId> open = groups;
  Refusals all_refused;
  bool all_reached = false;
  const auto round = [&]() -> Result<> {
    all_reached = false;
    KFERRY_TRY(const Refusals refused, locate(open, wait));
    std::erase_if(open, [&](const GroupId& group) { return refused.contains(group); });
    all_refused.insert(refused.begin(), refused.end());
    Error trouble;
    KFERRY_TRY(open, ask_all(open, wait, ask, trouble));
    if (open.empty()) return {};
    all_reached = trouble.message.empty();
    if (!all_reached) return std::unexpected(std::move(trouble));
    return std::unexpected(wire::kafka_error(
        wire::kNotCoordinator, fmt::format("asking the coordinator of group '{}'", open.front())));
  };
  const auto done = with_retry({}, wait, round, is_worth_a_retry);
  if (done) return all_refused;
  KFERRY_CHECK(wait.stop().check("asking the coordinators of groups"));
  if (!all_reached) return std::unexpected(done.error());
  for (const GroupId& group : open)
    all_refused.emplace(group, wire::kafka_error(wire::kNotCoordinator, naming(group)));
  return all_refused;
}

}  // namespace kferry::groupproto
