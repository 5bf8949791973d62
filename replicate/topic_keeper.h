// Keeps the target's topics as the source has them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "kafkaio/topic_admin.h"
#include "replicate/flow.h"
#include "replicate/state_topic.h"
#include "replicate/troubles.h"
#include "wire/cluster.h"

namespace kferry::replicate {

// Not thread-safe. Only the process that leads the flow calls keep().
class TopicKeeper {
 public:
  TopicKeeper(const FlowSettings& flow, kafkaio::TopicAdmin& source, kafkaio::TopicAdmin& target,
              StateTopic& state, Troubles& troubles)
      : flow_(flow), source_(source), target_(target), state_(state), troubles_(troubles) {}

  // The topics that are mirrored, of those that the source has.
  std::set<TopicName> select(const wire::ClusterMetadata& source) const;

  // Creates what is missing, adds partitions, brings configs over. True when something was created:
  // the target's metadata is old then.
  Result<bool> keep(const wire::ClusterMetadata& source, const wire::ClusterMetadata& target,
                    const Wait& wait);

 private:
  const FlowSettings& flow_;
  kafkaio::TopicAdmin& source_;
  kafkaio::TopicAdmin& target_;
  StateTopic& state_;
  Troubles& troubles_;
};

}  // namespace kferry::replicate
