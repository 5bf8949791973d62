// The migration of one group, step by step; migrate/executor.h runs many of them.
#pragma once

#include <set>

#include "migrate/executor.h"

namespace kferry::migrate {

// What a worker owns: connections that nobody else uses.
class Worker {
 public:
  static Result<std::unique_ptr<Worker>> connect(const ExecutorConfig& config, const Wait& wait);

  wire::Cluster& cluster() { return cluster_; }
  groupproto::Coordinators& coordinators() { return coordinators_; }

 private:
  explicit Worker(wire::Cluster cluster) : cluster_(std::move(cluster)), coordinators_(cluster_) {}
  wire::Cluster cluster_;
  groupproto::Coordinators coordinators_;
};

// Migrates one group of a plan with one worker. Steps, each of which may end it:
//   1. nobody is in the group, Kafka's offsets are those of the plan, the logs still hold the
//   targets
//   2. the intent is journalled
//   3. join as the only member (or nothing, in simple mode)
//   4. Kafka's offsets once more, now that nobody else can commit; a heartbeat
//   5. commit, read back, compare
//   6. receipts; leave; the result is journalled
class GroupMigration {
 public:
  GroupMigration(const PlannedGroup& group, const Plan& plan, const ExecutorConfig& config,
                 Worker& worker, Journal& journal, bool intended_before, const StopToken& stop);

  // The group's part of the report. An error stops the whole run (cluster gone, journal failed,
  // interrupted); what concerns this group alone stands in the report.
  struct Ending {
    verify::GroupReport report;
    std::optional<Error> fatal;
  };
  Ending run();

 private:
  Result<> steps();
  Result<> check_nobody_is_in_it();
  Result<> check_members();
  void set_equal_aside();
  Result<> check_kafka_offsets(const groupproto::GroupOffsets& now);
  Result<> check_log_ranges();
  Result<> commit_as_member();
  Result<> commit_simple();
  Result<> accept_codes(const groupproto::CommitResults& codes);
  void accept_read_back(const groupproto::GroupOffsets& now);
  void finish();
  void refuse_all(const Error& error);
  std::vector<groupproto::OffsetToCommit> offsets_to_commit() const;
  std::vector<TopicPartition> open_partitions() const;
  std::vector<TopicPartition> subscription() const;
  verify::PartitionReport& report_of(const TopicPartition& partition);

  const PlannedGroup& group_;
  const Plan& plan_;
  const ExecutorConfig& config_;
  Worker& worker_;
  Journal& journal_;
  const bool intended_before_;  // an earlier run may have written some of it
  const Wait wait_;
  verify::GroupReport report_;
  std::map<TopicPartition, const PlannedPartition*> open_;  // still to be committed
  groupproto::GroupOffsets kafka_before_;
  bool written_ = false;
  bool journal_failed_ = false;  // nothing can be journalled any more: the whole run must end
};

// What was said of a group by an error of this job ("migrate", "rollback"), with what to do next.
std::string with_hint(const Error& error, std::string_view job);

// The report of a group as a journal recorded it, completed from the plan.
verify::GroupReport to_report(const PlannedGroup& group, const GroupDone& done);
GroupDone to_done(const verify::GroupReport& report);

}  // namespace kferry::migrate
