#include "verify/report.h"

#include <utility>

namespace kferry::verify {
namespace {

struct OutcomeRow {
  Outcome outcome;
  std::string_view name;
};

constexpr OutcomeRow kRows[] = {
    {Outcome::kMigrated, "migrated"},      {Outcome::kEqual, "equal"},
    {Outcome::kKafkaAhead, "kafka_ahead"}, {Outcome::kPending, "pending"},
    {Outcome::kNoOffset, "no_offset"},     {Outcome::kSkipped, "skipped"},
    {Outcome::kRefused, "refused"},        {Outcome::kFailed, "failed"},
    {Outcome::kDenied, "denied"},          {Outcome::kNotAttempted, "not_attempted"},
    {Outcome::kDifferent, "different"},    {Outcome::kMissing, "missing"},
    {Outcome::kRestored, "restored"},      {Outcome::kDeleted, "deleted"},
};

int64_t count_of(const std::map<Outcome, int64_t>& counts, std::initializer_list<Outcome> wanted) {
  int64_t sum = 0;
  for (const Outcome outcome : wanted)
    if (const auto found = counts.find(outcome); found != counts.end()) sum += found->second;
  return sum;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  for (const OutcomeRow& row : kRows)
    if (row.outcome == outcome) return row.name;
  std::unreachable();
}

std::optional<Outcome> parse_outcome(std::string_view text) {
  for (const OutcomeRow& row : kRows)
    if (row.name == text) return row.outcome;
  return std::nullopt;
}

std::map<Outcome, int64_t> summarise(const DiffReport& report) {
  std::map<Outcome, int64_t> counts;
  for (const GroupReport& group : report.groups)
    for (const PartitionReport& partition : group.partitions) ++counts[partition.outcome];
  return counts;
}

int64_t count_partitions(const DiffReport& report) {
  int64_t count = 0;
  for (const GroupReport& group : report.groups) count += std::ssize(group.partitions);
  return count;
}

int exit_code_of(const DiffReport& report) {
  const std::map<Outcome, int64_t> counts = summarise(report);
  const auto any = [&](auto... outcomes) { return count_of(counts, {outcomes...}) > 0; };
  const auto ended_by = [&](ErrorKind kind) { return report.error && report.error->kind == kind; };

  for (const ErrorKind kind : {ErrorKind::kInterrupted, ErrorKind::kUsage})
    if (ended_by(kind)) return exit_code_of(kind);
  if (any(Outcome::kDenied) || ended_by(ErrorKind::kNotAuthorised))
    return exit_code_of(ErrorKind::kNotAuthorised);
  if (ended_by(ErrorKind::kPartlyDone)) return exit_code_of(ErrorKind::kPartlyDone);

  const bool written = any(Outcome::kMigrated, Outcome::kRestored, Outcome::kDeleted);
  const bool resumable =
      any(Outcome::kNotAttempted) || (any(Outcome::kFailed) && ended_by(ErrorKind::kUnreachable));
  if (written && resumable) return exit_code_of(ErrorKind::kPartlyDone);
  if (ended_by(ErrorKind::kUnreachable)) return exit_code_of(ErrorKind::kUnreachable);
  if (any(Outcome::kFailed) || ended_by(ErrorKind::kFailed)) return 1;
  // Nobody said why the run ended before its turn came: that is a failure too.
  if (any(Outcome::kNotAttempted) && !report.error) return 1;
  if (any(Outcome::kRefused) || ended_by(ErrorKind::kRefused)) return 4;
  if (any(Outcome::kPending, Outcome::kDifferent, Outcome::kMissing)) return 3;
  return 0;
}

Outcome outcome_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kRefused:
      return Outcome::kRefused;
    case ErrorKind::kNotAuthorised:
      return Outcome::kDenied;
    case ErrorKind::kFailed:
      return Outcome::kFailed;
    case ErrorKind::kUsage:
    case ErrorKind::kUnreachable:
    case ErrorKind::kPartlyDone:
    case ErrorKind::kInterrupted:
      return Outcome::kNotAttempted;
  }
  return Outcome::kNotAttempted;
}

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailed:
      return 1;
    case ErrorKind::kUsage:
      return 2;
    case ErrorKind::kRefused:
      return 4;
    case ErrorKind::kUnreachable:
      return 5;
    case ErrorKind::kPartlyDone:
      return 6;
    case ErrorKind::kNotAuthorised:
      return 7;
    case ErrorKind::kInterrupted:
      return 130;
  }
  return 1;
}

}  // namespace kferry::verify
