#include "replicate/status_json.h"

#include <cmath>
#include <optional>

#include "base/clock.h"
#include "replicate/flow_health.h"
#include "replicate/flow_totals.h"
#include "replicate/state_json.h"
#include "verify/json_writer.h"

namespace kferry::replicate {
namespace {

using verify::JsonWriter;

std::optional<int64_t> known(int64_t value) {
  return value < 0 ? std::nullopt : std::optional(value);
}

// A record's timestamp is whatever its producer says: what RFC 3339 cannot write is not known.
std::optional<std::string> time(int64_t epoch_ms) {
  const bool writable = epoch_ms >= 0 && epoch_ms <= kEndOfYear9999Ms;
  return writable ? std::optional(to_rfc3339(epoch_ms)) : std::nullopt;
}

std::optional<std::string> text(const std::string& reason) {
  return reason.empty() ? std::nullopt : std::optional(reason);
}

void write_summary(const FlowStatus& status, JsonWriter& json) {
  const FlowTotals totals = totals_of(status);
  json.key("summary").begin_object();
  json.field("records", status.records);
  json.field("bytes", status.bytes);
  json.field("lag", totals.lag);
  json.field("partitions", status.partitions.size());
  json.field("identity_partitions", totals.identity);
  json.key("phases").begin_line();
  for (const Phase phase : kPhases) json.field(to_string(phase), totals.in(phase));
  json.end();
  json.field("groups", status.groups.size());
  json.field("synced_groups", totals.groups_synced);
  json.end();
}

void write_rates(const std::optional<MirrorRates>& rates, JsonWriter& json) {
  json.key("rates");
  if (!rates) return json.value(std::optional<int64_t>());
  const auto number = [&](const char* name, double value) {
    json.field(name, static_cast<int64_t>(std::llround(value)));
  };
  json.begin_line();
  number("records_per_second", rates->records_per_second);
  number("bytes_per_second", rates->bytes_per_second);
  number("lag_per_second", rates->lag_per_second);
  number("published_per_second", rates->published_per_second);
  json.end();
}

void write_process(const ProcessStatus& one, JsonWriter& json) {
  json.begin_line();
  json.field("instance", one.instance);
  json.field("started_at", to_rfc3339(one.started_at_ms));
  json.field("told_at", to_rfc3339(one.told_at_ms));
  json.field("slots", one.slots);
  json.field("running", one.running);
  json.field("ended", one.ended);
  json.end();
}

void write_cutover(const std::optional<CutoverView>& cutover, JsonWriter& json) {
  json.key("cutover");
  if (!cutover) return json.value(std::optional<int64_t>());
  json.begin_object();
  json.field("state", to_string(cutover->record.state));
  json.field("released", cutover->record.released);
  json.field("waiting", text(cutover->record.waiting));
  json.field("led", !cutover->record.runner.empty());
  json.field("led_at", time(cutover->record.runner_at_ms));
  json.key("history").begin_array();
  for (const auto& [state, at_ms] : cutover->record.history) {
    json.begin_line();
    json.field("state", to_string(state));
    json.field("at", to_rfc3339(at_ms));
    json.end();
  }
  json.end();
  json.key("groups").begin_array();
  for (const auto& [group, moved] : cutover->moved) {
    json.begin_line();
    json.field("group", group.value());
    json.field("empty_at", time(moved.empty_at_ms));
    json.field("moved_at", time(moved.moved_at_ms));
    json.field("alive_at", time(moved.alive_at_ms));
    json.field("pause_ms", moved.pause_ms());
    json.end();
  }
  json.end();
  json.end();
}

}  // namespace

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
  json.field("records", known(one.records));
  json.field("bytes", known(one.bytes));
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
  json.field("attention", needs_attention(one));
  json.field("partitions", one.partitions);
  json.field("synced_partitions", one.synced);
  json.field("synced_at", time(one.synced_at_ms));
  json.field("latency_ms", known(one.latency_ms));
  json.end();
}

void write_status_head(const FlowStatus& status, JsonWriter& json) {
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
  json.key("problems").begin_array();
  for (const std::string& problem : problems_of(status)) json.value(problem);
  json.end();
  write_rates(status.rates, json);
  json.key("processes").begin_array();
  for (const ProcessStatus& one : status.processes) write_process(one, json);
  json.end();
  write_cutover(status.cutover, json);
  write_summary(status, json);
}

std::string status_json(const FlowStatus& status) {
  std::string document;
  JsonWriter json([&](std::string_view piece) { document += piece; });
  json.begin_object();
  json.field("schema", "kferry/mirror-status/v1");
  write_status_head(status, json);
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
