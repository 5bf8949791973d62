#include "replicate/cutover_report.h"

#include <fmt/format.h>

#include "verify/json_writer.h"

namespace kferry::replicate {
namespace {

using verify::JsonWriter;

std::optional<std::string> time(int64_t at_ms) {
  return at_ms < 0 ? std::nullopt : std::optional(to_rfc3339(at_ms));
}

void write_group(const GroupId& id, const MovedGroup& moved, JsonWriter& json) {
  json.begin_object();
  json.field("group", id.value());
  json.field("empty_at", time(moved.empty_at_ms));
  json.field("moved_at", time(moved.moved_at_ms));
  json.field("alive_at", time(moved.alive_at_ms));
  json.field("pause_ms", moved.pause_ms());
  json.key("partitions").begin_array();
  for (const auto& [partition, offsets] : moved.offsets) {
    json.begin_line();
    json.field("topic", partition.topic.value());
    json.field("partition", partition.partition.value());
    json.field("source_offset", offsets.first.value());
    json.field("target_offset",
               offsets.second.value() < 0 ? std::nullopt : std::optional(offsets.second.value()));
    json.end();
  }
  json.end();
  json.end();
}

}  // namespace

std::string to_json_text(const CutoverReport& report, const FlowSettings& flow, int exit_code) {
  std::string document;
  JsonWriter json([&](std::string_view piece) { document += piece; });
  json.begin_object();
  json.field("schema", "kferry/cutover-report/v1");
  json.field("generated_at", to_rfc3339(wall_clock_ms()));
  json.field("tool_version", KFERRY_VERSION);
  json.field("flow", flow.name);
  json.field("source", flow.source.bootstrap_servers);
  json.field("target", flow.target.bootstrap_servers);
  json.field("state", to_string(report.record.state));
  json.field("waiting", report.record.waiting);
  json.key("history").begin_array();
  for (const auto& [state, at_ms] : report.record.history) {
    json.begin_line();
    json.field("state", to_string(state));
    json.field("at", to_rfc3339(at_ms));
    json.end();
  }
  json.end();
  json.key("groups").begin_array();
  for (const auto& [id, moved] : report.moved) write_group(id, moved, json);
  json.end();
  json.key("alarms").begin_array();
  for (const std::string& alarm : report.alarms) json.value(alarm);
  json.end();
  const std::string& proof = report.record.proof;
  json.field("proof", proof.empty() ? std::nullopt : std::optional(proof));
  json.field("exit_code", exit_code);
  json.end();
  json.finish();
  return document;
}

std::string to_text(const CutoverReport& report) {
  std::string text = fmt::format("cut-over: {}\n", to_string(report.record.state));
  for (const auto& [state, at_ms] : report.record.history)
    text += fmt::format("  {}  {}\n", to_rfc3339(at_ms), to_string(state));
  if (!report.record.waiting.empty() && !report.finished)
    text += fmt::format("waiting for: {}\n", report.record.waiting);
  for (const auto& [id, moved] : report.moved) {
    const auto pause = moved.pause_ms();
    text += fmt::format(
        "group '{}': {} offsets moved, {}\n", id, moved.offsets.size(),
        pause ? fmt::format("{:.1f} s without consumers", static_cast<double>(*pause) / 1000)
        : moved.empty_at_ms < 0 ? "it had no consumers"
        : moved.alive_at_ms < 0 ? "its consumers have not started on the target yet"
                                : "at work on the target");
  }
  for (const std::string& alarm : report.alarms) text += fmt::format("ALARM: {}\n", alarm);
  if (!report.record.proof.empty()) text += fmt::format("proof: {}\n", report.record.proof);
  return text;
}

}  // namespace kferry::replicate
