// Asks one cluster what the doctor wants to know. Reads only, and asks nothing that would make a
// broker write: not for topics that it might create, not for a coordinator before there is one.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "doctor/facts.h"
#include "kafkaio/topic_admin.h"
#include "replicate/cluster_settings.h"
#include "wire/cluster.h"
#include "wire/messages/group_listing.h"
#include "wire/messages/metadata.h"

namespace kferry::doctor {

// Not thread-safe. What cannot be read stands in the facts with its reason; each question is
// bounded by 20 s, and a stop request ends them all.
class ClusterProbe {
 public:
  ClusterProbe(const replicate::ClusterSettings& settings, Side side, const StopToken& stop);

  // Connects, and then to every broker by the address that it advertises. False: nothing more can
  // be asked.
  bool connect();

  // All that there are, of what we may see; of groups those that could be mirrored.
  std::set<TopicName> topic_names() const;
  std::set<GroupId> group_names();

  // Partitions, configs, where the logs begin and end; of those in `topics` that exist. Operations
  // of all of them, and of `others`.
  void read_topics(const std::set<TopicName>& topics, const std::set<TopicName>& others);
  // States, offsets and operations; of `others` operations alone.
  void read_groups(const std::set<GroupId>& groups, const std::set<GroupId>& others);
  // Configs of a broker, what we may do to the cluster, the ACLs, its clock and its quotas.
  void read_cluster();
  // ClusterFacts::safe_from, of the partitions that groups have offsets for.
  void read_safe_offsets(int64_t now_ms);

  ClusterFacts& facts() { return facts_; }

 private:
  Wait step() const;
  void reach_brokers();
  Result<wire::MetadataResponse> ask_metadata(const std::vector<TopicName>& topics,
                                              bool about_cluster);
  void take_topic(const wire::MetadataResponse::Topic& topic, bool wanted);
  void read_configs(const std::vector<TopicName>& topics);
  void read_ranges();
  void read_clock();
  void read_quotas();
  bool may_ask_coordinators();
  void describe(const std::vector<GroupId>& groups, const std::set<GroupId>& wanted);
  void take_group(const wire::DescribeGroupsResponse::Group& group, bool wanted);
  void read_offsets(const std::set<GroupId>& groups);
  Result<std::map<TopicPartition, Offset>> offsets_at(
      const std::map<TopicPartition, int64_t>& timestamps);

  const replicate::ClusterSettings& settings_;
  const StopToken& stop_;
  ClusterFacts facts_;
  std::optional<wire::Cluster> cluster_;
  std::optional<kafkaio::TopicAdmin> admin_;
  wire::ClusterMetadata metadata_;  // of all topics
  bool before_0_11_ = false;        // one of the brokers
  std::optional<Error> groups_unlisted_;
  std::map<GroupId, groupproto::ListedGroup> listed_;
};

// "3.9 or later": what a broker is at least, by the requests that it speaks.
std::string version_by(const wire::SpokenVersions& spoken);

// The operations that an answer's bits stand for (Kafka: AclOperation's codes); nullopt: it tells
// none.
Operations operations_by(int32_t bits);

}  // namespace kferry::doctor
