// Reads topics from a cluster, and brings the target's to what replicate/topic_sync.h says.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "kafkaio/topic_admin.h"
#include "replicate/topic_sync.h"
#include "wire/cluster.h"

namespace kferry::replicate {

// Who changes the target's topics. Not thread-safe.
class TopicChanger {
 public:
  using Outcome = Result<kafkaio::ByTopic<void>>;

  virtual ~TopicChanger() = default;
  virtual Outcome create(const std::vector<kafkaio::NewTopic>& topics, const Wait& wait) = 0;
  virtual Outcome grow(const std::map<TopicName, int32_t>& partitions, const Wait& wait) = 0;
  virtual Outcome change_configs(const std::map<TopicName, kafkaio::ConfigChanges>& changes,
                                 const Wait& wait) = 0;
};

class AdminTopicChanger : public TopicChanger {
 public:
  // Both of the target; both must outlive it. librdkafka creates and grows; configs are changed by
  // IncrementalAlterConfigs, which it lacks, except on targets before 2.3.
  AdminTopicChanger(kafkaio::TopicAdmin& admin, wire::Cluster& cluster)
      : admin_(admin), cluster_(cluster) {}

  Outcome create(const std::vector<kafkaio::NewTopic>& topics, const Wait& wait) override;
  Outcome grow(const std::map<TopicName, int32_t>& partitions, const Wait& wait) override;
  Outcome change_configs(const std::map<TopicName, kafkaio::ConfigChanges>& changes,
                         const Wait& wait) override;

 private:
  kafkaio::TopicAdmin& admin_;
  wire::Cluster& cluster_;
};

// A dry run: everything succeeds, nothing happens.
class NoTopicChanger : public TopicChanger {
 public:
  Outcome create(const std::vector<kafkaio::NewTopic>& topics, const Wait& wait) override;
  Outcome grow(const std::map<TopicName, int32_t>& partitions, const Wait& wait) override;
  Outcome change_configs(const std::map<TopicName, kafkaio::ConfigChanges>& changes,
                         const Wait& wait) override;
};

struct AppliedDifference {
  TopicDifference difference;
  Result<> outcome;  // of a warning: always a success
};

// Creates, grows and configures, all topics of a kind at once; warnings are passed through. A topic
// that somebody else has created meanwhile is no failure: the next comparison sees it. One entry
// for each difference, in their order. An error only when the target cannot be reached, denies all,
// or a stop was requested: what had been done by then shows in the next comparison. Brokers learn
// of all this some milliseconds later; a comparison before that finds differences once more, of
// which adding partitions then fails, and the others do no harm.
Result<std::vector<AppliedDifference>> apply(const std::vector<TopicDifference>& differences,
                                             TopicChanger& changer, const Wait& wait);

struct TopicsRead {
  TopicStates topics;
  // Why a topic has no configs in `topics`: they are denied, or it has just gone.
  std::map<TopicName, Error> unread;
};

// The topics that `selects`, with their configs.
Result<TopicsRead> read_topics(kafkaio::TopicAdmin& admin,
                               const std::function<bool(const TopicName&)>& selects,
                               const Wait& wait);

// Of the source: by the flow's filter, but never internal ones.
bool is_mirrored(const FlowSettings& flow, const TopicName& source_topic);

// `topics` are the target's. What the brokers do not tell stays unknown.
Result<TargetDefaults> read_target_defaults(kafkaio::TopicAdmin& admin, const TopicStates& topics,
                                            const Wait& wait);

}  // namespace kferry::replicate
