#include "groupproto/group_state.h"

#include "wire/error_code.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/group_listing.h"

namespace kferry::groupproto {

using wire::ConsumerGroupDescribeRequest;
using wire::ConsumerGroupDescribeResponse;
using wire::DescribeGroupsRequest;
using wire::ListGroupsRequest;

namespace {

constexpr size_t kGroupsPerRequest = 200;

Result<GroupState> read_group(const wire::DescribeGroupsResponse::Group& group) {
  // Brokers from 4.0 on say so of a group they do not know (KIP-1043).
  if (group.error_code == wire::kGroupIdNotFound) return GroupState{"Dead", {}, {}};
  if (group.error_code != wire::kNone)
    return std::unexpected(
        wire::kafka_error(group.error_code, fmt::format("describing group '{}'", group.group_id)));
  GroupState state{group.group_state, group.protocol_type, {}};
  for (const auto& member : group.members)
    state.members.push_back({member.member_id, member.client_id, member.client_host});
  return state;
}

Result<GroupState> read_group(const ConsumerGroupDescribeResponse::Group& group) {
  if (group.error_code != wire::kNone)
    return std::unexpected(
        wire::kafka_error(group.error_code, fmt::format("describing group '{}'", group.group_id)));
  GroupState state{group.group_state, "consumer", {}};
  for (const auto& member : group.members)
    state.members.push_back({member.member_id, member.client_id, member.client_host});
  return state;
}

// Neither a group of the consumer protocol, nor does the broker know that protocol.
bool is_none(int16_t code) {
  return code == wire::kGroupIdNotFound || code == wire::kUnsupportedVersion;
}

// Asks again, about those that are said to be dead.
Result<> ask_of_consumer_protocol(wire::Broker& broker, const std::vector<GroupId>& groups,
                                  StatesByGroup& states, std::vector<GroupId>& again,
                                  const Wait& wait) {
  const auto version = broker.version_of<ConsumerGroupDescribeRequest>();
  if (!version) return {};
  std::vector<ConsumerGroupDescribeRequest> requests;
  for (const GroupId& group : groups) {
    const auto found = states.find(group);
    if (found == states.end() || !found->second || found->second->state != "Dead") continue;
    if (requests.empty() || requests.back().group_ids.size() == kGroupsPerRequest)
      requests.emplace_back();
    requests.back().group_ids.push_back(group);
  }
  KFERRY_TRY(const auto responses, broker.pipeline(requests, *version, wait));
  for (const auto& response : responses)
    for (const auto& group : response.groups) {
      if (is_none(group.error_code)) continue;
      states.insert_or_assign(group.group_id, read_group(group));
      if (is_coordinator_error(group.error_code)) again.push_back(group.group_id);
    }
  return {};
}

Result<std::vector<GroupId>> ask(wire::Broker& broker, const std::vector<GroupId>& groups,
                                 StatesByGroup& states, const Wait& wait) {
  if (!broker.speaks<DescribeGroupsRequest>()) {
    for (const GroupId& group : groups) states.insert_or_assign(group, GroupState{"Dead", {}, {}});
    return std::vector<GroupId>{};
  }
  KFERRY_TRY(const int16_t version, broker.version_of<DescribeGroupsRequest>());
  std::vector<DescribeGroupsRequest> requests;
  for (size_t begin = 0; begin < groups.size(); begin += kGroupsPerRequest) {
    const auto first = groups.begin() + static_cast<std::ptrdiff_t>(begin);
    const size_t count = std::min(kGroupsPerRequest, groups.size() - begin);
    requests.push_back({{first, first + static_cast<std::ptrdiff_t>(count)}, false});
  }
  KFERRY_TRY(const auto responses, broker.pipeline(requests, version, wait));
  std::vector<GroupId> again;
  for (const auto& response : responses) {
    for (const auto& group : response.groups) {
      states.insert_or_assign(group.group_id, read_group(group));
      if (is_coordinator_error(group.error_code)) again.push_back(group.group_id);
    }
  }
  for (const GroupId& group : groups)
    if (!states.contains(group)) again.push_back(group);
  KFERRY_CHECK(ask_of_consumer_protocol(broker, groups, states, again, wait));
  return again;
}

}  // namespace

Result<StatesByGroup> describe_groups(Coordinators& coordinators,
                                      const std::vector<GroupId>& groups, const Wait& wait,
                                      Asking asking) {
  StatesByGroup states;
  const auto ask_broker = [&](wire::Broker& broker, const std::vector<GroupId>& its_groups) {
    return ask(broker, its_groups, states, wait);
  };
  KFERRY_TRY(const auto refused, coordinators.for_each(groups, wait, ask_broker, asking));
  for (const auto& [group, error] : refused) states.try_emplace(group, std::unexpected(error));
  return states;
}

Result<GroupList> list_groups(wire::Cluster& cluster, const Wait& wait) {
  KFERRY_TRY(const auto metadata, cluster.fetch_metadata(std::vector<TopicName>{}, wait));
  GroupList list{{}, true};
  for (const auto& [id, address] : metadata.brokers) {
    KFERRY_TRY(wire::Broker* const broker, cluster.broker(id, wait));
    KFERRY_TRY(const int16_t version, broker->version_of<ListGroupsRequest>());
    KFERRY_TRY(const auto response, broker->call(ListGroupsRequest{}, version, wait));
    if (response.error_code != wire::kNone)
      return std::unexpected(wire::kafka_error(response.error_code,
                                               fmt::format("listing the groups of broker {}", id)));
    if (version < 4) list.has_states = false;
    for (const auto& group : response.groups)
      list.groups.insert_or_assign(
          group.group_id, ListedGroup{group.protocol_type, group.group_state, group.group_type});
  }
  return list;
}

std::string to_string(const std::vector<GroupMember>& members) {
  std::string text;
  for (const GroupMember& member : members)
    text += fmt::format("{}client '{}' on {} (member {})", text.empty() ? "" : ", ",
                        member.client_id, member.client_host, member.id);
  return text;
}

}  // namespace kferry::groupproto
