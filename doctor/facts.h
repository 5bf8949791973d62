// Everything that `kferry doctor` judges by: gathered once by doctor/gather.h, then only looked at
// by doctor/judge.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "doctor/rights.h"
#include "groupproto/group_offsets.h"
#include "groupproto/group_state.h"
#include "kafkaio/topic_admin.h"
#include "replicate/flow_state.h"
#include "wire/address.h"
#include "wire/log_range.h"

namespace kferry::doctor {

// What we may do to a resource, as the brokers tell (KIP-430). nullopt: they do not tell, because
// they are older than 2.3 or because we may not even DESCRIBE it.
using Operations = std::optional<std::set<wire::AclOperation>>;

struct BrokerFacts {
  BrokerId id;
  wire::Address address;        // as it is advertised
  Result<std::string> version;  // "2.8 or later", by what it speaks; or why it cannot be reached
};

// Two clocks, read at about the same time.
struct ClockFacts {
  std::string whose;        // "broker 1"
  int64_t ahead_of_ms = 0;  // by how much it is ahead of the other; negative: behind
  std::string other;        // "ZooKeeper", "this machine"
  int64_t uncertain_ms = 0;
  std::string how;  // how both were read
};

// How fast somebody may be (KIP-13, KIP-546).
struct QuotaFacts {
  std::map<std::string, std::optional<std::string>> entity;  // "user" -> its name; nullopt: default
  std::map<std::string, double> values;                      // "producer_byte_rate" -> bytes/s
};

struct PartitionFacts {
  int32_t replicas = 0;
  int32_t in_sync = 0;
  bool has_leader = true;
  std::optional<wire::LogRange> range;  // nullopt: not asked for
};

struct TopicFacts {
  std::map<Partition, PartitionFacts> partitions;
  Result<kafkaio::Configs> configs;  // all, defaults included
};

struct GroupFacts {
  std::string state;  // "Empty", "Stable", ...; "Dead": unknown to Kafka
  size_t members = 0;
  Result<groupproto::GroupOffsets> offsets;

  // Whether somebody is in it.
  bool is_alive() const {
    return members > 0 || !(state.empty() || state == "Empty" || state == "Dead");
  }
};

struct ClusterFacts {
  Side side = Side::kSource;
  std::string servers;           // bootstrap servers
  std::optional<Error> trouble;  // why nothing else is known: out of reach, or not let in
  std::optional<std::string> cluster_id;
  std::vector<BrokerFacts> brokers;
  bool before_2_8 = false;                   // one of them
  bool tells_operations = false;             // 2.3 and later
  std::map<TopicName, TopicFacts> topics;    // those that are copied, or their counterparts
  Result<kafkaio::Configs> broker_configs;   // of one broker
  std::map<GroupId, GroupFacts> groups;      // those that are migrated or mirrored
  std::optional<std::string> groups_unread;  // why there are none, or not all
  bool has_no_groups = false;                // that is because it never had any
  bool lists_members_only = false;           // groups without members are not among those listed
  // By the name, whether it exists or not.
  std::map<TopicName, Operations> topic_operations;
  std::map<GroupId, Operations> group_operations;
  Operations operations;  // on the cluster
  // Who we are, where the settings say it ("User:kferry", of PLAIN and SCRAM); brokers do not.
  std::optional<std::string> principal;
  std::set<wire::Acl> acls;  // all; empty: there are none, or we may not read them
  std::vector<ClockFacts> clocks;
  std::string clock_unread;  // why there are none
  // nullopt: brokers before 2.6 do not tell.
  std::optional<Result<std::vector<QuotaFacts>>> quotas;
  // Of partitions that groups have offsets for: the first record that retention will not delete
  // within kRetentionMarginMs, or half of the retention where that is less; -1: there is none. A
  // group that stands before it is about to lose records.
  std::map<TopicPartition, Offset> safe_from;
};

struct ZooKeeperServerFacts {
  std::string address;
  Result<> reached;
};

struct ZooKeeperFacts {
  std::string connect;
  std::vector<ZooKeeperServerFacts> servers;
  std::optional<Error> trouble;       // why the tree cannot be read
  bool consumers_exist = false;       // /consumers
  std::set<int32_t> broker_ids = {};  // registered in it
};

struct DoctorFacts {
  int64_t now_ms = 0;
  RightsScope scope;  // names: those that exist and are selected
  std::vector<Job> jobs;
  bool has_flow = false;  // false: it is about the migration alone
  std::optional<ZooKeeperFacts> zookeeper;
  ClusterFacts source;
  std::optional<ClusterFacts> target;
  // What the flow has mirrored already; nullopt: cannot be read. Empty: nothing yet.
  std::optional<std::map<TopicPartition, replicate::PartitionRecord>> mirrored;
};

// How old a committed offset's record may get before its retention is near.
constexpr int64_t kRetentionMarginMs = 24 * 3'600'000;

}  // namespace kferry::doctor
