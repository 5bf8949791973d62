#include "migrate/group_migration.h"

#include <algorithm>

#include "base/log.h"
#include "base/test_hook.h"
#include "migrate/receipt.h"
#include "wire/error_code.h"
#include "wire/log_range.h"

namespace kferry::migrate {

using verify::Outcome;

namespace {

// Bounds the work on one group, the join included.
constexpr Duration kGroupTimeout{180'000};

std::string_view hint_replan() {
  return "make a new plan and look at it";
}

// Concerns this group alone: the others go on.
bool is_local(const Error& error) {
  return verify::outcome_of(error.kind) != Outcome::kNotAttempted;
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::connect(const ExecutorConfig& config, const Wait& wait) {
  KFERRY_TRY(wire::Cluster cluster, wire::Cluster::connect(config.bootstrap, config.client, wait));
  KFERRY_CHECK(cluster.fetch_metadata(std::vector<TopicName>{}, wait));
  return std::unique_ptr<Worker>(new Worker(std::move(cluster)));
}

GroupMigration::GroupMigration(const PlannedGroup& group, const Plan& plan,
                               const ExecutorConfig& config, Worker& worker, Journal& journal,
                               bool intended_before, const StopToken& stop)
    : group_(group),
      plan_(plan),
      config_(config),
      worker_(worker),
      journal_(journal),
      intended_before_(intended_before),
      wait_(Deadline::after(kGroupTimeout), stop),
      report_(migrate::to_report(group)) {
  for (const PlannedPartition& planned : group.partitions)
    if (planned.action == Action::kCommit) open_[planned.partition] = &planned;
  for (const auto& [partition, planned] : open_) {
    auto& row = report_of(partition);
    row.outcome = Outcome::kNotAttempted;
    row.kafka_offset = row.kafka_offset_before;
  }
}

GroupMigration::Ending GroupMigration::run() {
  std::optional<Error> fatal;
  if (const auto done = steps(); !done) {
    const Error& error = done.error();
    refuse_all(error);
    if (journal_failed_ || !is_local(error)) fatal = error;
  }
  const bool worth_a_record = !fatal || open_.empty();
  if (worth_a_record) {
    test_hook("group.before_done");
    if (const auto recorded = journal_.append_done(to_done(report_)); !recorded && !fatal)
      fatal = recorded.error();
    test_hook("group.after_done");
  }
  return {std::move(report_), std::move(fatal)};
}

Result<> GroupMigration::steps() {
  KFERRY_CHECK(wait_.stop().check(fmt::format("migrating group '{}'", group_.group)));
  KFERRY_CHECK(check_nobody_is_in_it());
  KFERRY_CHECK(check_log_ranges());
  if (open_.empty()) return {};
  test_hook("group.before_intent");
  const auto intended = journal_.append_intent(group_.group);
  journal_failed_ = !intended;
  KFERRY_CHECK(intended);
  test_hook("group.after_intent");
  return config_.commit_mode == CommitMode::kMember ? commit_as_member() : commit_simple();
}

Result<> GroupMigration::check_nobody_is_in_it() {
  KFERRY_CHECK(check_members());
  auto& coordinators = worker_.coordinators();
  KFERRY_TRY(auto by_group, groupproto::fetch_kafka_offsets(
                                coordinators, {{group_.group, open_partitions()}}, wait_));
  KFERRY_TRY(kafka_before_, std::move(by_group.at(group_.group)));
  KFERRY_CHECK(check_kafka_offsets(kafka_before_));
  if (!intended_before_) set_equal_aside();
  return {};
}

// The same plan was applied before: there is nothing left to write where Kafka has the target
// already. (What a run that was cut off has committed is committed again, so that its report is
// that of an undisturbed run.)
void GroupMigration::set_equal_aside() {
  for (auto at = open_.begin(); at != open_.end();) {
    const auto found = kafka_before_.find(at->first);
    if (found == kafka_before_.end() || found->second.offset != *at->second->target) {
      ++at;
      continue;
    }
    auto& row = report_of(at->first);
    row.outcome = Outcome::kEqual;
    row.kafka_offset = found->second.offset.value();
    row.detail = "Kafka has this offset already";
    at = open_.erase(at);
  }
}

// A run of kferry that was killed stays a member until its session times out: that is waited for.
Result<> GroupMigration::check_members() {
  bool only_kferry = false;
  const auto once = [&]() -> Result<> {
    KFERRY_TRY(auto states,
               groupproto::describe_groups(worker_.coordinators(), {group_.group}, wait_));
    KFERRY_TRY(const groupproto::GroupState state, std::move(states.at(group_.group)));
    if (state.members.empty()) return {};
    only_kferry = std::ranges::all_of(state.members, [&](const groupproto::GroupMember& member) {
      return member.client_id == config_.client.client_id;
    });
    return fail(ErrorKind::kRefused,
                fmt::format("group '{}' has live members: {}", group_.group,
                            groupproto::to_string(state.members)),
                "stop them, then plan again");
  };
  return with_retry({}, wait_.at_most(config_.session.session_timeout + Duration(5'000)), once,
                    [&](const Error&) { return only_kferry; });
}

// Drift: Kafka's offset is neither what the plan saw nor, when an earlier run was cut off, what
// that run committed.
Result<> GroupMigration::check_kafka_offsets(const groupproto::GroupOffsets& now) {
  for (const auto& [partition, planned] : open_) {
    const auto found = now.find(partition);
    const std::optional<Offset> offset =
        found == now.end() ? std::nullopt : std::optional(found->second.offset);
    if (offset == planned->kafka_before || offset == planned->target) continue;
    const auto text = [](const std::optional<Offset>& one) {
      return one ? fmt::format("{}", *one) : std::string("none");
    };
    return fail(
        ErrorKind::kRefused,
        fmt::format("drift: group '{}', {}: Kafka's offset was {} when the plan was made and "
                    "is {} now",
                    group_.group, partition, text(planned->kafka_before), text(offset)),
        std::string(hint_replan()));
  }
  return {};
}

// Retention may have overtaken the plan. Such a partition is refused, the others go on.
Result<> GroupMigration::check_log_ranges() {
  const std::vector<TopicPartition> partitions = open_partitions();
  std::set<TopicName> topics;
  for (const TopicPartition& partition : partitions) topics.insert(partition.topic);
  KFERRY_TRY(const auto metadata, worker_.cluster().fetch_metadata(
                                      std::vector<TopicName>(topics.begin(), topics.end()), wait_));
  KFERRY_TRY(const auto ranges,
             wire::fetch_log_ranges(worker_.cluster(), metadata, partitions, wait_));
  for (const auto& [partition, range] : ranges) {
    auto& row = report_of(partition);
    const Offset target = *open_.at(partition)->target;
    if (range.error_code != wire::kNone) {
      row.detail =
          wire::kafka_error(range.error_code, "asking for the log's start and end").message;
    } else {
      row.log_start_offset = range.start.value();
      row.log_end_offset = range.end.value();
      if (target >= range.start && target <= range.end) continue;
      row.detail = fmt::format("drift: {} is outside the log now, which is {} to {}", target,
                               range.start, range.end);
    }
    row.outcome = Outcome::kRefused;
    open_.erase(partition);
  }
  return {};
}

Result<> GroupMigration::commit_as_member() {
  auto joined = groupproto::GroupSession::join(worker_.coordinators(), group_.group, subscription(),
                                               config_.session, wait_);
  if (!joined) {
    Error error = joined.error();
    if (error.kafka_code == wire::kUnsupportedVersion)
      error.hint =
          "this broker is older than 0.9 and has no group protocol: pass --commit-mode simple";
    return std::unexpected(std::move(error));
  }
  groupproto::GroupSession& session = **joined;
  log::info("holding the group", {{"group", group_.group.value()},
                                  {"member", session.member().value()},
                                  {"generation", fmt::format("{}", session.generation())}});
  test_hook("group.held");
  const std::vector<groupproto::OffsetToCommit> offsets = offsets_to_commit();
  const std::vector<TopicPartition> partitions = open_partitions();
  KFERRY_TRY(const auto before, session.fetch(partitions, wait_));
  KFERRY_CHECK(check_kafka_offsets(before));
  KFERRY_CHECK(wait_.stop().check(fmt::format("migrating group '{}'", group_.group)));
  KFERRY_CHECK(session.check(wait_));
  test_hook("group.before_commit");
  // From here on the group is finished even if a stop is requested: a few milliseconds, and no half
  // commit.
  const Wait to_the_end = Wait::uninterruptible(config_.session.session_timeout);
  KFERRY_TRY(const auto codes, session.commit(offsets, {config_.retain}, to_the_end));
  test_hook("group.after_commit");
  KFERRY_CHECK(accept_codes(codes));
  KFERRY_TRY(const auto now, session.fetch(partitions, to_the_end));
  accept_read_back(now);
  const auto left = session.leave();
  if (!left)
    report_.detail =
        fmt::format("committed and read back, but not left cleanly: {}", left.error().message);
  finish();
  return {};
}

Result<> GroupMigration::commit_simple() {
  auto& coordinators = worker_.coordinators();
  const std::vector<groupproto::OffsetToCommit> offsets = offsets_to_commit();
  const std::vector<TopicPartition> partitions = open_partitions();
  test_hook("group.before_commit");
  const Wait to_the_end = Wait::uninterruptible(config_.client.request_timeout);
  // Sent again after a lost answer: in a group without members nobody else can have written in
  // between.
  const auto once = [&]() -> Result<> {
    KFERRY_TRY(wire::Broker* const broker, coordinators.of(group_.group, to_the_end));
    KFERRY_TRY(const auto codes,
               groupproto::commit_offsets(*broker, {group_.group, Generation(-1), {}}, offsets,
                                          {config_.retain}, to_the_end));
    for (const auto& [partition, code] : codes)
      if (groupproto::is_coordinator_error(code))
        return std::unexpected(wire::kafka_error(code, "committing"));
    return accept_codes(codes);
  };
  KFERRY_CHECK(with_retry({}, to_the_end, once, [&](const Error& error) {
    if (error.kind == ErrorKind::kUnreachable) coordinators.forget(group_.group);
    return error.kind == ErrorKind::kUnreachable;
  }));
  test_hook("group.after_commit");
  KFERRY_TRY(auto by_group, groupproto::fetch_kafka_offsets(
                                coordinators, {{group_.group, partitions}}, to_the_end));
  KFERRY_TRY(const auto now, std::move(by_group.at(group_.group)));
  accept_read_back(now);
  finish();
  return {};
}

Result<> GroupMigration::accept_codes(const groupproto::CommitResults& codes) {
  std::optional<Error> denial;
  for (const auto& [partition, code] : codes) {
    if (code == wire::kNone || !open_.contains(partition)) continue;
    const Error error = wire::kafka_error(code, "the commit was rejected");
    auto& row = report_of(partition);
    const bool denied = error.kind == ErrorKind::kNotAuthorised;
    row.outcome = denied ? Outcome::kDenied : Outcome::kFailed;
    row.detail = error.message;
    open_.erase(partition);
    if (denied) denial = error;
  }
  if (denial && open_.empty()) return std::unexpected(std::move(*denial));
  if (denial) report_.detail = with_hint(*denial, "migrate");
  return {};
}

void GroupMigration::accept_read_back(const groupproto::GroupOffsets& now) {
  for (const auto& [partition, planned] : open_) {
    auto& row = report_of(partition);
    const auto found = now.find(partition);
    row.kafka_offset.reset();
    if (found != now.end()) row.kafka_offset = found->second.offset.value();
    const bool as_planned = found != now.end() && found->second.offset == *planned->target;
    row.outcome = as_planned ? Outcome::kMigrated : Outcome::kFailed;
    if (!as_planned)
      row.detail = "the broker accepted the commit, but another offset was read back";
    written_ = written_ || as_planned;
  }
  open_.clear();
}

// The offsets stand: from now on the clock of their expiry runs, and the receipt can be written.
void GroupMigration::finish() {
  if (plan_.offsets_retention_ms || config_.retain)
    report_.expires_at_ms =
        wall_clock_ms() + (config_.retain ? config_.retain->count() : *plan_.offsets_retention_ms);
  if (!config_.write_receipts || !written_) return;
  std::vector<groupproto::OffsetToCommit> receipts;
  for (const PlannedPartition& planned : group_.partitions) {
    if (planned.action == Action::kCommit &&
        report_of(planned.partition).outcome == Outcome::kMigrated)
      receipts.push_back(make_receipt(planned.partition, receipt_of(planned, *planned.target)));
    // Nothing was to be done here, but the group as a whole is migrated: from now on it is its own
    // business, also when it goes back.
    if (planned.action == Action::kKeep && planned.verdict == Verdict::kEqual)
      receipts.push_back(
          make_receipt(planned.partition, receipt_of(planned, *planned.kafka_before)));
  }
  const auto written =
      migrate::write_receipts(worker_.coordinators(), group_.group, receipts,
                              Wait::uninterruptible(config_.client.request_timeout));
  if (written) return;
  log::warn("no receipt was written: a later run cannot tell that kferry migrated this group",
            {{"group", group_.group.value()}, {"error", written.error().message}});
  report_.evidence.notes.push_back(fmt::format("no receipt: {}", written.error().message));
}

// What is still open when the group's work ends early.
void GroupMigration::refuse_all(const Error& error) {
  for (const auto& [partition, planned] : open_) {
    auto& row = report_of(partition);
    row.outcome = journal_failed_ ? Outcome::kNotAttempted : verify::outcome_of(error.kind);
    row.detail = error.message;
  }
  if (is_local(error) && !journal_failed_) open_.clear();
  report_.detail = with_hint(error, "migrate");
}

std::vector<groupproto::OffsetToCommit> GroupMigration::offsets_to_commit() const {
  std::vector<groupproto::OffsetToCommit> offsets;
  for (const auto& [partition, planned] : open_)
    offsets.push_back({partition, *planned->target, std::string()});
  return offsets;
}

std::vector<TopicPartition> GroupMigration::open_partitions() const {
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, planned] : open_) partitions.push_back(partition);
  return partitions;
}

// ZooKeeper's topics and those that Kafka has offsets for already: while a group is stable, brokers
// let offsets of topics outside its subscription expire (KIP-211).
std::vector<TopicPartition> GroupMigration::subscription() const {
  std::set<TopicPartition> partitions;
  for (const auto& [partition, planned] : open_) partitions.insert(partition);
  for (const auto& [partition, committed] : kafka_before_) partitions.insert(partition);
  return {partitions.begin(), partitions.end()};
}

verify::PartitionReport& GroupMigration::report_of(const TopicPartition& partition) {
  const auto found = std::ranges::lower_bound(report_.partitions, partition, {},
                                              [](const verify::PartitionReport& row) {
                                                return TopicPartition{row.topic, row.partition};
                                              });
  return *found;  // every planned partition has its row
}

std::string with_hint(const Error& error, std::string_view job) {
  std::string text = error.message;
  if (!error.hint.empty()) text += "; " + error.hint;
  if (error.kind == ErrorKind::kNotAuthorised)
    text +=
        fmt::format("; `kferry acls --job {}` prints the commands that grant what it needs", job);
  return text;
}

verify::GroupReport to_report(const PlannedGroup& group, const GroupDone& done) {
  verify::GroupReport report = to_report(group);
  report.expires_at_ms = done.expires_at_ms;
  report.detail = done.detail;
  for (const auto& one : done.partitions) {
    const auto row =
        std::ranges::find_if(report.partitions, [&](const verify::PartitionReport& at) {
          return at.topic == one.partition.topic && at.partition == one.partition.partition;
        });
    if (row == report.partitions.end()) continue;
    row->outcome = one.outcome;
    row->kafka_offset.reset();
    if (one.kafka_offset) row->kafka_offset = one.kafka_offset->value();
    row->detail = one.detail;
  }
  return report;
}

GroupDone to_done(const verify::GroupReport& report) {
  GroupDone done{report.group, report.expires_at_ms, report.detail, {}};
  for (const auto& row : report.partitions) {
    auto& one = done.partitions.emplace_back();
    one.partition = {row.topic, row.partition};
    one.outcome = row.outcome;
    if (row.kafka_offset) one.kafka_offset = Offset(*row.kafka_offset);
    one.detail = row.detail;
  }
  return done;
}

}  // namespace kferry::migrate
