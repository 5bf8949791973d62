// Everything that a decision about a group rests on, gathered once by migrate/preflight.h and then
// only looked at: the planner is a pure function of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "groupproto/group_offsets.h"
#include "groupproto/group_state.h"
#include "wire/cluster.h"
#include "wire/log_range.h"
#include "zkoffsets/snapshot.h"

namespace kferry::migrate {

// What kferry noted when it migrated the group earlier (migrate/receipt.h).
struct Receipt {
  Offset offset;      // that it committed for the partition
  int64_t mzxid = 0;  // of the offset znode it came from; 0: that was read through a broker
  std::optional<ZookeeperOffset> zookeeper_offset = {};  // what stood there; noted without an mzxid
};
using Receipts = std::map<TopicPartition, Receipt>;

// A group's offset znodes, sampled again and again.
struct Quiescence {
  int64_t samples = 0;
  int64_t sampled_for_ms = 0;
  std::vector<std::string> changed_paths;  // any at all: somebody is still committing
};

struct GroupFacts {
  zkoffsets::GroupSnapshot zookeeper;
  std::vector<zkoffsets::ExternalLayout> external;  // where it is kept, outside /consumers
  std::optional<std::string> team;
  std::optional<zkoffsets::Convention> configured_convention;
  std::set<TopicName> asked_topics;  // of which brokers were asked by name
  Result<groupproto::GroupState> state = groupproto::GroupState{"Dead", {}, {}};
  Result<groupproto::GroupOffsets> kafka = groupproto::GroupOffsets{};
  // OffsetFetch version 0 through a broker: the second, independent read. nullopt: not possible
  // here.
  std::optional<Result<groupproto::GroupOffsets>> broker_read;
  Quiescence quiescence;
  Receipts receipts;
};

struct Facts {
  int64_t gathered_at_ms = 0;
  std::string zookeeper;        // connect string; empty: all was read through the brokers
  std::string zookeeper_login;  // who reads there: ZkClient::login_text()
  std::string bootstrap_servers;
  std::optional<std::string> cluster_id;
  std::optional<int64_t> offsets_retention_ms;
  std::string why_no_broker_read;  // set when broker_read is nullopt everywhere
  std::map<TopicName, wire::TopicInfo> topics;
  std::map<TopicPartition, wire::LogRange> log_ranges;
  std::vector<GroupFacts> groups;  // ordered by group
};

}  // namespace kferry::migrate
