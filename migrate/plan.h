// The plan: for every partition of every group what stands where, the verdict, and what shall be
// done. Plain values. migrate/plan_file.h writes and reads them (docs/schemas/plan.schema.json).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/named.h"
#include "verify/report.h"
#include "zkoffsets/snapshot.h"

namespace kferry::migrate {

// How ZooKeeper's offset relates to Kafka's and to the log.
enum class Verdict {
  kCreate,            // Kafka has no offset yet
  kEqual,             // Kafka has this very offset
  kAdvance,           // Kafka has a smaller one
  kKafkaAhead,        // Kafka has a larger one
  kBeforeLogStart,    // the offset's record has been deleted
  kAfterLogEnd,       // the offset is beyond the end of the log
  kNoOffset,          // no offset in ZooKeeper for a partition that exists
  kUnparsable,        // the znode holds no usable number
  kDenied,            // an ACL hides the offset
  kMissingTopic,      // the topic does not exist any more
  kMissingPartition,  // the topic has fewer partitions
  kConflict,          // two reads of ZooKeeper's offset differ
};

// "create", "equal", "advance", "kafka_ahead", "before_log_start", "after_log_end", "no_offset",
// "unparsable", "denied", "missing_topic", "missing_partition", "conflict".
std::string_view to_string(Verdict verdict);
std::optional<Verdict> parse_verdict(std::string_view text);

// What apply does about it.
enum class Action {
  kCommit,  // commit `target`
  kKeep,    // nothing: Kafka's offset is right as it is
  kSkip,    // nothing, by policy, or because there is no offset
  kRefuse,  // nothing, and the exit code says so
};

std::string_view to_string(Action action);  // "commit", "keep", "skip", "refuse"
std::optional<Action> parse_action(std::string_view text);

enum class ConflictPolicy { kFail, kZookeeper, kKafka, kMin, kMax };
enum class RangePolicy { kFail, kClamp, kSkip };
enum class MissingPolicy { kFail, kSkip };

struct Policies {
  // Two reads differ, or Kafka is ahead of ZooKeeper and no receipt says that kferry moved the
  // group.
  ConflictPolicy on_conflict = ConflictPolicy::kFail;
  // The offset is before the log's start or after its end.
  RangePolicy on_range = RangePolicy::kFail;
  // The topic or the partition is gone.
  MissingPolicy on_missing = MissingPolicy::kFail;
};

std::string_view to_string(ConflictPolicy policy);  // "fail", "zookeeper", "kafka", "min", "max"
std::string_view to_string(RangePolicy policy);     // "fail", "clamp", "skip"
std::string_view to_string(MissingPolicy policy);   // "fail", "skip"
std::optional<ConflictPolicy> parse_conflict_policy(std::string_view text);
std::optional<RangePolicy> parse_range_policy(std::string_view text);
std::optional<MissingPolicy> parse_missing_policy(std::string_view text);

struct PlannedPartition {
  TopicPartition partition;
  std::string path;                                 // znode; empty for kNoOffset
  std::optional<ZookeeperOffset> zookeeper_offset;  // as it stands there
  zkoffsets::NodeVersion node;                      // drift is a change of it
  std::optional<Offset> kafka_before;               // drift is a change of it
  std::string kafka_metadata_before;                // restored by a rollback
  std::optional<Offset> log_start;
  std::optional<Offset> log_end;
  Verdict verdict = Verdict::kNoOffset;
  Action action = Action::kSkip;
  std::optional<Offset> target;  // set exactly when action is kCommit; >= 0
  std::string detail;            // for people
};

struct PlannedGroup {
  GroupId group;
  std::optional<std::string> team;
  zkoffsets::Layout layout = zkoffsets::Layout::kHighLevelConsumer;
  zkoffsets::Convention convention = zkoffsets::Convention::kNext;
  // Where a group outside /consumers is kept (Storm, Trident, Spark, ...): read again for drift.
  std::vector<zkoffsets::ExternalLayout> external;
  verify::Evidence evidence;
  // Set when nothing may be written for the whole group (somebody is consuming): all its partitions
  // whose action would be kCommit are kRefuse then.
  std::string refusal;
  std::vector<std::string> warnings;
  std::vector<PlannedPartition> partitions;  // ordered by topic, partition
};

struct Plan {
  static constexpr std::string_view kSchema = "kferry/plan/v1";

  std::string
      id;  // SHA-256 over everything else in the file, in hexadecimal: an edit by hand shows
  int64_t created_at_ms = 0;
  std::string tool_version;
  verify::Source source;
  Policies policies;
  std::map<TopicName, std::string>
      topic_ids;  // hexadecimal, of the topics that have one: a recreated topic is drift
  std::optional<int64_t>
      offsets_retention_ms;  // offsets.retention.minutes of the brokers, where it can be asked
  std::vector<PlannedGroup> groups;  // ordered by group
};

// What the plan amounts to, as a report in which nothing was executed: kPending for kCommit,
// kRefused for kRefuse, kEqual or kKafkaAhead for kKeep, kNoOffset or kSkipped for kSkip.
verify::DiffReport to_report(const Plan& plan);
verify::GroupReport to_report(const PlannedGroup& group);
// kNotAuthorised for the first offset that an ACL of ZooKeeper hides; nullopt when there is none.
std::optional<Error> hidden_refusal(const Plan& plan);

}  // namespace kferry::migrate
