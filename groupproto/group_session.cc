#include "groupproto/group_session.h"

#include <algorithm>

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
// A broker answers a join when all members have joined or their time is over; then it needs some
// itself (Kafka: JoinGroupRequest's timeout in AbstractCoordinator).
constexpr Duration kJoinSlack{5'000};
// So that a heartbeat to a coordinator that hangs leaves time to find another one.
constexpr int kHeartbeatAttempts = 3;

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
  const auto again = [&](const Error& error) {
    return std::exchange(waiting_for_ghost_, false) || retry_elsewhere(error);
  };
  const auto joined = with_retry(
      {}, wait, [&] { return join_group(partitions, wait); }, again);
  if (!joined) return std::unexpected(explain_join(joined.error(), wait.stop()));
  test_hook("session.joined");
  state_ = SessionState::kSyncing;
  KFERRY_CHECK(with_retry(
      {}, wait, [&] { return sync_group(partitions, wait); }, again));
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
  const Duration patience =
      std::max(coordinators_->config().request_timeout, config_.session_timeout + kJoinSlack);
  const auto response = broker->call_held(request, version, wait.at_most(patience));
  if (!response) {
    ghost_possible_ = ghost_possible_ || member_.value().empty();
    return std::unexpected(response.error());
  }
  // KIP-394: now with the id we were given; a broker asks for that once.
  if (response->error_code == wire::kMemberIdRequired && member_.value().empty() &&
      !response->member_id.value().empty()) {
    member_ = response->member_id;
    return join_group(partitions, wait);
  }
  return accept_join(*response, wait);
}

Result<> GroupSession::accept_join(const JoinGroupResponse& response, const Wait& wait) {
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
  if (alone) return {};
  const auto is_ours = [&](const GroupMember& one) {
    return one.client_id == coordinators_->config().client_id;
  };
  if (!ghost_possible_ || !std::ranges::all_of(others(wait.at_most(kLeaveTimeout)), is_ours))
    return std::unexpected(lose(wire::kRebalanceInProgress, wait));
  // Nobody answers for the ghost, so that its session times out; the next join waits for that.
  KFERRY_CHECK(send_leave(wait));
  member_ = MemberId();
  generation_ = Generation(-1);
  waiting_for_ghost_ = true;
  return fail(ErrorKind::kRefused,
              fmt::format("group '{}' has another member whose client is called '{}'", group_,
                          coordinators_->config().client_id),
              "wait until its session times out, or stop the other kferry");
}

// A join that is not answered in time is usually waiting for another member to join again.
Error GroupSession::explain_join(Error error, const StopToken& stop) {
  if (error.kind != ErrorKind::kUnreachable || stop.stop_requested()) return error;
  std::vector<GroupMember> there = others(Wait(Deadline::after(kLeaveTimeout), stop));
  if (ghost_possible_)
    std::erase_if(there, [&](const GroupMember& one) {
      return one.client_id == coordinators_->config().client_id;
    });
  if (there.empty()) return error;
  return Error{ErrorKind::kRefused,
               fmt::format("group '{}' did not let kferry join in time: {} is in it", group_,
                           to_string(there)),
               "stop that consumer, then plan again", error.kafka_code};
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
  const auto one_attempt = [&] {
    return wait.at_most(config_.session_timeout / kHeartbeatAttempts);
  };
  const auto once = [&]() -> Result<> {
    KFERRY_TRY(wire::Broker* const broker, coordinators_->of(group_, one_attempt()));
    HeartbeatRequest request;
    request.group_id = group_;
    request.generation_id = generation_;
    request.member_id = member_;
    KFERRY_TRY(const auto response, broker->call(request, one_attempt()));
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
  lost_ = wire::kafka_error(code, fmt::format("kferry lost group '{}'", group_));
  if (lost_.kind == ErrorKind::kNotAuthorised) return lost_;
  lost_.kind = ErrorKind::kRefused;
  lost_.hint = "find out who else uses this group, then plan again";
  const std::vector<GroupMember> who = others(wait.at_most(kLeaveTimeout));
  if (who.empty()) return lost_;
  lost_.message = fmt::format("group '{}' is not ours alone: {} joined", group_, to_string(who));
  lost_.hint = "stop that consumer, then plan again";
  return lost_;
}

// Empty also when the coordinator does not tell.
std::vector<GroupMember> GroupSession::others(const Wait& wait) {
  auto states = describe_groups(*coordinators_, {group_}, wait);
  if (!states || !states->at(group_)) return {};
  std::vector<GroupMember> members = std::move(states->at(group_)->members);
  std::erase_if(members, [&](const GroupMember& one) { return one.id == member_; });
  return members;
}

void GroupSession::heartbeat_loop() {
  std::unique_lock lock(mutex_);
  const auto leaving = [this] { return leaving_.stop_requested(); };
  while (!leaving() && state_ == SessionState::kStable) {
    if (wake_.wait_for(lock, config_.heartbeat_interval, leaving)) return;
    const auto held = heartbeat(Wait(Deadline::after(config_.session_timeout), leaving_));
    if (!held && !leaving())
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
    // REQUEST_TIMED_OUT: written, but not by all replicas in time. It may stand nevertheless.
    if (is_coordinator_error(code) || code == wire::kRequestTimedOut) {
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
                                           const CommitOptions& options, const Wait& whole_wait) {
  const std::lock_guard lock(mutex_);
  const Wait wait = whole_wait.at_most(config_.session_timeout);
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
  KFERRY_CHECK(
      with_retry({}, wait, once, [&](const Error& error) { return retry_elsewhere(error); }));
  return all;
}

Result<GroupOffsets> GroupSession::fetch(const std::vector<TopicPartition>& partitions,
                                         const Wait& wait) {
  const std::lock_guard lock(mutex_);
  KFERRY_TRY(auto by_group, fetch_kafka_offsets(*coordinators_, {{group_, partitions}},
                                                wait.at_most(config_.session_timeout)));
  return std::move(by_group.at(group_));
}

Result<> GroupSession::leave() {
  leaving_.request_stop();
  {
    const std::lock_guard lock(mutex_);  // the heartbeat thread waits, or has not looked yet
    wake_.notify_all();
  }
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
