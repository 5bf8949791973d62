// Which groups may go along with the mirror, and why not the others: the core of `kferry handoff`.
// Pure; verify/handoff_report.h writes what comes out of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "groupproto/group_offsets.h"
#include "verify/report.h"

namespace kferry::verify {

// A team's report, and where it was found.
struct CollectedReport {
  std::string file;
  DiffReport report;
};

// What is known of a group now, whatever the reports say.
struct GroupNow {
  std::optional<std::string> team;  // as the configuration has it
  bool in_kafka = false;            // the source's brokers list it
  // Where ZooKeeper has something of the group: compared with Kafka, as `kferry verify` does it.
  std::optional<GroupReport> verified;
  std::optional<int64_t> changed_at_ms;  // the last change of an offset in ZooKeeper; epoch
  std::string trouble;  // what of the group in ZooKeeper cannot be read or judged; empty: nothing
  // What Kafka has; asked for the groups that a report is about.
  Result<groupproto::GroupOffsets> kafka = groupproto::GroupOffsets{};
};

struct HandoffFacts {
  int64_t now_ms = 0;
  std::optional<std::string> cluster_id;  // of the source
  bool zookeeper_read = false;
  // By what the groups are judged; nullopt: by ZooKeeper and Kafka as they are now.
  std::optional<std::vector<CollectedReport>> reports;
  std::map<GroupId, GroupNow> groups;  // all that the flow selects, wherever they are known from
  // Whether the mirror copies the topic: offsets of others are not judged.
  std::function<bool(const TopicName&)> copies = [](const TopicName&) { return true; };
};

// What a group's readiness rests on.
enum class HandoffBasis {
  kReport,    // a team's report, and that nothing has changed since
  kVerified,  // ZooKeeper and Kafka, compared now
  kKafka,     // the group has no offset in ZooKeeper
  kNothing,   // there is nothing to judge it by
};
std::string_view to_string(HandoffBasis basis);  // "report", "verified", "kafka", "nothing"

struct GroupReadiness {
  GroupId group;
  std::optional<std::string> team;
  HandoffBasis basis = HandoffBasis::kNothing;
  int64_t partitions = 0;             // that were judged
  int64_t partitions_not_copied = 0;  // of topics that the mirror does not copy
  std::vector<std::string> reasons;   // why it is not ready, for people; empty: it is
  std::string report_file;            // of the newest report about it; empty: none
  std::optional<int64_t> report_at_ms;
  std::optional<int64_t> expires_at_ms;  // by the report: when Kafka drops the offsets

  bool ready() const { return reasons.empty(); }
};

// One for each group of the facts, in their order. A group is ready when the newest report about it
// says that every offset is where it should be and nothing has changed since: neither in ZooKeeper
// (another offset, a later write, consumers that are registered) nor in Kafka (an offset that is
// gone, or was set back; one that has moved on is as it should be). Without reports: when a
// verification now finds no difference. A group that keeps nothing in ZooKeeper is ready as it is.
std::vector<GroupReadiness> judge(const HandoffFacts& facts);

}  // namespace kferry::verify
