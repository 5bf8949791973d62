// What `kferry prove` has found: plain values, their JSON (docs/schemas/prove-report.schema.json)
// and a table for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/named.h"
#include "base/result.h"
#include "verify/record_difference.h"

namespace kferry::verify {

// One partition, all offsets fixed when the proof began.
struct PartitionProof {
  TopicPartition source = {};
  TopicName target_topic = {};  // the partition has the same number
  bool identity = true;         // else offsets are compared through the flow's map
  int64_t source_begin = 0;
  int64_t source_end = 0;  // of what is committed
  int64_t target_begin = 0;
  int64_t target_end = 0;
  int64_t compared_to = 0;  // all sampled ranges before it are equal
  int64_t records = 0;
  int64_t bytes = 0;
  int64_t ranges = 0;
  int64_t differing_ranges = 0;
  int64_t compacted = 0;  // records that one side has compacted away already
  int64_t foreign = 0;    // records of other writers on the target, which are not compared
  std::optional<RecordDifference> difference = {};  // the first one
  std::string trouble = {};                         // why it could not be compared

  bool done() const { return compared_to >= source_end || differing_ranges > 0; }
  bool differs() const { return difference.has_value(); }
};

enum class GroupOutcome {
  kEqual,
  kActive,        // it has members on the target
  kMoved,         // it has committed on the target, which is newer than what the source has
  kDifferent,     // another offset than the source's translated one
  kMissing,       // no offset on the target
  kUntranslated,  // nothing is known of the source's offset
};
std::string_view to_string(GroupOutcome outcome);
std::optional<GroupOutcome> parse_group_outcome(std::string_view word);
// Whether it counts as a difference.
bool is_difference(GroupOutcome outcome);

struct GroupProof {
  std::string group;
  TopicPartition source;
  int64_t source_offset = 0;
  std::optional<int64_t> expected = {};  // on the target
  std::optional<int64_t> target_offset = {};
  GroupOutcome outcome = GroupOutcome::kEqual;
};

// What makes two runs the same proof.
struct ProofScope {
  std::string source;  // HOST:PORT,...
  std::string target;
  std::string topics;
  std::string groups;
  std::string prefix;
  std::string flow;  // empty: identity is assumed
  int sample_percent = 100;
  std::string records_via = "raw";

  friend bool operator==(const ProofScope&, const ProofScope&) = default;
};

struct ProofReport {
  ProofScope scope;
  int64_t started_at_ms = 0;
  int64_t seconds = 0;                   // of work, all runs together
  bool complete = false;                 // false: interrupted; `--resume` goes on
  std::vector<std::string> differences;  // of topics, configs and ACLs
  std::vector<std::string> notes;        // no differences, but worth knowing
  std::vector<GroupProof> groups;
  std::vector<PartitionProof> partitions;
};

struct ProofSummary {
  int64_t partitions = 0;
  int64_t equal = 0;
  int64_t differing = 0;
  int64_t unread = 0;
  int64_t records = 0;
  int64_t bytes = 0;
  int64_t ranges = 0;
  int64_t group_offsets = 0;
  int64_t differing_offsets = 0;
};
ProofSummary summarise(const ProofReport& report);

// kDone 0: equal, 3: differences, 1: something could not be compared.
int exit_code_of(const ProofReport& report);

std::string to_json(const ProofReport& report);
// kUsage: not such a report; the message says what is wrong with it.
Result<ProofReport> parse_proof(const std::string& json);
// The verdict in one line, with the first difference: "3 partitions, 36000 records and 12 group
// offsets are the same", "orders-1: ...".
std::string to_words(const ProofReport& report);
// At most `max_lines` lines of partitions and of groups each, those that differ first, and a
// closing sentence.
std::string to_table(const ProofReport& report, size_t max_lines);

}  // namespace kferry::verify
