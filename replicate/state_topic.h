// The flow's state topic: compacted, on the target. Its partitions are the slots that the processes
// of one flow share (work_share.h): what is known of a mirrored partition stands in its slot.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kafkaio/compacted_reader.h"
#include "kafkaio/producer.h"
#include "kafkaio/topic_admin.h"
#include "replicate/flow.h"
#include "replicate/flow_state.h"

namespace kferry::replicate {

// What a flow remembers, without being part of it; nullopt: there is no such flow on that cluster.
// kUnreachable, kNotAuthorised.
Result<std::optional<LoadedState>> read_state(const kafkaio::ClientProperties& cluster,
                                              const std::string& flow, const Wait& wait);

// Thread-safe but for open() and catch_up(), which one thread calls.
class StateTopic final : public StateStore {
 public:
  static constexpr int32_t kSlots = 32;

  // "__kferry.source.target.state" for the flow "source->target".
  static TopicName name_of(const std::string& flow);
  // The slot of a mirrored partition: 0 to kSlots - 1, the same for ever.
  static Partition slot_of(const TopicPartition& source);

  // Creates it where it does not exist, and reads it to its end. kRefused: there is a topic of that
  // name with another number of partitions, or not compacted.
  static Result<std::unique_ptr<StateTopic>> open(const FlowSettings& flow,
                                                  kafkaio::TopicAdmin& admin, const Wait& wait);

  const TopicName& topic() const { return topic_; }

  // By key; nullopt: deleted.
  using Changes = std::vector<std::pair<std::string, std::optional<std::string>>>;
  // Sees what other processes have written: what has changed since it last looked.
  Result<Changes> catch_up(const Wait& wait);

  Result<> put(const std::vector<Entry>& entries, const Wait& wait) override;

  LoadedState all() const;
  std::optional<std::string> get(const std::string& key) const;
  // What concerns one mirrored partition only.
  LoadedState of(const TopicPartition& source) const;
  // What concerns the cut-over: for view_cutover().
  LoadedState::Records of_cutover() const;
  // Whether the offsets before the logs' start are all filled: of every partition that the topic
  // has. False while one of them has no record yet.
  bool heads_filled(const TopicName& source, int32_t partitions) const;

 private:
  StateTopic(TopicName topic, kafkaio::Producer producer, kafkaio::CompactedReader reader)
      : topic_(std::move(topic)), producer_(std::move(producer)), reader_(std::move(reader)) {}

  Partition partition_of(const std::string& key) const;

  const TopicName topic_;
  std::mutex put_mutex_;  // one put at a time: a flush tells of every thread's failures
  kafkaio::Producer producer_;
  kafkaio::CompactedReader reader_;
  mutable std::mutex mutex_;  // guards the next
  LoadedState::Records records_;
};

}  // namespace kferry::replicate
