// Keeps the target's topics, their configs and the ACLs as the source has them.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kafkaio/topic_admin.h"
#include "replicate/acl_sync.h"
#include "replicate/flow.h"
#include "replicate/state_topic.h"
#include "replicate/topic_sync_apply.h"
#include "replicate/troubles.h"
#include "wire/cluster.h"

namespace kferry::replicate {

// The connections to both clusters that topics and ACLs are compared over. Not thread-safe.
struct TopicClusters {
  wire::Cluster& source;
  wire::Cluster& target;
  kafkaio::TopicAdmin& source_admin;
  kafkaio::TopicAdmin& target_admin;
};

// Connects, and asks who is in the cluster, for those who look once: a broker whose answers make no
// sense is an error at once. librdkafka would ask it again until all time is over.
Result<wire::Cluster> connect_to(const ClusterSettings& cluster, const Wait& wait);

// Everything by which the target differs from what it shall be.
struct TargetDifferences {
  std::vector<TopicDifference> topics;
  AclPlan acls;
  // What could not be compared, in words: configs that are denied, ACLs that may not be read.
  std::vector<std::string> notes;

  // Whether there is anything that the mirror would do.
  bool any() const;
};

// Reads both sides and compares. `unfinished` as compare_topics() has it.
Result<TargetDifferences> find_differences(const FlowSettings& flow, const TopicClusters& clusters,
                                           const std::set<TopicName>& unfinished, const Wait& wait);

// The same for people, a line each, and as JSON.
std::string to_text(const TargetDifferences& differences);
std::string to_json_text(const TargetDifferences& differences);

// Of the topics that the source has those that are mirrored.
std::set<TopicName> select_topics(const FlowSettings& flow, const wire::ClusterMetadata& source);

// Not thread-safe. Only the process that leads the flow calls keep().
class TopicKeeper {
 public:
  TopicKeeper(const FlowSettings& flow, const TopicClusters& clusters, StateTopic& state,
              Troubles& troubles)
      : flow_(flow), clusters_(clusters), state_(state), troubles_(troubles) {}

  // Creates what is missing and adds partitions, at once; everything else, and the configs of
  // topics whose heads have been filled, now and then. True when something was created or grown:
  // the target's metadata is old then.
  Result<bool> keep(const wire::ClusterMetadata& source, const wire::ClusterMetadata& target,
                    const Wait& wait);

  // Whether every topic that the mirror has created has its real configs.
  bool all_finished() const { return unfinished_.empty(); }

 private:
  bool is_due(const wire::ClusterMetadata& source, const wire::ClusterMetadata& target) const;
  Result<> announce(const wire::ClusterMetadata& source, const TargetDifferences& differences,
                    const Wait& wait);
  Result<bool> apply_topics(std::vector<TopicDifference> differences, const Wait& wait);
  Result<> apply_acls(const AclPlan& plan, const Wait& wait);
  Result<> finish_topics(const wire::ClusterMetadata& source, const Wait& wait);
  void tell(const std::string& about, const Result<>& outcome);
  void tell_once(const std::string& note);

  const FlowSettings& flow_;
  const TopicClusters clusters_;
  StateTopic& state_;
  Troubles& troubles_;
  std::set<TopicName> unfinished_;  // the source's names: created by us, not yet with its configs
  std::set<std::string> told_;      // notes, so that each is logged once
  bool recalled_ = false;           // unfinished_ has what earlier processes left
  Deadline next_ = Deadline::after(Duration(0));
};

}  // namespace kferry::replicate
