// A target broker over our own connection: Produce, and WriteTxnMarkers for gaps; empty
// transactions where it refuses markers.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "replicate/empty_transactions.h"
#include "replicate/ports.h"
#include "wire/broker.h"

namespace kferry::replicate {

// The producer id whose control records fill gaps. It never has a transaction open, so that its
// markers mean nothing to any consumer (facts: one offset each, no effect on the last stable
// offset).
struct MarkerIdentity {
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  // A leader that has seen a higher one refuses ours (Kafka: ProducerAppendInfo), so that markers
  // of an earlier connection that arrive late are refused once one of ours has been written.
  int32_t coordinator_epoch = 0;
};

class WireSink final : public RecordSink {
 public:
  // Without `transactions` gaps stay unfilled where markers are refused.
  WireSink(wire::Broker broker, const MarkerIdentity& markers,
           std::unique_ptr<EmptyTransactions> transactions = nullptr)
      : broker_(std::move(broker)), markers_(markers), transactions_(std::move(transactions)) {}

  Result<> send(const std::vector<BatchToSend>& batches, const Wait& wait) override;
  Result<> fill(const std::vector<GapToFill>& gaps, const Wait& wait) override;
  Result<std::vector<Ack>> take_answer(const Wait& wait) override;

 private:
  enum class Kind { kBatches, kMarkers, kTransactions };
  struct Unanswered {
    Kind kind;
    int16_t version = 0;
    std::vector<Ack> acks = {};  // of kTransactions: they are over already
  };
  Result<> fill_with_markers(const std::vector<GapToFill>& gaps, const Wait& wait);
  Result<std::vector<Ack>> take_produced(int16_t version, const Wait& wait);
  Result<std::vector<Ack>> take_markers(int16_t version, const Wait& wait);

  wire::Broker broker_;
  const MarkerIdentity markers_;
  const std::unique_ptr<EmptyTransactions> transactions_;
  bool markers_refused_ = false;
  std::deque<Unanswered> unanswered_;
};

}  // namespace kferry::replicate
