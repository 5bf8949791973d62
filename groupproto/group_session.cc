#include "groupproto/group_session.h"

#include "base/log.h"
#include "base/test_hook.h"
#include "groupproto/consumer_protocol.h"
#include "wire/error_code.h"
#include "wire/messages/group_membership.h"

namespace kferry::groupproto {

using wire::HeartbeatRequest;
using wire::JoinGroupRequest;
using wire::JoinGroupResponse;
using wire::LeaveGroupRequest;
using wire::SyncGroupRequest;

namespace {

constexpr const char* kProtocolType = "consumer";
// The assignor that every Kafka client has: a real consumer that joins finds a protocol in common.
constexpr const char* kAssignor = "range";
constexpr Duration kLeaveTimeout{5'000};

std::unexpected<Error> group_error(int16_t code, std::string_view doing, const GroupId& group) {
  return std::unexpected(wire::kafka_error(code, fmt::format("{} group '{}'", doing, group)));
}

}  // namespace

GroupSession::GroupSession(Coordinators& coordinators, const GroupId& group,
                           const SessionConfig& config)
    : coordinators_(&coordinators), group_(group), config_(config) {}

GroupSession::~GroupSession() {
  if (const auto left = leave(); !left)
    log::warn("could not leave the group; its broker drops us after the session timeout",
              {{"group", group_.value()}, {"error", left.error().message}});
}

Result<std::unique_ptr<GroupSession>> GroupSession::join(
    Coordinators& coordinators, const GroupId& group, const std::vector<TopicPartition>& partitions,
    const SessionConfig& config, const Wait& wait) {
  std::unique_ptr<GroupSession> session(new GroupSession(coordinators, group, config));
  KFERRY_CHECK(session->join_and_sync(partitions, wait.at_most(config.join_timeout)));
  session->heartbeats_ = std::jthread([raw = session.get()] { raw->heartbeat_loop(); });
  return session;
}

Result<> GroupSession::join_and_sync(const std::vector<TopicPartition>& partitions,
                                     const Wait& wait) {
  const std::lock_guard lock(mutex_);
  state_ = SessionState::kJoining;
  const auto elsewhere = [&](const Error& error) { return retry_elsewhere(error); };
  KFERRY_CHECK(with_retry(
      {}, wait, [&] { return join_group(partitions, wait); }, elsewhere));
  test_hook("session.joined");
  state_ = SessionState::kSyncing;
  KFERRY_CHECK(with_retry(
      {}, wait, [&] { return sync_group(partitions, wait); }, elsewhere));
  test_hook("session.synced");
  state_ = SessionState::kStable;
  return {};
}

Result<> GroupSession::join_group(const std::vector<TopicPartition>& partitions, const Wait& wait) {
  KFERRY_TRY(wire::Broker* const broker, coordinators_->of(group_, wait));
  KFERRY_TRY(const int16_t version, broker->version_of<JoinGroupRequest>());
  JoinGroupRequest request;
  request.group_id = group_;
  request.session_timeout_ms = static_cast<int32_t>(config_.session_timeout.count());
  if (version >= 1) request.rebalance_timeout_ms = request.session_timeout_ms;
  request.member_id = member_;
  request.protocol_type = kProtocolType;
  request.protocols.push_back({kAssignor, {encode_subscription(partitions)}});
  if (version >= 8) request.reason = "kferry is migrating the group's offsets";
  KFERRY_TRY(const JoinGroupResponse response, broker->call(request, version, wait));

  // KIP-394: now with the id we were given; a broker asks for that once.
  if (response.error_code == wire::kMemberIdRequired && member_.value().empty() &&
      !response.member_id.value().empty()) {
    member_ = response.member_id;
    return join_group(partitions, wait);
  }
  if (is_coordinator_error(response.error_code)) coordinators_->forget(group_);
  if (response.error_code == wire::kUnknownMemberId) member_ = MemberId();
  if (response.error_code == wire::kInconsistentGroupProtocol)
    return fail(ErrorKind::kRefused,
                fmt::format("group '{}' has members with another protocol; kferry does not join it",
                            group_),
                "stop them, or find out what uses this group id");
  if (response.error_code != wire::kNone)
    return group_error(response.error_code, "joining", group_);
  member_ = response.member_id;
  generation_ = response.generation_id;
  protocol_name_ = response.protocol_name.value_or(kAssignor);
  const bool alone = response.leader == member_ && response.members.size() == 1;
  if (!alone) return std::unexpected(lose(wire::kRebalanceInProgress, wait));
  return {};
}

Result<> GroupSession::sync_group(const std::vector<TopicPartition>& partitions, const Wait& wait) {
  KFERRY_TRY(wire::Broker* const broker, coordinators_->of(group_, wait));
  KFERRY_TRY(const int16_t version, broker->version_of<SyncGroupRequest>());
  SyncGroupRequest request;
  request.group_id = group_;
  request.generation_id = generation_;
  request.member_id = member_;
  if (version >= 5) {
    request.protocol_type = kProtocolType;
    request.protocol_name = protocol_name_;
  }
  request.assignments.push_back({member_, {encode_assignment(partitions)}});
  KFERRY_TRY(const auto response, broker->call(request, version, wait));
  if (is_coordinator_error(response.error_code)) {
    coordinators_->forget(group_);
    return group_error(response.error_code, "syncing", group_);
  }
  if (response.error_code != wire::kNone) return std::unexpected(lose(response.error_code, wait));
  return {};
}

// The coordinator's answer to a heartbeat is the proof that the group is still ours: an answer of 0
// means that our generation is current and no rebalance is under way.
Result<> GroupSession::heartbeat(const Wait& wait) {
  KFERRY_CHECK(still_held());
  const auto once = [&]() -> Result<> {
    KFERRY_TRY(wire::Broker* const broker, coordinators_->of(group_, wait));
    HeartbeatRequest request;
    request.group_id = group_;
    request.generation_id = generation_;
    request.member_id = member_;
    KFERRY_TRY(const auto response, broker->call(request, wait));
    if (response.error_code == wire::kNone) return {};
    if (is_coordinator_error(response.error_code)) {
      coordinators_->forget(group_);
      return group_error(response.error_code, "heartbeat of", group_);
    }
    return std::unexpected(lose(response.error_code, wait));
  };
  return with_retry({}, wait, once, [&](const Error& error) { return retry_elsewhere(error); });
}

// Whether the same request may succeed with the coordinator that a new search finds. A lost session
// is over.
bool GroupSession::retry_elsewhere(const Error& error) {
  const bool unreachable = error.kind == ErrorKind::kUnreachable;
  if (unreachable) coordinators_->forget(group_);
  return state_ != SessionState::kLost &&
         (unreachable || is_coordinator_error(static_cast<int16_t>(error.kafka_code)) ||
          error.kafka_code == wire::kUnknownMemberId);
}

Result<> GroupSession::still_held() const {
  switch (state_) {
    case SessionState::kStable:
      return {};
    case SessionState::kLost:
      return std::unexpected(lost_);
    default:
      return fail(ErrorKind::kFailed, fmt::format("kferry is not a member of group '{}'", group_));
  }
}

Result<> GroupSession::check(const Wait& wait) {
  const std::lock_guard lock(mutex_);
  return heartbeat(wait.at_most(config_.session_timeout));
}

// The session is over: finds out who is to blame, for the operator.
Error GroupSession::lose(int16_t code, const Wait& wait) {
  state_ = SessionState::kLost;
  std::string who;
  const Wait short_wait = wait.at_most(kLeaveTimeout);
  if (auto states = describe_groups(*coordinators_, {group_}, short_wait)) {
    const auto found = states->find(group_);
    if (found != states->end() && found->second) {
      std::erase_if(found->second->members,
                    [&](const GroupMember& one) { return one.id == member_; });
      who = to_string(found->second->members);
    }
  }
  lost_ = Error{ErrorKind::kRefused, {}, "stop that consumer, then plan again", code};
  const auto& row = wire::error_row(code);
  if (!who.empty())
    lost_.message = fmt::format("group '{}' is not ours alone: {} joined", group_, who);
  else
    lost_.message =
        fmt::format("kferry lost group '{}': {} ({}): {}", group_, row.name, code, row.description);
  return lost_;
}

void GroupSession::heartbeat_loop() {
  std::unique_lock lock(mutex_);
  while (!stop_heartbeats_ && state_ == SessionState::kStable) {
    if (wake_.wait_for(lock, config_.heartbeat_interval, [this] { return stop_heartbeats_; }))
      return;
    const auto held = heartbeat(Wait::uninterruptible(config_.session_timeout));
    if (!held)
      log::warn("heartbeat failed", {{"group", group_.value()}, {"error", held.error().message}});
  }
}

Result<CommitResults> GroupSession::commit_once(const std::vector<OffsetToCommit>& offsets,
                                                const CommitOptions& options, const Wait& wait) {
  KFERRY_CHECK(still_held());
  KFERRY_TRY(wire::Broker* const broker, coordinators_->of(group_, wait));
  KFERRY_TRY(CommitResults results,
             commit_offsets(*broker, {group_, generation_, member_}, offsets, options, wait));
  for (const auto& [partition, code] : results) {
    if (is_coordinator_error(code)) {
      coordinators_->forget(group_);
      return group_error(code, "committing to", group_);
    }
    if (code == wire::kIllegalGeneration || code == wire::kUnknownMemberId ||
        code == wire::kRebalanceInProgress)
      return std::unexpected(lose(code, wait));
  }
  return results;
}

Result<CommitResults> GroupSession::commit(const std::vector<OffsetToCommit>& offsets,
                                           const CommitOptions& options, const Wait& wait) {
  const std::lock_guard lock(mutex_);
  std::vector<OffsetToCommit> open = offsets;
  CommitResults all;
  bool answer_was_lost = false;
  const auto once = [&]() -> Result<> {
    if (answer_was_lost) {
      std::vector<TopicPartition> partitions;
      for (const auto& one : open) partitions.push_back(one.partition);
      KFERRY_TRY(auto by_group, fetch_kafka_offsets(*coordinators_, {{group_, partitions}}, wait));
      KFERRY_TRY(const GroupOffsets now, std::move(by_group.at(group_)));
      std::erase_if(open, [&](const OffsetToCommit& one) {
        const auto found = now.find(one.partition);
        const bool there = found != now.end() && found->second.offset == one.offset &&
                           found->second.metadata == one.metadata;
        if (there) all[one.partition] = wire::kNone;
        return there;
      });
    }
    if (open.empty()) return {};
    answer_was_lost = true;
    KFERRY_TRY(const CommitResults results, commit_once(open, options, wait));
    answer_was_lost = false;
    for (const auto& [partition, code] : results) all[partition] = code;
    open.clear();
    return {};
  };
  KFERRY_CHECK(with_retry({}, wait.at_most(config_.session_timeout), once,
                          [&](const Error& error) { return retry_elsewhere(error); }));
  return all;
}

Result<GroupOffsets> GroupSession::fetch(const std::vector<TopicPartition>& partitions,
                                         const Wait& wait) {
  const std::lock_guard lock(mutex_);
  KFERRY_TRY(auto by_group, fetch_kafka_offsets(*coordinators_, {{group_, partitions}}, wait));
  return std::move(by_group.at(group_));
}

Result<> GroupSession::leave() {
  {
    const std::lock_guard lock(mutex_);
    stop_heartbeats_ = true;
  }
  wake_.notify_all();
  if (heartbeats_.joinable()) heartbeats_.join();
  const std::lock_guard lock(mutex_);
  const bool member = !member_.value().empty() && state_ != SessionState::kLeft;
  if (!member) return {};
  state_ = SessionState::kLeft;
  const Wait wait = Wait::uninterruptible(kLeaveTimeout);
  return with_retry(
      {}, wait, [&] { return send_leave(wait); },
      [&](const Error& error) { return retry_elsewhere(error); });
}

Result<> GroupSession::send_leave(const Wait& wait) {
  KFERRY_TRY(wire::Broker* const broker, coordinators_->of(group_, wait));
  KFERRY_TRY(const int16_t version, broker->version_of<LeaveGroupRequest>());
  LeaveGroupRequest request;
  request.group_id = group_;
  if (version < 3)
    request.member_id = member_;
  else
    request.members.push_back({member_, {}, {}});
  if (version >= 5) request.members.front().reason = "kferry is done";
  KFERRY_TRY(const auto response, broker->call(request, version, wait));
  int16_t code = response.error_code;
  if (code == wire::kNone && !response.members.empty()) code = response.members.front().error_code;
  if (is_coordinator_error(code)) coordinators_->forget(group_);
  // Not known there any more: we are out, which is what we wanted.
  if (code == wire::kNone || code == wire::kUnknownMemberId) return {};
  return group_error(code, "leaving", group_);
}

}  // namespace kferry::groupproto
