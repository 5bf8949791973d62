#include "migrate/expectation.h"

#include <fmt/format.h>

#include "migrate/receipt.h"

namespace kferry::migrate {

using verify::ExpectedGroup;
using verify::ExpectedOffset;

namespace {

ExpectedGroup group_part(const PlannedGroup& group) {
  ExpectedGroup expected;
  expected.group = group.group;
  expected.team = group.team;
  expected.layout = zkoffsets::to_string(group.layout);
  expected.convention = zkoffsets::to_string(group.convention);
  expected.evidence = group.evidence;
  return expected;
}

ExpectedOffset offset_part(const PlannedPartition& one) {
  ExpectedOffset expected;
  expected.topic = one.partition.topic;
  expected.partition = one.partition.partition;
  if (one.zookeeper_offset) expected.zookeeper_offset = one.zookeeper_offset->value();
  expected.log_start = one.log_start;
  expected.log_end = one.log_end;
  expected.verdict = to_string(one.verdict);
  return expected;
}

bool cannot_be_judged(Verdict verdict) {
  return verdict == Verdict::kUnparsable || verdict == Verdict::kDenied ||
         verdict == Verdict::kConflict || verdict == Verdict::kMissingTopic ||
         verdict == Verdict::kMissingPartition;
}

}  // namespace

ExpectedGroup expect_from_zookeeper(const PlannedGroup& now, const Receipts& receipts) {
  ExpectedGroup expected = group_part(now);
  for (const PlannedPartition& one : now.partitions) {
    ExpectedOffset offset = offset_part(one);
    const auto receipt = receipts.find(one.partition);
    const bool migrated = receipt != receipts.end() &&
                          is_about(receipt->second, one.node, one.zookeeper_offset, now.convention);
    if (migrated) {
      offset.offset = receipt->second.offset;
      offset.moved_on_is_fine = true;
    } else if (cannot_be_judged(one.verdict)) {
      offset.trouble = one.detail.empty() ? std::string(to_string(one.verdict)) : one.detail;
    } else if (one.zookeeper_offset) {
      offset.offset = zkoffsets::to_kafka_offset(*one.zookeeper_offset, now.convention);
    }
    expected.partitions.push_back(std::move(offset));
  }
  return expected;
}

ExpectedGroup expect_from_plan(const PlannedGroup& planned, const PlannedGroup* now) {
  ExpectedGroup expected = group_part(now == nullptr ? planned : *now);
  if (now == nullptr) expected.detail = "the group is gone from ZooKeeper since the plan was made";
  std::map<TopicPartition, const PlannedPartition*> today;
  if (now != nullptr)
    for (const PlannedPartition& one : now->partitions) today[one.partition] = &one;
  for (const PlannedPartition& one : planned.partitions) {
    ExpectedOffset offset = offset_part(one);
    offset.moved_on_is_fine = true;
    if (one.action == Action::kCommit) offset.offset = one.target;
    if (one.action == Action::kKeep) offset.offset = one.kafka_before;
    if (one.action == Action::kRefuse) offset.trouble = one.detail;
    const auto found = today.find(one.partition);
    if (found != today.end()) {
      offset.log_start = found->second->log_start;
      offset.log_end = found->second->log_end;
      if (found->second->zookeeper_offset)
        offset.zookeeper_offset = found->second->zookeeper_offset->value();
      const bool as_planned = found->second->node == one.node &&
                              found->second->zookeeper_offset == one.zookeeper_offset;
      if (!one.path.empty() && !as_planned) {
        offset.offset.reset();
        offset.trouble = fmt::format(
            "{} was changed in ZooKeeper after the plan was made: somebody has "
            "consumed the old way since",
            one.path);
      }
    }
    expected.partitions.push_back(std::move(offset));
  }
  return expected;
}

}  // namespace kferry::migrate
