#include "verify/handoff_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text_table.h"
#include "verify/json_reader.h"
#include "verify/json_writer.h"

namespace kferry::verify {
namespace {

std::optional<std::string> time(const std::optional<int64_t>& at_ms) {
  return at_ms.transform([](int64_t ms) { return to_rfc3339(ms); });
}

std::optional<std::string> maybe(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

void write(JsonWriter& json, const HandoffReport::File& file) {
  json.begin_line();
  json.field("file", file.file);
  json.field("verb", file.verb);
  json.field("generated_at", to_rfc3339(file.generated_at_ms));
  json.field("groups", file.groups);
  json.end();
}

void write(JsonWriter& json, const GroupReadiness& one) {
  json.begin_object();
  json.field("group", one.group.value());
  json.field("team", one.team);
  json.field("ready", one.ready());
  json.field("basis", to_string(one.basis));
  json.field("partitions", one.partitions);
  json.field("partitions_not_copied", one.partitions_not_copied);
  json.key("reasons").begin_array();
  for (const std::string& reason : one.reasons) json.value(reason);
  json.end();
  json.field("report", maybe(one.report_file));
  json.field("report_generated_at", time(one.report_at_ms));
  json.field("expires_at", time(one.expires_at_ms));
  json.end();
}

std::vector<GroupId> those(const std::vector<GroupReadiness>& groups, bool ready) {
  std::vector<GroupId> found;
  for (const GroupReadiness& one : groups)
    if (one.ready() == ready) found.push_back(one.group);
  return found;
}

std::string advice(const HandoffReport& report) {
  const size_t ready = report.ready().size();
  if (report.groups.empty())
    return "No group is selected: check --groups, and the flow's `groups` in kferry.yaml.\n";
  if (ready == 0) return "Nothing can be handed over yet: remove the causes above.\n";
  const std::string launch = report.executed
                                 ? "The mirror is launched with those that are ready."
                                 : "--execute launches the mirror with those that are ready.";
  if (ready == report.groups.size()) return launch + "\n";
  return launch + " The others stay behind until their causes are removed.\n";
}

}  // namespace

std::vector<GroupId> HandoffReport::ready() const {
  return those(groups, true);
}

std::vector<GroupId> HandoffReport::not_ready() const {
  return those(groups, false);
}

int exit_code_of(const HandoffReport& report) {
  return report.groups.empty() || !report.not_ready().empty() ? 3 : 0;
}

std::string to_json(const HandoffReport& report) {
  std::string document;
  JsonWriter json([&](std::string_view piece) { document += piece; });
  json.begin_object();
  json.field("schema", HandoffReport::kSchema);
  json.field("generated_at", to_rfc3339(report.generated_at_ms));
  json.field("tool_version", report.tool_version);
  json.field("flow", report.flow);
  json.field("source", report.source);
  json.field("target", report.target);
  json.field("zookeeper", report.zookeeper);
  json.field("cluster_id", report.cluster_id);
  json.field("judged_by", report.by_reports ? "reports" : "verification");
  json.key("reports").begin_array();
  for (const auto& file : report.reports) write(json, file);
  json.end();
  json.key("groups").begin_array();
  for (const GroupReadiness& one : report.groups) write(json, one);
  json.end();
  json.key("summary").begin_line();
  json.field("groups", report.groups.size());
  json.field("ready", report.ready().size());
  json.field("not_ready", report.not_ready().size());
  json.end();
  json.field("executed", report.executed);
  json.field("exit_code", exit_code_of(report));
  json.end();
  json.finish();
  return document;
}

std::string to_table(const HandoffReport& report, size_t max_lines) {
  std::vector<const GroupReadiness*> order;
  for (const GroupReadiness& one : report.groups) order.push_back(&one);
  std::ranges::stable_partition(order, [](const auto* one) { return !one->ready(); });
  TextTable table({"GROUP", "TEAM", "READY", "BY", "PARTITIONS", "WHY"});
  table.align_right({4});
  for (const GroupReadiness* one : order) {
    if (table.size() == max_lines) break;
    const std::string why =
        one->ready() && one->expires_at_ms
            ? fmt::format("its consumers must be back before {}", to_rfc3339(*one->expires_at_ms))
            : fmt::format("{}", fmt::join(one->reasons, "; "));
    table.add({one->group.value(), one->team.value_or("-"), one->ready() ? "yes" : "no",
               std::string(to_string(one->basis)), fmt::format("{}", one->partitions), why});
  }
  std::string text = table.render();
  if (order.size() > table.size())
    text += fmt::format("... and {} more groups: the JSON report has all of them\n",
                        order.size() - table.size());
  return text +
         fmt::format("{}{} of {} groups are ready.\n", text.empty() ? "" : "\n",
                     report.ready().size(), report.groups.size()) +
         advice(report);
}

Result<std::vector<GroupId>> parse_not_ready(const std::string& json) {
  const auto wrong = [](const std::string& what) {
    return fail(ErrorKind::kUsage, "reading the hand-off: " + what,
                "pass what `kferry handoff --report` of this version has written");
  };
  const auto document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_object()) return wrong("it is not a JSON object");
  Reading reading;
  Fields fields(reading, document, "");
  if (fields.text("schema") != HandoffReport::kSchema)
    return wrong(fmt::format("/schema is not '{}'", HandoffReport::kSchema));
  const auto groups = document.find("groups");
  if (groups == document.end() || !groups->is_array()) return wrong("/groups is no array");
  std::vector<GroupId> found;
  for (size_t i = 0; i < groups->size() && !reading.failed(); ++i) {
    Fields group(reading, (*groups)[i], fmt::format("/groups/{}", i));
    const std::string name = group.text("group");
    if (!group.truth("ready")) found.emplace_back(name);
  }
  if (reading.failed()) return wrong(reading.error().message);
  return found;
}

}  // namespace kferry::verify
