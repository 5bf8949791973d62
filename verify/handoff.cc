#include "verify/handoff.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"

namespace kferry::verify {
namespace {

// What must be said about a group with this outcome; nullptr: it is as it should be.
const char* objection(Outcome outcome) {
  switch (outcome) {
    case Outcome::kMigrated:
    case Outcome::kEqual:
    case Outcome::kKafkaAhead:
    case Outcome::kNoOffset:
    case Outcome::kSkipped:
      return nullptr;
    case Outcome::kPending:
      return "not migrated yet";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kDenied:
      return "denied";
    case Outcome::kNotAttempted:
      return "not attempted";
    case Outcome::kDifferent:
      return "different";
    case Outcome::kMissing:
      return "missing in Kafka";
    case Outcome::kRestored:
    case Outcome::kDeleted:
      return "rolled back";
  }
  return "of an unknown outcome";
}

std::string name_of(const PartitionReport& one) {
  return fmt::format("{}-{}", one.topic, one.partition);
}

std::string partitions(int64_t n) {
  return fmt::format("{} partition{}", n, n == 1 ? "" : "s");
}

// One sentence about many partitions: the first one's, and how many more there are.
class Finding {
 public:
  void add(const std::string& sentence) {
    if (count_++ == 0) first_ = sentence;
  }
  void tell(std::string_view what, std::vector<std::string>& reasons) const {
    if (count_ == 0) return;
    reasons.push_back(count_ == 1 ? fmt::format("{}: {}", what, first_)
                                  : fmt::format("{}: {}, and {} more", what, first_, count_ - 1));
  }

 private:
  int64_t count_ = 0;
  std::string first_;
};

using Partitions = std::map<TopicPartition, const PartitionReport*>;

class Judge {
 public:
  explicit Judge(const HandoffFacts& facts) : facts_(facts) {
    if (!facts.reports) return;
    for (const CollectedReport& one : *facts.reports)
      for (const GroupReport& group : one.report.groups) {
        auto& newest = newest_[group.group];
        if (newest.first == nullptr ||
            newest.first->report.generated_at_ms < one.report.generated_at_ms)
          newest = {&one, &group};
      }
  }

  GroupReadiness judge(const GroupId& group, const GroupNow& now) {
    GroupReadiness result;
    result.group = group;
    result.team = now.team;
    const auto found = newest_.find(group);
    if (found != newest_.end()) {
      judge_report(*found->second.first, *found->second.second, now, result);
    } else if (now.verified && (!now.verified->partitions.empty() || !now.trouble.empty())) {
      judge_now(now, result);
    } else if (facts_.reports && !facts_.zookeeper_read) {
      result.reasons.push_back(
          "no report is about it, and ZooKeeper was not looked at (--zookeeper)");
    } else if (now.in_kafka) {
      result.basis = HandoffBasis::kKafka;
    } else {
      result.reasons.push_back("neither ZooKeeper nor Kafka knows it");
    }
    return result;
  }

 private:
  // Those that matter; the others are counted.
  Partitions judged(const GroupReport& group, GroupReadiness* counts) const {
    Partitions found;
    for (const PartitionReport& one : group.partitions)
      if (facts_.copies(one.topic)) found[{one.topic, one.partition}] = &one;
    if (counts == nullptr) return found;
    counts->partitions = std::ssize(found);
    counts->partitions_not_copied = std::ssize(group.partitions) - counts->partitions;
    return found;
  }

  static void tell_outcomes(const GroupReport& group, const Partitions& judged,
                            GroupReadiness& result) {
    std::map<std::string_view, std::pair<int64_t, const PartitionReport*>> objections;
    for (const auto& [name, one] : judged)
      if (const char* const words = objection(one->outcome))
        if (auto& [count, first] = objections[words]; count++ == 0) first = one;
    for (const auto& [words, found] : objections) {
      const PartitionReport& first = *found.second;
      const std::string& detail = first.detail.empty() ? group.detail : first.detail;
      result.reasons.push_back(fmt::format("{} {} ({}{}{})", partitions(found.first), words,
                                           name_of(first), detail.empty() ? "" : ": ", detail));
    }
    if (group.partitions.empty() && !group.detail.empty()) result.reasons.push_back(group.detail);
  }

  static void tell_trouble(const GroupNow& now, GroupReadiness& result) {
    if (!now.trouble.empty()) result.reasons.push_back(now.trouble);
    if (const int64_t n = now.verified->evidence.registered_consumers.value_or(0); n > 0)
      result.reasons.push_back(
          fmt::format("{} of its consumers {} still registered in ZooKeeper and will commit there",
                      n, n == 1 ? "is" : "are"));
  }

  void judge_now(const GroupNow& now, GroupReadiness& result) const {
    result.basis = HandoffBasis::kVerified;
    if (facts_.reports) result.reasons.push_back("no report is about it");
    tell_outcomes(*now.verified, judged(*now.verified, &result), result);
    tell_trouble(now, result);
  }

  void judge_report(const CollectedReport& collected, const GroupReport& group, const GroupNow& now,
                    GroupReadiness& result) const {
    const DiffReport& report = collected.report;
    result.basis = HandoffBasis::kReport;
    if (!result.team) result.team = group.team;
    result.report_file = collected.file;
    result.report_at_ms = report.generated_at_ms;
    result.expires_at_ms = group.expires_at_ms;
    const Partitions then = judged(group, &result);
    const auto& reported_id = report.source.cluster_id;
    if (reported_id && facts_.cluster_id && reported_id != facts_.cluster_id) {
      result.reasons.push_back(fmt::format("the report is about cluster {}, the source is {}",
                                           *reported_id, *facts_.cluster_id));
      return;
    }
    tell_outcomes(group, then, result);
    if (!result.ready()) return;  // what happened since matters only to what was right once
    if (now.verified) compare_zookeeper(report, then, now, result);
    compare_kafka(group, then, now, result);
  }

  void compare_zookeeper(const DiffReport& report, const Partitions& then, const GroupNow& now,
                         GroupReadiness& result) const {
    Finding moved;
    for (const auto& [name, today] : judged(*now.verified, nullptr)) {
      if (!today->zookeeper_offset) continue;
      const auto reported = then.find(name);
      if (reported == then.end())
        moved.add(fmt::format("{} is at {} and not in the report", name_of(*today),
                              *today->zookeeper_offset));
      else if (const auto was = reported->second->zookeeper_offset; was != today->zookeeper_offset)
        moved.add(fmt::format("{} was at {} and is at {}", name_of(*today),
                              was ? fmt::format("{}", *was) : "no offset",
                              *today->zookeeper_offset));
    }
    moved.tell("ZooKeeper has moved since", result.reasons);
    if (result.ready() && now.changed_at_ms && *now.changed_at_ms > report.generated_at_ms)
      result.reasons.push_back(fmt::format(
          "the report is older than the last change in ZooKeeper, at {}: `kferry verify --group "
          "{} --report FILE` makes a new one",
          to_rfc3339(*now.changed_at_ms), result.group));
    tell_trouble(now, result);
  }

  void compare_kafka(const GroupReport& group, const Partitions& then, const GroupNow& now,
                     GroupReadiness& result) const {
    if (!now.kafka) {
      result.reasons.push_back("Kafka's offsets could not be read: " + now.kafka.error().message);
      return;
    }
    Finding gone;
    Finding set_back;
    for (const auto& [name, reported] : then) {
      if (!reported->kafka_offset) continue;
      const auto found = now.kafka->find(name);
      if (found == now.kafka->end())
        gone.add(fmt::format("{} was at {}", name_of(*reported), *reported->kafka_offset));
      else if (found->second.offset.value() < *reported->kafka_offset)
        set_back.add(fmt::format("{} was at {} and is at {}", name_of(*reported),
                                 *reported->kafka_offset, found->second.offset));
    }
    const bool too_late = group.expires_at_ms && *group.expires_at_ms <= facts_.now_ms;
    gone.tell(too_late ? fmt::format("its offsets in Kafka have expired ({})",
                                     to_rfc3339(*group.expires_at_ms))
                       : "its offsets in Kafka are gone, expired or deleted",
              result.reasons);
    set_back.tell("its offsets in Kafka were set back since", result.reasons);
  }

  const HandoffFacts& facts_;
  std::map<GroupId, std::pair<const CollectedReport*, const GroupReport*>> newest_;
};

}  // namespace

std::string_view to_string(HandoffBasis basis) {
  switch (basis) {
    case HandoffBasis::kReport:
      return "report";
    case HandoffBasis::kVerified:
      return "verified";
    case HandoffBasis::kKafka:
      return "kafka";
    case HandoffBasis::kNothing:
      return "nothing";
  }
  return "";
}

std::vector<GroupReadiness> judge(const HandoffFacts& facts) {
  Judge judge(facts);
  std::vector<GroupReadiness> result;
  for (const auto& [group, now] : facts.groups) result.push_back(judge.judge(group, now));
  return result;
}

}  // namespace kferry::verify
