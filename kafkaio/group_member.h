// How several processes share work: each is a member of one consumer group, subscribed to one topic
// whose partitions stand for slots of the work. Kafka's group coordinator hands the slots out.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/named.h"
#include "kafkaio/config.h"

namespace kferry::kafkaio {

// Reads no record and commits nothing: the topic's partitions are only counted. Slots move with the
// cooperative protocol (KIP-429): those that stay are never revoked, and one that moves reaches its
// new owner only after `on_revoked` has returned at the old one. Except after a loss: then the new
// owner may already have it, so what a slot's owner does must bear a second one for a while.
//
// All calls, and all callbacks, are made by one thread, the owner's, which must call poll() at
// least every session_timeout: a member that does not, hangs or has died, loses its slots after
// that time. All members of the group must be GroupMembers of the same topic.
class GroupMember {
 public:
  using Slots = std::set<Partition>;
  struct Options {
    GroupId group;
    TopicName topic;  // must exist; poll() says so otherwise
    // Within the broker's group.min|max.session.timeout.ms: at least 6 s, unless they are changed.
    Duration session_timeout{10'000};
  };
  struct Callbacks {
    std::function<void(const Slots& added)> on_assigned;
    // The owner stops what it does for these slots before it returns. `lost`: the coordinator has
    // given us up, and others may already be at work.
    std::function<void(const Slots& removed, bool lost)> on_revoked;
  };

  // Begins to join, in the background. kUsage.
  static Result<GroupMember> join(const ClientProperties& properties, const Options& options,
                                  Callbacks callbacks);
  // Without a leave() it leaves here, in 3 s at most; no callback is called.
  ~GroupMember();
  GroupMember(GroupMember&&) noexcept;
  GroupMember& operator=(GroupMember&&) noexcept;

  // Serves what has happened, calling back, and waits for more, `at_most` so long. It returns after
  // each rebalance. After an error polling goes on, for librdkafka keeps trying. kNotAuthorised
  // (READ on group and topic) and kFailed (no such topic, kafka_code 3) say why there are no slots,
  // until that is over; kUnreachable is told once and takes no slot: a loss of those is told by
  // on_revoked.
  Result<> poll(Duration at_most);

  // Those that on_assigned told of and on_revoked did not take back.
  const Slots& slots() const;

  // Gives all slots back (on_revoked, not lost) and leaves the group, so that others have them at
  // once. Afterwards only the destructor may be called. kUnreachable: the others will have to wait
  // for the session timeout.
  Result<> leave(const Wait& wait);

 private:
  struct Impl;
  explicit GroupMember(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kferry::kafkaio
