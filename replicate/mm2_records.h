// The records of MirrorMaker 2's topics, byte for byte (Kafka: Checkpoint, OffsetSync, Heartbeat in
// connect-mirror and connect-mirror-client): big-endian, strings as an int16 length and UTF-8. Keys
// carry no version, nor does the value of an offset sync.
#pragma once

#include <cstdint>
#include <string>

#include "base/named.h"
#include "base/result.h"
#include "replicate/group_book.h"

namespace kferry::replicate {

struct Mm2Record {
  std::string key;
  std::string value;

  friend bool operator==(const Mm2Record&, const Mm2Record&) = default;
};

// kFailed for all of these: a name or metadata over 32,767 bytes.
Result<Mm2Record> checkpoint_record(const GroupCheckpoint& checkpoint);
Result<Mm2Record> heartbeat_record(const std::string& source_alias, const std::string& target_alias,
                                   int64_t now_ms);
// The record at `upstream` of the source stands at `downstream`. A reader that knows no more goes
// on at downstream + 1 for any later offset (OffsetSyncStore.translateDownstream).
Result<Mm2Record> offset_sync_record(const TopicPartition& source, SourceOffset upstream,
                                     TargetOffset downstream);

// Names as the default replication policy forms them, with its default separator.
TopicName checkpoints_topic(const std::string& source_alias);
TopicName offset_syncs_topic(const std::string& other_alias);  // of the cluster it is not on
TopicName heartbeats_topic();
// What a mirror makes of the source's heartbeats topic: by its name tools tell what is upstream
// (MirrorClient.upstreamClusters, replicationHops), also under IdentityReplicationPolicy.
TopicName remote_heartbeats_topic(const std::string& source_alias);

}  // namespace kferry::replicate
