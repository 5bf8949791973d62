// The offsets of the old consumers as the brokers read them in ZooKeeper (OffsetFetch version 0):
// for a ZooKeeper that cannot be connected to. Neither groups nor topics can be listed this way,
// nobody's registration is seen, and a change only when the number is another one (ADR 11).
#pragma once

#include <map>
#include <set>

#include "migrate/offset_source.h"
#include "wire/cluster.h"

namespace kferry::migrate {

// What a group's offsets are looked for in: all partitions of the topics that were named, or of all
// topics but Kafka's own. What is named and does not exist is left out. Ordered.
std::vector<TopicPartition> partitions_to_ask(const std::map<TopicName, wire::TopicInfo>& topics,
                                              const std::set<TopicName>& named);

// The words for what is not seen, for plans and reports.
extern const std::string_view kConsumersNotSeen;

class BrokerSource : public OffsetSource {
 public:
  // `cluster` is this source's while it reads.
  explicit BrokerSource(wire::Cluster& cluster) : cluster_(cluster) {}

  std::string zookeeper() const override { return {}; }
  // Groups without any offset are left out. kRefused: one of those that must be there has none.
  // kUsage: the brokers have no ZooKeeper (KRaft).
  Result<zkoffsets::Snapshot> read(const GatherRequest& request, const Wait& wait,
                                   const std::function<void(int64_t)>& on_progress) override;
  Result<zkoffsets::Snapshot> read_again(const Groups& planned, const StopToken& stop) override;
  // Whoever is registered is not seen: what is left is whether somebody has committed.
  Result<std::vector<std::string>> find_consumers(const Groups& planned,
                                                  const StopToken& stop) override;
  Result<std::vector<bool>> find_changed(const std::vector<SeenOffset>& seen,
                                         const StopToken& stop) override;

 private:
  wire::Cluster& cluster_;
};

}  // namespace kferry::migrate
