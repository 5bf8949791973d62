// The diff report: what stood where before, what stands there now, and how each partition ended.
// Plain values; verify/report_json.h writes and reads them (docs/schemas/report.schema.json).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/named.h"
#include "base/result.h"

namespace kferry::verify {

// How one partition of one group ended. Every partition ends in exactly one.
enum class Outcome {
  kMigrated,      // committed by this run and read back
  kEqual,         // Kafka had this very offset already
  kKafkaAhead,    // Kafka is ahead and stays: the group was moved earlier and has moved on, or by
                  // policy
  kPending,       // would be committed; nothing was written (no --execute)
  kNoOffset,      // the partition has no offset in ZooKeeper
  kSkipped,       // left out by policy (--on-range skip, --on-missing skip)
  kRefused,       // not written, on purpose; `detail` says why
  kFailed,        // should have been written and was not, or was not read back
  kDenied,        // should have been written, but a right is missing; `detail` says which
  kNotAttempted,  // the run ended before its turn
  kDifferent,     // verify: Kafka has another offset than it should
  kMissing,       // verify: Kafka has no offset
  kRestored,      // rollback: the earlier Kafka offset stands again
  kDeleted,       // rollback: there was none earlier, there is none again
};

// "migrated", "equal", "kafka_ahead", "pending", "no_offset", "skipped", "refused", "failed",
// "denied", "not_attempted", "different", "missing", "restored", "deleted".
std::string_view to_string(Outcome outcome);
std::optional<Outcome> parse_outcome(std::string_view text);

struct PartitionReport {
  TopicName topic;
  Partition partition;
  std::optional<int64_t> zookeeper_offset;  // as it stands there, before the convention is applied
  std::optional<int64_t> kafka_offset_before;  // before this run; absent: none
  std::optional<int64_t> kafka_offset;         // read back at the end; absent: none
  // What would be committed; set only where outcome is kPending. For the table and the CSV; not in
  // the JSON report, whose plan file has it.
  std::optional<int64_t> planned_offset;
  std::optional<int64_t> log_start_offset;
  std::optional<int64_t> log_end_offset;
  Outcome outcome = Outcome::kNotAttempted;
  std::string verdict;  // the planner's, e.g. "create"; empty where nothing was planned
  std::string detail;   // for people; empty where there is nothing to say
};

// Why we believe that nobody else was consuming.
struct Evidence {
  // Under /consumers/<g>/ids and /consumers/<g>/owners. Absent: ZooKeeper was not looked at.
  std::optional<int64_t> registered_consumers = 0;
  std::optional<int64_t> owned_partitions = 0;
  std::string kafka_group_state;  // "Empty", "Dead", "Stable", ...; "" when it could not be asked
  int64_t kafka_members = 0;
  int64_t samples = 0;  // how often the znodes' versions (through brokers: the offsets) were read
  int64_t sampled_for_ms = 0;  // from the first sample to the last
  int64_t changed_nodes = 0;   // that changed in between
  std::string reads;  // "zookeeper+broker", "zookeeper", "broker": the independent reads made
  std::vector<std::string> notes;  // e.g. why there was no second read, what we may not see
};

struct GroupReport {
  GroupId group;
  std::optional<std::string> team;
  std::string layout;
  std::string convention;
  Evidence evidence;
  std::optional<int64_t> expires_at_ms;     // when Kafka drops the offsets if nobody joins; epoch
  std::string detail;                       // e.g. why the whole group was refused
  std::vector<PartitionReport> partitions;  // ordered by topic, partition
};

struct Source {
  std::string zookeeper;  // empty: its offsets were read through the brokers
  std::optional<std::string> cluster_id;
  std::string bootstrap_servers;
};

struct DiffReport {
  static constexpr std::string_view kSchema = "kferry/diff-report/v1";

  std::string verb;  // "plan", "migrate", "verify" or "rollback"
  int64_t generated_at_ms = 0;
  std::string tool_version;
  Source source;
  bool executed = false;            // false: nothing was written
  std::vector<GroupReport> groups;  // ordered by group
  // Set when the run ended early; decides the exit code together with the outcomes.
  std::optional<Error> error;
};

// Counts per outcome; the counts add up to the number of partitions. Outcomes with no partition are
// absent.
std::map<Outcome, int64_t> summarise(const DiffReport& report);
int64_t count_partitions(const DiffReport& report);

// The exit code that the report stands for (docs/exit-codes.md): the first row that applies.
//   130  the error is kInterrupted
//     2  the error is kUsage
//     7  the error is kNotAuthorised; or denied: resuming is of no use before somebody grants the
//        right
//     6  the error is kPartlyDone; or something was written (migrated, restored, deleted) and
//        something is still to be done that `--resume` can do: not_attempted, or failed while the
//        error is kUnreachable
//     5  the error is kUnreachable
//     1  the error is kFailed; or failed; or not_attempted without any error
//     4  the error is kRefused; or refused
//     3  pending, different or missing
//     0  otherwise: migrated, equal, kafka_ahead, no_offset, skipped, restored, deleted
int exit_code_of(const DiffReport& report);

// How a partition ends whose group's work ended with such an error: kRefused, kDenied, kFailed; or
// kNotAttempted, where the error concerns the whole run.
Outcome outcome_of(ErrorKind kind);

// The exit code of an error that ended a verb.
int exit_code_of(ErrorKind kind);

}  // namespace kferry::verify
