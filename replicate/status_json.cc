#include "replicate/status_json.h"

#include <optional>

#include "base/clock.h"
#include "verify/json_writer.h"

namespace kferry::replicate {
namespace {

using verify::JsonWriter;

std::optional<int64_t> known(int64_t value) {
  return value < 0 ? std::nullopt : std::optional(value);
}

// A record's timestamp is whatever its producer says: what RFC 3339 cannot write is not known.
std::optional<std::string> time(int64_t epoch_ms) {
  constexpr int64_t kEndOfYear9999 = 253'402'300'799'999;
  const bool writable = epoch_ms >= 0 && epoch_ms <= kEndOfYear9999;
  return writable ? std::optional(to_rfc3339(epoch_ms)) : std::nullopt;
}

std::optional<std::string> text(const std::string& reason) {
  return reason.empty() ? std::nullopt : std::optional(reason);
}

struct Totals {
  int64_t lag = 0;
  std::array<int64_t, kPhases.size()> phases{};
  int64_t identity = 0;
  int64_t groups_synced = 0;
};

Totals totals_of(const FlowStatus& status) {
  Totals totals;
  for (const PartitionStatus& one : status.partitions) {
    if (one.position.value() >= 0 && one.source_end.value() >= 0) totals.lag += one.lag();
    ++totals.phases.at(static_cast<size_t>(one.phase));
    totals.identity += one.identity;
  }
  for (const GroupStatus& one : status.groups) totals.groups_synced += one.synced == one.partitions;
  return totals;
}

void write_summary(const FlowStatus& status, JsonWriter& json) {
  const Totals totals = totals_of(status);
  json.key("summary").begin_object();
  json.field("records", status.records);
  json.field("bytes", status.bytes);
  json.field("lag", totals.lag);
  json.field("partitions", status.partitions.size());
  json.field("identity_partitions", totals.identity);
  json.key("phases").begin_line();
  for (const Phase phase : kPhases)
    json.field(to_string(phase), totals.phases.at(static_cast<size_t>(phase)));
  json.end();
  json.field("groups", status.groups.size());
  json.field("synced_groups", totals.groups_synced);
  json.end();
}

void write_partition(const PartitionStatus& one, JsonWriter& json) {
  json.begin_line();
  json.field("topic", one.source.topic.value());
  json.field("partition", one.source.partition.value());
  json.field("target_topic", one.target_topic.value());
  json.field("phase", to_string(one.phase));
  json.field("identity", one.identity);
  json.field("reason", text(one.reason));
  json.field("position", known(one.position.value()));
  json.field("source_start_offset", known(one.source_start.value()));
  json.field("source_end_offset", known(one.source_end.value()));
  json.field("target_end_offset", known(one.target_end.value()));
  const bool has_lag = one.position.value() >= 0 && one.source_end.value() >= 0;
  json.field("lag", has_lag ? std::optional(one.lag()) : std::nullopt);
  json.field("records", one.records);
  json.field("bytes", one.bytes);
  json.field("last_timestamp", time(one.last_timestamp_ms));
  json.field("last_copied_at", time(one.last_copied_at_ms));
  json.field("latency_ms", replication_latency_ms(one));
  json.end();
}

void write_group(const GroupStatus& one, JsonWriter& json) {
  json.begin_line();
  json.field("group", one.group.value());
  json.field("state", one.state);
  json.field("reason", text(one.reason));
  json.field("partitions", one.partitions);
  json.field("synced_partitions", one.synced);
  json.field("synced_at", time(one.synced_at_ms));
  json.field("latency_ms", known(one.latency_ms));
  json.end();
}

}  // namespace

std::string status_json(const FlowStatus& status) {
  std::string document;
  JsonWriter json([&](std::string_view piece) { document += piece; });
  json.begin_object();
  json.field("schema", "kferry/mirror-status/v1");
  json.field("taken_at", to_rfc3339(status.taken_at_ms));
  json.field("tool_version", KFERRY_VERSION);
  json.field("flow", status.flow);
  json.field("instance", status.instance);
  json.field("started_at", to_rfc3339(status.started_at_ms));
  json.field("ready", status.ready);
  json.key("source").begin_line();
  json.field("alias", status.source_alias);
  json.field("cluster_id", status.source_cluster_id);
  json.end();
  json.key("target").begin_line();
  json.field("alias", status.target_alias);
  json.field("cluster_id", status.target_cluster_id);
  json.end();
  json.field("max_bytes_per_second", status.max_bytes_per_second);
  json.field("buffered_bytes", status.buffered_bytes);
  json.key("troubles").begin_array();
  for (const std::string& trouble : status.troubles) json.value(trouble);
  json.end();
  write_summary(status, json);
  json.key("groups").begin_array();
  for (const GroupStatus& one : status.groups) write_group(one, json);
  json.end();
  json.key("partitions").begin_array();
  for (const PartitionStatus& one : status.partitions) write_partition(one, json);
  json.end();
  json.end();
  json.finish();
  return document;
}

}  // namespace kferry::replicate
