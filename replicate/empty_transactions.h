// Gaps filled by empty transactions (KIP-98): AddPartitionsToTxn, then EndTxn, is one control
// record, one offset, in each partition. For principals that may not write markers themselves.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "replicate/ports.h"
#include "wire/cluster.h"

namespace kferry::replicate {

// Each partition has a transactional id of its own, "kferry-FLOW-TOPIC-PARTITION": whoever begins
// with it fences everybody who filled this partition's gaps before, and an unfinished transaction
// of theirs is over, its control record written, before anything else happens. So no offset is
// filled twice, not even by two processes of the same flow.
//
// Needs WRITE and DESCRIBE on the transactional ids and WRITE on the topics. Not thread-safe.
class EmptyTransactions {
 public:
  EmptyTransactions(std::string flow, std::vector<wire::Address> bootstrap,
                    const wire::ClientConfig& config)
      : flow_(std::move(flow)), bootstrap_(std::move(bootstrap)), config_(config) {}

  // Fills what can be filled within about 200 ms, for the other partitions of the broker wait; the
  // answers tell how much (Ack::filled). CLUSTER_AUTHORIZATION_FAILED, with Ack::gap_producer, for
  // a partition which is filled for the first time: now that nobody else can fill it, the end of
  // its log is to be read. After any other error as well.
  std::vector<Ack> fill(const std::vector<GapToFill>& gaps, const Wait& wait);

 private:
  struct Producer {
    BrokerId coordinator{-1};
    int64_t id = -1;
    int16_t epoch = -1;
  };

  Ack fill_one(const GapToFill& gap, const Deadline& slice, const Wait& wait);
  Result<> begin(const TopicPartition& partition, const Wait& wait);
  Result<BrokerId> find_coordinator(const std::string& id, const Wait& wait);
  Result<> take_over(const std::string& id, Producer& producer, const Wait& wait);
  Result<> fill_offset(const TopicPartition& partition, const Producer& producer, const Wait& wait);
  std::string transactional_id(const TopicPartition& partition) const;

  const std::string flow_;
  const std::vector<wire::Address> bootstrap_;
  const wire::ClientConfig config_;
  std::unique_ptr<wire::Cluster> cluster_;
  std::map<TopicPartition, Producer> producers_;
};

}  // namespace kferry::replicate
