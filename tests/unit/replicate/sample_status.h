// A flow in the middle of its work, with something of everything.
#pragma once

#include "replicate/status.h"

namespace kferry::test {

inline replicate::FlowStatus sample_status() {
  using namespace replicate;
  FlowStatus status;
  status.flow = "onprem->cloud";
  status.source_alias = "onprem";
  status.target_alias = "cloud";
  status.source_cluster_id = "abc";
  status.instance = "mirror-0";
  status.started_at_ms = 1'800'000'000'000;
  status.taken_at_ms = 1'800'000'100'000;
  status.ready = true;
  status.records = 700;
  status.bytes = 70'000;
  status.max_bytes_per_second = 5'000'000;
  status.buffered_bytes = 4'096;

  PartitionStatus copying;
  copying.source = {TopicName("orders"), Partition(0)};
  copying.target_topic = TopicName("onprem.orders");
  copying.phase = Phase::kCopying;
  copying.position = SourceOffset(700);
  copying.source_start = SourceOffset(0);
  copying.source_end = SourceOffset(1'000);
  copying.target_end = TargetOffset(700);
  copying.records = 700;
  copying.bytes = 70'000;
  copying.last_timestamp_ms = 1'800'000'099'000;
  copying.last_copied_at_ms = 1'800'000'099'250;
  status.partitions.push_back(copying);

  PartitionStatus quarantined = copying;
  quarantined.source.partition = Partition(1);
  quarantined.phase = Phase::kQuarantined;
  quarantined.identity = false;
  quarantined.reason = "records 5 to 9 were deleted\nbefore they were copied";
  quarantined.records = quarantined.bytes = 0;
  quarantined.last_timestamp_ms = quarantined.last_copied_at_ms = -1;
  quarantined.position = SourceOffset(5);
  quarantined.source_start = SourceOffset(10);
  quarantined.source_end = SourceOffset(1'000);
  status.partitions.push_back(quarantined);

  PartitionStatus waiting;
  waiting.source = {TopicName("we\"ird\\\n"), Partition(0)};
  waiting.target_topic = waiting.source.topic;
  waiting.reason = "no leader";
  status.partitions.push_back(waiting);

  status.groups.push_back({GroupId("billing"), "synced", "", 2, 2, 1'800'000'099'500, 120});
  status.groups.push_back(
      {GroupId("t\xc3\xa4glich"), "live on the target", "a member", 2, 1, -1, -1});
  status.troubles = {"cloud: broker 2 is unreachable"};
  return status;
}

}  // namespace kferry::test
