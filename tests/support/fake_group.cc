#include "tests/support/fake_group.h"

#include <algorithm>

#include "wire/error_code.h"

namespace kferry::test {

using wire::ApiKey;
using Clock = std::chrono::steady_clock;

void FakeGroup::serve(FakeBroker& broker) {
  for (const ApiKey key :
       {ApiKey::kJoinGroup, ApiKey::kSyncGroup, ApiKey::kHeartbeat, ApiKey::kLeaveGroup,
        ApiKey::kOffsetCommit, ApiKey::kOffsetFetch, ApiKey::kDescribeGroups})
    broker.on(key,
              [this, id = broker.id()](const WireRequest& request) { return handle(request, id); });
}

FakeReply FakeGroup::handle(const WireRequest& request, BrokerId broker) {
  const std::lock_guard lock(mutex_);
  expire();
  Event event{request.api_key(), request.version(), broker, Generation(-1), {}, Clock::now()};
  const bool is_coordinator = coordinator_.value() < 0 || coordinator_ == broker;
  FakeReply reply = dispatch(request, event, is_coordinator);
  events_.push_back(event);
  for (Member& member : members_)
    if (member.who.id == event.member) member.heard_of = Clock::now();
  return reply;
}

FakeReply FakeGroup::dispatch(const WireRequest& request, Event& event, bool is_coordinator) {
  const int16_t wrong = is_coordinator ? wire::kNone : wire::kNotCoordinator;
  const int16_t version = request.version();
  switch (request.api_key()) {
    case ApiKey::kJoinGroup: {
      const auto asked = request.as<wire::JoinGroupRequest>();
      event.member = asked.member_id;
      wire::JoinGroupResponse response;
      response.error_code = wrong;
      if (version < 7) response.protocol_name = "";
      if (wrong == wire::kNone) response = join(asked, version, request.header.client_id);
      return reply_with(response, request);
    }
    case ApiKey::kSyncGroup: {
      const auto asked = request.as<wire::SyncGroupRequest>();
      event.member = asked.member_id;
      event.generation = asked.generation_id;
      wire::SyncGroupResponse response;
      response.error_code = wrong != wire::kNone ? wrong : check(event.generation, event.member);
      return reply_with(response, request);
    }
    case ApiKey::kHeartbeat: {
      const auto asked = request.as<wire::HeartbeatRequest>();
      event.member = asked.member_id;
      event.generation = asked.generation_id;
      wire::HeartbeatResponse response;
      response.error_code = wrong != wire::kNone ? wrong : check(event.generation, event.member);
      return reply_with(response, request);
    }
    case ApiKey::kLeaveGroup: {
      const auto asked = request.as<wire::LeaveGroupRequest>();
      event.member = version < 3 ? asked.member_id : asked.members.at(0).member_id;
      wire::LeaveGroupResponse response;
      response.error_code = wrong;
      return reply_with(wrong == wire::kNone ? leave(asked, version) : response, request);
    }
    case ApiKey::kOffsetCommit: {
      const auto asked = request.as<wire::OffsetCommitRequest>();
      event.member = asked.member_id;
      event.generation = asked.generation_id_or_member_epoch;
      int16_t code = wrong;
      if (code == wire::kNone) code = check(event.generation, event.member);
      if (code == wire::kRebalanceInProgress) code = wire::kNone;  // as in PreparingRebalance
      return reply_with(commit(asked, code), request);
    }
    case ApiKey::kOffsetFetch:
      return reply_with(fetch(request.as<wire::OffsetFetchRequest>(), version, wrong), request);
    default:
      return reply_with(describe(wrong), request);
  }
}

wire::JoinGroupResponse FakeGroup::join(const wire::JoinGroupRequest& request, int16_t version,
                                        const std::string& client_id) {
  wire::JoinGroupResponse response;
  if (version < 7) response.protocol_name = "";
  response.member_id = request.member_id;
  const bool is_new = request.member_id.value().empty();
  if (is_new) response.member_id = MemberId(fmt::format("{}-{}", client_id, next_member_++));
  if (is_new && version >= 4) {
    promised_.push_back(response.member_id);
    response.error_code = wire::kMemberIdRequired;
    return response;
  }
  const auto same = [&](const Member& one) { return one.who.id == response.member_id; };
  if (std::ranges::none_of(members_, same)) {
    if (!is_new && std::erase(promised_, response.member_id) == 0) {
      response.error_code = wire::kUnknownMemberId;
      return response;
    }
    members_.push_back({{response.member_id, client_id, "/127.0.0.1"}, true, Clock::now()});
  }
  generation_ = Generation(generation_.value() + 1);
  rebalancing_ = false;
  response.generation_id = generation_;
  response.leader = members_.front().who.id;
  if (version >= 7) response.protocol_type = request.protocol_type;
  response.protocol_name = request.protocols.at(0).name;
  if (response.leader == response.member_id)
    for (const Member& one : members_) response.members.push_back({one.who.id, {}, {}});
  return response;
}

int16_t FakeGroup::check(Generation generation, const MemberId& member) {
  if (generation.value() < 0 && member.value().empty())
    return members_.empty() ? wire::kNone : wire::kUnknownMemberId;
  if (std::ranges::none_of(members_, [&](const Member& one) { return one.who.id == member; }))
    return wire::kUnknownMemberId;
  if (generation != generation_) return wire::kIllegalGeneration;
  return rebalancing_ ? wire::kRebalanceInProgress : wire::kNone;
}

wire::LeaveGroupResponse FakeGroup::leave(const wire::LeaveGroupRequest& request, int16_t version) {
  wire::LeaveGroupResponse response;
  const MemberId id = version < 3 ? request.member_id : request.members.at(0).member_id;
  const auto gone = std::erase_if(members_, [&](const Member& one) { return one.who.id == id; }) +
                    std::erase(promised_, id);
  const int16_t code = gone > 0 ? wire::kNone : wire::kUnknownMemberId;
  if (version < 3)
    response.error_code = code;
  else
    response.members.push_back({id, {}, code});
  return response;
}

wire::OffsetCommitResponse FakeGroup::commit(const wire::OffsetCommitRequest& request,
                                             int16_t code) {
  wire::OffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    auto& to = response.topics.emplace_back();
    to.name = topic.name;
    for (const auto& one : topic.partitions) {
      to.partitions.push_back({one.partition_index, code});
      if (code == wire::kNone)
        offsets_[{topic.name, one.partition_index}] = {one.committed_offset,
                                                       one.committed_metadata.value_or("")};
    }
  }
  return response;
}

std::vector<wire::OffsetFetchResponse::Topic> FakeGroup::topics() const {
  std::vector<wire::OffsetFetchResponse::Topic> all;
  for (const auto& [partition, committed] : offsets_) {
    if (all.empty() || all.back().name != partition.topic)
      all.emplace_back().name = partition.topic;
    auto& one = all.back().partitions.emplace_back();
    one.partition_index = partition.partition;
    one.committed_offset = committed.offset.value();
    one.metadata = committed.metadata;
  }
  return all;
}

wire::OffsetFetchResponse FakeGroup::fetch(const wire::OffsetFetchRequest& request, int16_t version,
                                           int16_t code) const {
  wire::OffsetFetchResponse response;
  if (version >= 8) {
    response.groups.push_back({id_, code == 0 ? topics() : decltype(topics()){}, code});
    return response;
  }
  response.topics = topics();
  response.error_code = code;
  if (version >= 2) return response;
  response.topics.clear();
  for (const auto& topic : request.topics.value()) {
    auto& to = response.topics.emplace_back();
    to.name = topic.name;
    for (const Partition partition : topic.partition_indexes) {
      const auto found = offsets_.find({topic.name, partition});
      const int64_t offset = found == offsets_.end() ? -1 : found->second.offset.value();
      const std::string metadata = found == offsets_.end() ? "" : found->second.metadata;
      to.partitions.push_back({partition, offset, -1, metadata, code});
    }
  }
  return response;
}

wire::DescribeGroupsResponse FakeGroup::describe(int16_t code) const {
  wire::DescribeGroupsResponse response;
  auto& group = response.groups.emplace_back();
  group.group_id = id_;
  group.error_code = code;
  group.group_state = members_.empty() ? "Empty" : rebalancing_ ? "PreparingRebalance" : "Stable";
  group.protocol_type = "consumer";
  for (const Member& one : members_)
    group.members.push_back({one.who.id, {}, one.who.client_id, one.who.client_host, {}, {}});
  return response;
}

void FakeGroup::coordinator_is(BrokerId id) {
  const std::lock_guard lock(mutex_);
  coordinator_ = id;
}

void FakeGroup::add_member(const groupproto::GroupMember& member) {
  const std::lock_guard lock(mutex_);
  rebalancing_ = !members_.empty();
  members_.push_back({member, false, Clock::now()});
}

void FakeGroup::expel_all() {
  const std::lock_guard lock(mutex_);
  members_.clear();
}

void FakeGroup::expire_after(Duration session) {
  const std::lock_guard lock(mutex_);
  session_ = session;
}

void FakeGroup::expire() {
  std::erase_if(members_, [&](const Member& one) {
    return one.ours && Clock::now() - one.heard_of > session_;
  });
}

void FakeGroup::set_offset(const TopicPartition& partition,
                           const groupproto::CommittedOffset& offset) {
  const std::lock_guard lock(mutex_);
  offsets_[partition] = offset;
}

std::vector<MemberId> FakeGroup::members() const {
  const std::lock_guard lock(mutex_);
  std::vector<MemberId> ids;
  for (const Member& one : members_) ids.push_back(one.who.id);
  return ids;
}

Generation FakeGroup::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

groupproto::GroupOffsets FakeGroup::offsets() const {
  const std::lock_guard lock(mutex_);
  return offsets_;
}

std::vector<FakeGroup::Event> FakeGroup::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

std::vector<FakeGroup::Event> FakeGroup::events(ApiKey api_key) const {
  std::vector<Event> some = events();
  std::erase_if(some, [&](const Event& one) { return one.api_key != api_key; });
  return some;
}

std::vector<ApiKey> FakeGroup::order() const {
  std::vector<ApiKey> keys;
  for (const Event& one : events()) keys.push_back(one.api_key);
  return keys;
}

}  // namespace kferry::test
