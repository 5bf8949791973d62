// What ZooKeeper holds of consumer offsets at one moment: plain values, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/named.h"
#include "zkoffsets/layout.h"

namespace kferry::zkoffsets {

// The part of a znode's Stat that shows whether it has changed. All zero: not known, since the
// offset was read through a broker.
struct NodeVersion {
  int64_t mzxid = 0;     // zxid of the last change
  int32_t version = 0;   // number of changes
  int64_t mtime_ms = 0;  // milliseconds since the epoch

  friend bool operator==(const NodeVersion&, const NodeVersion&) = default;
};

// One offset of one group as it stands in ZooKeeper.
struct OffsetNode {
  TopicName topic;
  Partition partition;
  std::string path;  // the full path behind the chroot
  ParsedOffset parsed;
  NodeVersion node;
  // /consumers/<g>/offset/<t>/<p>, the path that brokers 1.1.0 wrote by mistake (KAFKA-6917, fixed
  // in 1.1.1), when it exists too. A disagreement is a conflict; the planner decides.
  // Where only that path exists, `path`, `parsed` and `node` are of it.
  std::optional<ParsedOffset> misplaced;
  std::optional<NodeVersion> misplaced_node;
};

// A consumer that is registered now (ephemeral znode).
struct Registration {
  std::string consumer_id;
  std::vector<std::string> topics;  // topics, or the regular expression of a pattern subscription
  std::string pattern;              // "static", "white_list", "black_list" or ""
};

struct Owner {
  TopicName topic;
  Partition partition;
  std::string owner;  // <consumerId>-<threadId>
};

struct GroupSnapshot {
  GroupId group;
  Layout layout = Layout::kHighLevelConsumer;
  std::string layout_evidence;      // why we believe so, one short clause
  std::vector<OffsetNode> offsets;  // ordered by topic, then partition
  std::vector<Registration> registrations;
  std::vector<Owner> owners;  // only owner nodes with an owner
  std::vector<std::string>
      problems;  // e.g. a node we may not read, a partition node with a strange name
  // Topics of which `offsets` holds Kafka 0.7 nodes "<brokerId>-<p>"; their partitions are not in
  // `offsets`.
  std::vector<TopicName> kafka07_topics;
  // What an ACL hides: whether it is there must not be guessed. Each stands in `problems` too.
  std::vector<TopicPartition> denied_offsets;  // nodes that are there and may not be read
  std::vector<TopicName> denied_topics;        // their nodes may not be listed
  bool all_denied = false;                     // the group's topics may not be listed
};

// Groups that are kept outside /consumers; found only where the configuration says.
struct ExternalLayout {
  GroupId group;  // the Kafka group that shall receive the offsets; kCustom: empty for every group
                  // that {group} of the path stands for (expand_external)
  Layout layout;  // kStorm, kTrident, kSparkCsv or kCustom
  // kStorm: <zk_root>/<id>; kTrident: <zk_root>/<txid>; kSparkCsv: the node; kCustom: a template
  std::string path;
  TopicName topic;  // kSparkCsv: the topic of the node; kCustom: of all, where the path has none
  // kCustom: where the offset stands in the node's JSON (RFC 6901); absent: the node is the number
  std::optional<std::string> offset_pointer = {};
  std::optional<Convention> convention = {};  // kCustom: unless the group's settings say otherwise
};

struct ScanRequest {
  // nullopt: every group under /consumers. Otherwise exactly these; those that do not exist are
  // left out.
  std::optional<std::vector<GroupId>> groups;
  std::vector<ExternalLayout> external;
};

struct Snapshot {
  std::string zookeeper;                  // the connect string it was read from
  std::optional<std::string> cluster_id;  // of /cluster/id; absent before 0.10.1
  std::vector<int32_t> broker_ids;        // of /brokers/ids; empty: no broker is registered here
  std::set<TopicName> topics;             // of /brokers/topics: what exists, in ZooKeeper mode
  bool consumers_exist = false;           // whether /consumers is there at all
  std::string login;                      // who reads: ZkClient::login_text()
  int64_t taken_at_ms = 0;                // milliseconds since the epoch
  std::vector<GroupSnapshot> groups;      // ordered by group
};

}  // namespace kferry::zkoffsets
