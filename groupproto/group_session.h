// Holding a group: being its only member through JoinGroup, SyncGroup, Heartbeat and LeaveGroup, so
// that nobody else can consume or commit while offsets are written (KIP-62, KIP-394; Kafka:
// GroupCoordinator).
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/interrupt.h"
#include "base/named.h"
#include "base/result.h"
#include "groupproto/group_offsets.h"
#include "groupproto/group_state.h"

namespace kferry::wire {
struct JoinGroupResponse;
}

namespace kferry::groupproto {

struct SessionConfig {
  // The broker accepts group.min.session.timeout.ms to group.max.session.timeout.ms: 6 s to 30 s
  // (up to 2.x) or 30 min by default. If kferry dies, the group is held that long.
  Duration session_timeout{10'000};
  Duration heartbeat_interval{2'000};
  // Bounds the join as a whole; the broker itself waits group.initial.rebalance.delay.ms (3 s)
  // first.
  Duration join_timeout{60'000};
};

enum class SessionState {
  kUnjoined,  // not a member
  kJoining,   // JoinGroup is under way; the coordinator may have given us a member id
  kSyncing,   // in a generation, as its leader and only member; the assignment is not confirmed yet
  kStable,    // holding the group; the heartbeat thread runs
  kLost,  // the coordinator no longer counts us as the only member of our generation; see `lost()`
  kLeft,  // we left; nothing more can be done with this session
};

// The invariant: while state is kStable and `check()` succeeds, the coordinator knows exactly one
// member, us, and any commit by another member or generation is rejected by it. `cluster`, through
// `coordinators`, is used by the heartbeat thread too: nobody else may touch them between join()
// and leave(). The members are safe to call from one thread while the heartbeat thread runs. What
// one call may wait, besides its `wait`, is the session timeout: heartbeats wait for it meanwhile.
class GroupSession {
 public:
  // Joins `group` as the only member, subscribed to `partitions`' topics and assigned all of them.
  // kRefused: the group has another member (named), or speaks another protocol. kNotAuthorised.
  // kFailed with kUnsupportedVersion: the broker has no group protocol (0.8). On every error we
  // have left, but for a join of version 0 to 3 whose answer was lost: it made a member that only
  // its session timeout removes. A second join waits for that.
  static Result<std::unique_ptr<GroupSession>> join(Coordinators& coordinators,
                                                    const GroupId& group,
                                                    const std::vector<TopicPartition>& partitions,
                                                    const SessionConfig& config, const Wait& wait);
  // Leaves when still a member, without waiting long.
  ~GroupSession();
  GroupSession(const GroupSession&) = delete;
  GroupSession& operator=(const GroupSession&) = delete;

  const MemberId& member() const { return member_; }
  Generation generation() const { return generation_; }

  // Sends a heartbeat now: succeeds when we still hold the group. kRefused with the name of whoever
  // joined, kUnreachable when the coordinator cannot be asked within the session timeout.
  Result<> check(const Wait& wait);

  // Commits as this member in this generation. When an answer is lost, reads back and commits again
  // only what is not there. Follows a coordinator that moves. A code per partition; kRefused as for
  // check().
  Result<CommitResults> commit(const std::vector<OffsetToCommit>& offsets,
                               const CommitOptions& options, const Wait& wait);

  // What Kafka has for this group now.
  Result<GroupOffsets> fetch(const std::vector<TopicPartition>& partitions, const Wait& wait);

  // LeaveGroup, confirmed by the coordinator. Works after a stop was requested. Idempotent.
  Result<> leave();

 private:
  GroupSession(Coordinators& coordinators, const GroupId& group, const SessionConfig& config);

  Result<> join_and_sync(const std::vector<TopicPartition>& partitions, const Wait& wait);
  Result<> join_group(const std::vector<TopicPartition>& partitions, const Wait& wait);
  Result<> accept_join(const wire::JoinGroupResponse& response, const Wait& wait);
  Error explain_join(Error error, const StopToken& stop);
  Result<> sync_group(const std::vector<TopicPartition>& partitions, const Wait& wait);
  Result<> heartbeat(const Wait& wait);
  bool retry_elsewhere(const Error& error);
  Result<> still_held() const;
  Result<CommitResults> commit_once(const std::vector<OffsetToCommit>& offsets,
                                    const CommitOptions& options, const Wait& wait);
  Result<> send_leave(const Wait& wait);
  Error lose(int16_t code, const Wait& wait);
  std::vector<GroupMember> others(const Wait& wait);
  void heartbeat_loop();

  Coordinators* coordinators_;
  const GroupId group_;
  const SessionConfig config_;
  MemberId member_;
  Generation generation_{-1};
  std::string protocol_name_;
  bool ghost_possible_ = false;  // a member of ours may be in the group whose id we never learned
  bool waiting_for_ghost_ = false;  // the last join met one
  StopToken leaving_;               // ends the heartbeats, also one that is under way

  std::mutex mutex_;  // guards everything below, and the use of coordinators_ and its connections
  SessionState state_ = SessionState::kUnjoined;
  Error lost_;  // why, when state_ is kLost
  std::condition_variable wake_;
  std::jthread heartbeats_;
};

}  // namespace kferry::groupproto
