// Undoes a journalled migration: Kafka's offsets become what they were before it.
#pragma once

#include "kafkaio/admin.h"
#include "migrate/executor.h"

namespace kferry::migrate {

// For every partition that the run committed (or may have committed, when it was cut off):
//   Kafka still has what we committed, and had an offset before -> that one is committed again:
//   kRestored Kafka still has what we committed, and had none             -> it is deleted
//   (OffsetDelete, Kafka 2.4): kDeleted Kafka has what it had before already -> nothing to do:
//   kRestored or kDeleted anything else: the group has moved on                       -> kRefused,
//   untouched
// Groups with live members are refused. Receipts are withdrawn. With `execute` false nothing is
// written and what would be done is kPending.
struct RollbackRequest {
  const Plan& plan;
  const JournalState& journal;
  kafkaio::Admin& admin;
  bool execute = false;
  std::function<void(int64_t)> on_group_done = [](int64_t) {};
};

verify::DiffReport rollback(const RollbackRequest& request, const ExecutorConfig& config,
                            const StopToken& stop);

}  // namespace kferry::migrate
