// A source broker over our own connection: Fetch in every version, with a session where the broker
// has them (KIP-227).
#pragma once

#include <map>
#include <set>
#include <string>

#include "replicate/ports.h"
#include "wire/broker.h"
#include "wire/messages/fetch.h"

namespace kferry::replicate {

// Asks for committed transactions only; never for more than the caller said, except that a broker
// gives one batch at least. By topic id where the broker can (3.1): a topic that was deleted and
// created anew is then UNKNOWN_TOPIC_ID and never mistaken for the old one.
class WireSource final : public RecordSource {
 public:
  explicit WireSource(wire::Broker broker) : broker_(std::move(broker)) {}

  void follow(const TopicPartition& partition, const FetchPosition& position) override;
  void forget(const TopicPartition& partition) override;
  Result<Fetched> fetch(int32_t most_bytes, Duration patience, const Wait& wait) override;

 private:
  Result<int16_t> choose_version() const;
  void begin_session();
  wire::FetchRequest make_request(int16_t version, int32_t most_bytes, Duration patience);
  void add_followed(wire::FetchRequest& request, int16_t version, bool all);
  void add_forgotten(wire::FetchRequest& request);
  bool take_session(const wire::FetchResponse& response);
  FetchedPartition take_partition(const TopicName& topic,
                                  const wire::FetchResponse::PartitionData& data) const;

  wire::Broker broker_;
  std::map<TopicPartition, FetchPosition> followed_;
  std::map<wire::Uuid, TopicName> topics_;          // that have been followed, by their ids
  size_t without_id_ = 0;                           // of those followed
  std::set<TopicPartition> changed_;                // not told to the session yet
  std::map<TopicPartition, wire::Uuid> forgotten_;  // of those that the session knows
  int32_t session_id_ = 0;
  int32_t session_epoch_ = wire::FetchRequest::kNewSession;
};

}  // namespace kferry::replicate
