#include "migrate/executor.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "migrate/drift.h"
#include "migrate/group_migration.h"

namespace kferry::migrate {

using verify::DiffReport;
using verify::GroupReport;

namespace {

// Groups whose ZooKeeper state is read again in one go. A group's turn comes after at most two
// batches of others.
constexpr size_t kDriftBatch = 25;
constexpr Duration kConnectTimeout{60'000};

bool has_commits(const PlannedGroup& group) {
  return std::ranges::any_of(
      group.partitions, [](const PlannedPartition& one) { return one.action == Action::kCommit; });
}

// What was planned to be committed and will not be.
void end_commits(GroupReport& report, verify::Outcome outcome, const std::string& why) {
  for (auto& row : report.partitions) {
    if (row.outcome != verify::Outcome::kPending) continue;
    row.outcome = outcome;
    row.kafka_offset = row.kafka_offset_before;
    if (!why.empty()) row.detail = why;
  }
  if (!why.empty()) report.detail = why;
}

// Applies the plan with several workers. One more thread reads the groups' ZooKeeper state again
// just before their turn, and keeps the queue of fresh groups filled.
class PlanRun {
 public:
  PlanRun(const Execution& execution, const ExecutorConfig& config, const StopToken& stop)
      : execution_(execution), config_(config), stop_(stop) {
    for (const PlannedGroup& group : execution.plan.groups) {
      reports_.push_back(to_report(group));
      if (has_commits(group)) waiting_.push_back(reports_.size() - 1);
    }
  }

  DiffReport run() {
    replay_journal();
    const size_t workers = std::min(waiting_.size(), static_cast<size_t>(config_.parallel));
    {
      std::vector<std::jthread> threads;
      threads.emplace_back([this] { check_ahead(); });
      for (size_t i = 0; i < workers; ++i) threads.emplace_back([this] { work(); });
    }
    check_zookeeper_at_the_end();
    return finish();
  }

 private:
  const PlannedGroup& planned(size_t index) const { return execution_.plan.groups[index]; }

  // Groups that an earlier run of this plan finished are not written again.
  void replay_journal() {
    if (execution_.resumed == nullptr) return;
    std::erase_if(waiting_, [&](size_t index) {
      const auto done = execution_.resumed->done.find(planned(index).group);
      if (done == execution_.resumed->done.end()) return false;
      reports_[index] = to_report(planned(index), done->second);
      execution_.on_group_done(1);
      return true;
    });
  }

  void work() {
    auto worker = Worker::connect(config_, Wait(Deadline::after(kConnectTimeout), stop_));
    if (!worker) return end_run(worker.error());
    while (const auto index = next_group()) {
      const PlannedGroup& group = planned(*index);
      const bool intended_before =
          execution_.resumed != nullptr && execution_.resumed->intended.contains(group.group);
      GroupMigration migration(group, execution_.plan, config_, **worker, execution_.journal,
                               intended_before, stop_);
      auto ending = migration.run();
      if (ending.fatal) end_run(*ending.fatal);
      const std::lock_guard lock(mutex_);
      reports_[*index] = std::move(ending.report);
      execution_.on_group_done(1);
    }
  }

  // The next group that was found to be as planned, once there is one; nullopt: no more.
  std::optional<size_t> next_group() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !fresh_.empty() || all_checked_ || error_; });
    if (fresh_.empty() || error_) return std::nullopt;
    const size_t index = fresh_.front();
    fresh_.pop_front();
    if (wants_more()) changed_.notify_all();
    return index;
  }

  // So that the workers always have some, and nothing is read long before its turn.
  bool wants_more() const { return fresh_.size() < kDriftBatch; }

  // Runs beside the workers, one batch ahead of them.
  void check_ahead() {
    while (true) {
      const std::vector<size_t> batch = next_to_check();
      if (batch.empty()) return;
      Groups groups;
      for (const size_t index : batch) groups.push_back(&planned(index));
      const auto drifts = execution_.just_planned ? execution_.source.find_consumers(groups, stop_)
                                                  : find_drift(execution_.source, groups, stop_);
      if (!drifts) return end_run(drifts.error());
      accept(batch, *drifts);
    }
  }

  // Once more are wanted. Empty: no more.
  std::vector<size_t> next_to_check() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return wants_more() || error_; });
    if (error_) return {};
    // Who is registered takes one small read a group: all at once.
    const size_t size = execution_.just_planned ? waiting_.size() : kDriftBatch;
    const auto end =
        waiting_.begin() + std::min(std::ssize(waiting_), static_cast<std::ptrdiff_t>(size));
    std::vector<size_t> batch(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    all_checked_ = batch.empty();
    if (all_checked_) changed_.notify_all();
    return batch;
  }

  void accept(const std::vector<size_t>& batch, const std::vector<std::string>& drifts) {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < batch.size(); ++i) {
      if (drifts[i].empty()) {
        fresh_.push_back(batch[i]);
        continue;
      }
      end_commits(reports_[batch[i]], verify::Outcome::kRefused, drifts[i]);
      execution_.on_group_done(1);
    }
    changed_.notify_all();
  }

  // Somebody who committed to ZooKeeper while we migrated had his last records counted as unread:
  // the offsets in Kafka are then older than his.
  void check_zookeeper_at_the_end() {
    if (error_) return;
    std::vector<SeenOffset> seen;
    std::vector<verify::PartitionReport*> rows;
    for (size_t i = 0; i < reports_.size(); ++i)
      for (size_t k = 0; k < reports_[i].partitions.size(); ++k) {
        if (reports_[i].partitions[k].outcome != verify::Outcome::kMigrated) continue;
        const PlannedPartition& one = planned(i).partitions[k];
        seen.push_back({planned(i).group, one.partition, one.path, one.node, one.zookeeper_offset});
        rows.push_back(&reports_[i].partitions[k]);
      }
    if (seen.empty()) return;
    const auto changed = execution_.source.find_changed(seen, stop_);
    if (!changed) return end_run(changed.error());
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!(*changed)[i]) continue;
      rows[i]->outcome = verify::Outcome::kDifferent;
      rows[i]->detail =
          "committed, but ZooKeeper's offset changed meanwhile: somebody still consumes; stop it "
          "and migrate again";
    }
  }

  void end_run(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    changed_.notify_all();
  }

  DiffReport finish() {
    DiffReport report;
    report.verb = "migrate";
    report.generated_at_ms = wall_clock_ms();
    report.tool_version = KFERRY_VERSION;
    report.source = execution_.plan.source;
    report.executed = true;
    report.error = error_;
    for (GroupReport& group : reports_) end_commits(group, verify::Outcome::kNotAttempted, {});
    report.groups = std::move(reports_);
    if (error_) return report;
    report.error = hidden_refusal(execution_.plan);
    const auto recorded = execution_.journal.append_finish(verify::exit_code_of(report));
    if (!recorded) report.error = recorded.error();
    return report;
  }

  const Execution& execution_;
  const ExecutorConfig& config_;
  const StopToken& stop_;
  std::mutex mutex_;  // guards all below while the workers run
  std::condition_variable changed_;
  std::vector<GroupReport> reports_;  // in the plan's order
  std::deque<size_t> waiting_;        // groups whose turn has not come
  std::deque<size_t> fresh_;          // checked for drift just now
  bool all_checked_ = false;          // no more will be fresh
  std::optional<Error> error_;        // why the run ends early
};

}  // namespace

DiffReport execute(const Execution& execution, const ExecutorConfig& config,
                   const StopToken& stop) {
  return PlanRun(execution, config, stop).run();
}

}  // namespace kferry::migrate
