// A consumer group as its coordinator keeps it, for FakeBrokers to answer from (Kafka:
// GroupCoordinator, as far as kferry can see it).
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "groupproto/group_offsets.h"
#include "groupproto/group_state.h"
#include "tests/support/fake_broker.h"
#include "wire/messages.h"

namespace kferry::test {

// Thread-safe; shared by the brokers that may coordinate the group. Must outlive them.
class FakeGroup {
 public:
  // A request about the group, in the order in which they came to whichever broker.
  struct Event {
    wire::ApiKey api_key;
    int16_t version = 0;
    BrokerId broker;
    Generation generation{-1};
    MemberId member;
    std::chrono::steady_clock::time_point at;
  };

  explicit FakeGroup(GroupId id = GroupId("g")) : id_(std::move(id)) {}

  const GroupId& id() const { return id_; }
  // Makes `broker` answer all requests about groups, NOT_COORDINATOR while another one coordinates.
  void serve(FakeBroker& broker);
  // As `broker` would answer now, with the effect.
  FakeReply handle(const WireRequest& request, BrokerId broker);
  // -1, as it is at first: whichever is asked.
  void coordinator_is(BrokerId id);

  // Somebody else joins: a rebalance is under way, or the next join is not alone.
  void add_member(const groupproto::GroupMember& member);
  // Forgets all members, as when their sessions time out.
  void expel_all();
  // Members that joined through handle() and were not heard of for so long are dropped.
  void expire_after(Duration session);
  void set_offset(const TopicPartition& partition, const groupproto::CommittedOffset& offset);

  std::vector<MemberId> members() const;
  Generation generation() const;
  groupproto::GroupOffsets offsets() const;
  std::vector<Event> events() const;
  std::vector<Event> events(wire::ApiKey api_key) const;
  std::vector<wire::ApiKey> order() const;

 private:
  struct Member {
    groupproto::GroupMember who;
    bool ours = false;
    std::chrono::steady_clock::time_point heard_of;
  };

  FakeReply dispatch(const WireRequest& request, Event& event, bool is_coordinator);
  wire::JoinGroupResponse join(const wire::JoinGroupRequest& request, int16_t version,
                               const std::string& client_id);
  int16_t check(Generation generation, const MemberId& member);
  wire::LeaveGroupResponse leave(const wire::LeaveGroupRequest& request, int16_t version);
  wire::OffsetCommitResponse commit(const wire::OffsetCommitRequest& request, int16_t code);
  wire::OffsetFetchResponse fetch(const wire::OffsetFetchRequest& request, int16_t version,
                                  int16_t code) const;
  wire::DescribeGroupsResponse describe(int16_t code) const;
  std::vector<wire::OffsetFetchResponse::Topic> topics() const;
  void expire();

  const GroupId id_;
  mutable std::mutex mutex_;
  BrokerId coordinator_{-1};
  std::vector<Member> members_;     // in the order in which they joined; the first leads
  std::vector<MemberId> promised_;  // ids that were given out by MEMBER_ID_REQUIRED
  Generation generation_{0};
  bool rebalancing_ = false;
  int next_member_ = 1;
  Duration session_{3'600'000};
  groupproto::GroupOffsets offsets_;
  std::vector<Event> events_;
};

}  // namespace kferry::test
