#include "migrate/executor.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "base/log.h"
#include "migrate/group_migration.h"

namespace kferry::migrate {

using verify::DiffReport;
using verify::GroupReport;

namespace {

// Groups whose ZooKeeper state is read again in one go, just before their turn.
constexpr size_t kDriftBatch = 50;
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

// Why ZooKeeper is not as the plan saw it; empty: it is.
std::string drift_of(const PlannedGroup& planned, const zkoffsets::GroupSnapshot* now) {
  if (now == nullptr) return "drift: the group is gone from ZooKeeper";
  if (!now->registrations.empty())
    return fmt::format(
        "drift: consumer '{}' is registered in ZooKeeper now; stop it, then plan again",
        now->registrations.front().consumer_id);
  if (!now->owners.empty())
    return fmt::format("drift: {}-{} is owned by '{}' in ZooKeeper now; stop it, then plan again",
                       now->owners.front().topic, now->owners.front().partition,
                       now->owners.front().owner);
  std::map<std::string, zkoffsets::NodeVersion> versions;
  for (const auto& node : now->offsets) versions[node.path] = node.node;
  for (const PlannedPartition& one : planned.partitions) {
    if (one.action != Action::kCommit) continue;
    const auto found = versions.find(one.path);
    if (found == versions.end())
      return fmt::format("drift: {} is gone from ZooKeeper; plan again", one.path);
    if (found->second != one.node)
      return fmt::format(
          "drift: {} was changed in ZooKeeper after the plan was made (at {}): somebody "
          "still consumes; stop it, then plan again",
          one.path, to_rfc3339(found->second.mtime_ms));
  }
  return {};
}

// Applies the plan with several workers. The queue of fresh groups is refilled, under the lock,
// with groups whose ZooKeeper state has just been read again.
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

  std::optional<size_t> next_group() {
    const std::lock_guard lock(mutex_);
    while (fresh_.empty() && !waiting_.empty() && !error_) refill();
    if (fresh_.empty() || error_) return std::nullopt;
    const size_t index = fresh_.front();
    fresh_.pop_front();
    return index;
  }

  void refill() {
    if (execution_.just_planned) return refill_by_registrations();
    zkoffsets::ScanRequest request;
    request.groups.emplace();
    std::vector<size_t> batch;
    while (!waiting_.empty() && batch.size() < kDriftBatch) {
      batch.push_back(waiting_.front());
      waiting_.pop_front();
      add_to_scan(planned(batch.back()), request);
    }
    const auto snapshot = zkoffsets::scan(execution_.zookeeper, request, stop_);
    if (!snapshot) {
      error_ = snapshot.error();
      return;
    }
    std::map<GroupId, const zkoffsets::GroupSnapshot*> now;
    for (const auto& group : snapshot->groups) now[group.group] = &group;
    for (const size_t index : batch) {
      const auto found = now.find(planned(index).group);
      const std::string drift =
          drift_of(planned(index), found == now.end() ? nullptr : found->second);
      if (drift.empty()) {
        fresh_.push_back(index);
        continue;
      }
      end_commits(reports_[index], verify::Outcome::kRefused, drift);
      execution_.on_group_done(1);
    }
  }

  // All at once: one small read a group.
  void refill_by_registrations() {
    std::vector<std::string> paths;
    for (const size_t index : waiting_)
      paths.push_back(fmt::format("/consumers/{}/ids", planned(index).group));
    const auto registered = execution_.zookeeper.children(paths, stop_);
    if (!registered) {
      error_ = registered.error();
      return;
    }
    for (size_t i = 0; !waiting_.empty(); ++i) {
      const size_t index = waiting_.front();
      waiting_.pop_front();
      if ((*registered)[i].names.empty()) {
        fresh_.push_back(index);
        continue;
      }
      end_commits(
          reports_[index], verify::Outcome::kRefused,
          fmt::format("drift: consumer '{}' is registered in ZooKeeper now; stop it, then plan "
                      "again",
                      (*registered)[i].names.front()));
      execution_.on_group_done(1);
    }
  }

  static void add_to_scan(const PlannedGroup& group, zkoffsets::ScanRequest& request) {
    using enum zkoffsets::Layout;
    const bool external =
        group.layout == kStorm || group.layout == kTrident || group.layout == kSparkCsv;
    if (external && group.external)
      request.external.push_back(*group.external);
    else
      request.groups->push_back(group.group);
  }

  // Somebody who committed to ZooKeeper while we migrated had his last records counted as unread:
  // the offsets in Kafka are then older than his.
  void check_zookeeper_at_the_end() {
    if (error_) return;
    std::vector<std::string> paths;
    for (size_t i = 0; i < reports_.size(); ++i)
      for (size_t k = 0; k < reports_[i].partitions.size(); ++k)
        if (reports_[i].partitions[k].outcome == verify::Outcome::kMigrated)
          paths.push_back(planned(i).partitions[k].path);
    if (paths.empty()) return;
    const auto versions = zkoffsets::read_versions(execution_.zookeeper, paths, stop_);
    if (!versions) return end_run(versions.error());
    for (size_t i = 0; i < reports_.size(); ++i)
      for (size_t k = 0; k < reports_[i].partitions.size(); ++k) {
        auto& row = reports_[i].partitions[k];
        const PlannedPartition& one = planned(i).partitions[k];
        if (row.outcome != verify::Outcome::kMigrated) continue;
        const auto found = versions->find(one.path);
        if (found != versions->end() && found->second == one.node) continue;
        row.outcome = verify::Outcome::kDifferent;
        row.detail =
            "committed, but ZooKeeper's offset changed meanwhile: somebody still consumes; stop it "
            "and migrate again";
      }
  }

  void end_run(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
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
  std::mutex mutex_;                  // guards all below while the workers run
  std::vector<GroupReport> reports_;  // in the plan's order
  std::deque<size_t> waiting_;        // groups whose turn has not come
  std::deque<size_t> fresh_;          // checked for drift just now
  std::optional<Error> error_;        // why the run ends early
};

}  // namespace

DiffReport execute(const Execution& execution, const ExecutorConfig& config,
                   const StopToken& stop) {
  return PlanRun(execution, config, stop).run();
}

}  // namespace kferry::migrate
