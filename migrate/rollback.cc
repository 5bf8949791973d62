#include "migrate/rollback.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "migrate/group_migration.h"
#include "migrate/receipt.h"
#include "wire/error_code.h"

namespace kferry::migrate {

using verify::DiffReport;
using verify::GroupReport;
using verify::Outcome;
using verify::PartitionReport;

namespace {

constexpr Duration kGroupTimeout{180'000};

// One group's way back.
class GroupRollback {
 public:
  GroupRollback(const PlannedGroup& group, const RollbackRequest& request,
                const ExecutorConfig& config, Worker& worker, std::mutex& admin_mutex,
                const StopToken& stop)
      : group_(group),
        request_(request),
        config_(config),
        worker_(worker),
        admin_mutex_(admin_mutex),
        wait_(Deadline::after(kGroupTimeout), stop),
        report_(to_report(group)) {
    for (PartitionReport& row : report_.partitions) row.outcome = Outcome::kSkipped;
    for (const PlannedPartition& one : group.partitions)
      if (was_written(one.partition)) open_[one.partition] = &one;
  }

  // Sets `fatal` when the whole run must end.
  GroupReport run(std::optional<Error>& fatal) {
    if (const auto done = steps(); !done) {
      const Error& error = done.error();
      const Outcome outcome = verify::outcome_of(error.kind);
      for (const auto& [partition, planned] : open_) end(partition, outcome, error.message);
      report_.detail = with_hint(error, "rollback");
      if (outcome == Outcome::kNotAttempted) fatal = error;
    }
    // Partitions that the run never wrote are no part of its rollback.
    std::erase_if(report_.partitions,
                  [](const PartitionReport& row) { return row.outcome == Outcome::kSkipped; });
    return std::move(report_);
  }

 private:
  bool was_written(const TopicPartition& partition) const {
    const auto done = request_.journal.done.find(group_.group);
    if (done == request_.journal.done.end()) {
      const auto planned =
          std::ranges::find(group_.partitions, partition, &PlannedPartition::partition);
      return request_.journal.intended.contains(group_.group) && planned->action == Action::kCommit;
    }
    const auto found =
        std::ranges::find(done->second.partitions, partition, &GroupDone::PartitionDone::partition);
    return found != done->second.partitions.end() &&
           (found->outcome == Outcome::kMigrated || found->outcome == Outcome::kDifferent);
  }

  Result<> steps() {
    if (open_.empty()) return {};
    KFERRY_CHECK(wait_.stop().check(fmt::format("rolling back group '{}'", group_.group)));
    KFERRY_CHECK(sort_out());
    if (!request_.execute || open_.empty()) return {};
    KFERRY_CHECK(restore());
    return erase();
  }

  Result<groupproto::GroupOffsets> fetch() {
    std::vector<TopicPartition> partitions;
    for (const PlannedPartition& one : group_.partitions) partitions.push_back(one.partition);
    KFERRY_TRY(auto by_group, groupproto::fetch_kafka_offsets(worker_.coordinators(),
                                                              {{group_.group, partitions}}, wait_));
    return std::move(by_group.at(group_.group));
  }

  // Decides every partition; what is left open is to be written.
  Result<> sort_out() {
    KFERRY_TRY(auto states,
               groupproto::describe_groups(worker_.coordinators(), {group_.group}, wait_));
    KFERRY_TRY(const auto state, std::move(states.at(group_.group)));
    if (!state.members.empty())
      return fail(ErrorKind::kRefused, fmt::format("group '{}' has live members: {}", group_.group,
                                                   groupproto::to_string(state.members)));
    KFERRY_TRY(const auto now, fetch());
    for (auto at = open_.begin(); at != open_.end();) {
      const auto [partition, planned] = *at;
      const auto found = now.find(partition);
      const std::optional<Offset> offset =
          found == now.end() ? std::nullopt : std::optional(found->second.offset);
      PartitionReport& row = row_of(partition);
      row.kafka_offset_before = offset ? std::optional(offset->value()) : std::nullopt;
      row.kafka_offset = row.kafka_offset_before;
      if (offset == planned->target) {
        row.outcome = Outcome::kPending;
        row.planned_offset =
            planned->kafka_before ? std::optional(planned->kafka_before->value()) : std::nullopt;
        row.detail = planned->kafka_before
                         ? fmt::format("back to {}", *planned->kafka_before)
                         : std::string("to be deleted: there was no offset before");
        ++at;
        continue;
      }
      row.detail = offset == planned->kafka_before ? "already as it was before"
                                                   : "the group has moved on since; left as it is";
      row.outcome = offset != planned->kafka_before ? Outcome::kRefused
                    : planned->kafka_before         ? Outcome::kRestored
                                                    : Outcome::kDeleted;
      at = open_.erase(at);
    }
    return {};
  }

  Result<> restore() {
    std::vector<groupproto::OffsetToCommit> offsets;
    for (const auto& [partition, planned] : open_)
      if (planned->kafka_before)
        offsets.push_back({partition, *planned->kafka_before, planned->kafka_metadata_before});
    if (offsets.empty()) return withdraw_receipts();
    KFERRY_CHECK(commit(offsets));
    KFERRY_TRY(const auto now, fetch());
    for (const auto& one : offsets) {
      const auto found = now.find(one.partition);
      const bool restored = found != now.end() && found->second.offset == one.offset;
      row_of(one.partition).kafka_offset =
          found == now.end() ? std::nullopt : std::optional(found->second.offset.value());
      end(one.partition, restored ? Outcome::kRestored : Outcome::kFailed,
          restored ? "" : "the broker accepted the commit, but another offset was read back");
    }
    std::erase_if(open_, [](const auto& one) { return one.second->kafka_before.has_value(); });
    return withdraw_receipts();
  }

  Result<> commit(const std::vector<groupproto::OffsetToCommit>& offsets) {
    groupproto::CommitResults codes;
    if (config_.commit_mode == CommitMode::kMember) {
      std::vector<TopicPartition> partitions;
      for (const auto& one : offsets) partitions.push_back(one.partition);
      KFERRY_TRY(const auto session,
                 groupproto::GroupSession::join(worker_.coordinators(), group_.group, partitions,
                                                config_.session, wait_));
      KFERRY_CHECK(session->check(wait_));
      KFERRY_TRY(codes, session->commit(offsets, {}, wait_));
      KFERRY_CHECK(session->leave());
    } else {
      KFERRY_TRY(wire::Broker* const broker, worker_.coordinators().of(group_.group, wait_));
      KFERRY_TRY(codes, groupproto::commit_offsets(*broker, {group_.group, Generation(-1), {}},
                                                   offsets, {}, wait_));
    }
    for (const auto& [partition, code] : codes)
      if (code != wire::kNone)
        return std::unexpected(wire::kafka_error(
            code, fmt::format("restoring group '{}', {}", group_.group, partition)));
    return {};
  }

  Result<> erase() {
    std::vector<TopicPartition> partitions;
    for (const auto& [partition, planned] : open_) partitions.push_back(partition);
    if (partitions.empty()) return {};
    {
      const std::lock_guard lock(admin_mutex_);
      KFERRY_CHECK(request_.admin.delete_committed_offsets(group_.group, partitions, wait_));
    }
    KFERRY_TRY(const auto now, fetch());
    for (const TopicPartition& partition : partitions) {
      const auto found = now.find(partition);
      row_of(partition).kafka_offset =
          found == now.end() ? std::nullopt : std::optional(found->second.offset.value());
      end(partition, found == now.end() ? Outcome::kDeleted : Outcome::kFailed,
          found == now.end() ? "" : "the broker deleted the offset, but it was read back");
    }
    open_.clear();
    return {};
  }

  Result<> withdraw_receipts() {
    std::vector<groupproto::OffsetToCommit> withdrawals;
    for (const PlannedPartition& one : group_.partitions)
      if (one.target && was_written(one.partition))
        withdrawals.push_back(make_withdrawal(one.partition, receipt_of(one, *one.target)));
    const auto done = write_receipts(worker_.coordinators(), group_.group, withdrawals, wait_);
    if (!done)
      log::warn("the group's receipts could not be withdrawn",
                {{"group", group_.group.value()}, {"error", done.error().message}});
    return {};
  }

  PartitionReport& row_of(const TopicPartition& partition) {
    return *std::ranges::find_if(report_.partitions, [&](const PartitionReport& row) {
      return row.topic == partition.topic && row.partition == partition.partition;
    });
  }

  void end(const TopicPartition& partition, Outcome outcome, const std::string& detail) {
    PartitionReport& row = row_of(partition);
    row.outcome = outcome;
    row.detail = detail;
  }

  const PlannedGroup& group_;
  const RollbackRequest& request_;
  const ExecutorConfig& config_;
  Worker& worker_;
  std::mutex& admin_mutex_;
  const Wait wait_;
  GroupReport report_;
  std::map<TopicPartition, const PlannedPartition*> open_;
};

}  // namespace

DiffReport rollback(const RollbackRequest& request, const ExecutorConfig& config,
                    const StopToken& stop) {
  DiffReport report;
  report.verb = "rollback";
  report.tool_version = KFERRY_VERSION;
  report.source = request.plan.source;
  report.executed = request.execute;
  std::vector<const PlannedGroup*> groups;
  for (const PlannedGroup& group : request.plan.groups)
    if (request.journal.intended.contains(group.group)) groups.push_back(&group);

  std::mutex mutex;  // guards report, next and fatal
  std::mutex admin_mutex;
  size_t next = 0;
  std::optional<Error> fatal;
  report.groups.resize(groups.size());
  const auto work = [&] {
    auto worker = Worker::connect(config, Wait(Deadline::after(kGroupTimeout), stop));
    while (true) {
      size_t index = 0;
      {
        const std::lock_guard lock(mutex);
        if (!worker && !fatal) fatal = worker.error();
        if (fatal || next == groups.size()) return;
        index = next++;
      }
      std::optional<Error> group_fatal;
      GroupRollback one(*groups[index], request, config, **worker, admin_mutex, stop);
      GroupReport done = one.run(group_fatal);
      const std::lock_guard lock(mutex);
      report.groups[index] = std::move(done);
      if (group_fatal && !fatal) fatal = group_fatal;
      request.on_group_done(1);
    }
  };
  {
    std::vector<std::jthread> threads;
    const size_t workers = std::min(groups.size(), static_cast<size_t>(config.parallel));
    for (size_t i = 0; i < workers; ++i) threads.emplace_back(work);
  }
  report.error = fatal;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!report.groups[i].group.value().empty()) continue;
    report.groups[i] = to_report(*groups[i]);
    std::erase_if(report.groups[i].partitions,
                  [](const PartitionReport& row) { return row.outcome != Outcome::kPending; });
    for (auto& row : report.groups[i].partitions) row.outcome = Outcome::kNotAttempted;
  }
  report.generated_at_ms = wall_clock_ms();
  return report;
}

}  // namespace kferry::migrate
