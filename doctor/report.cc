#include "doctor/report.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/text_table.h"
#include "verify/json_writer.h"
#include "verify/report.h"

namespace kferry::doctor {
namespace {

constexpr Level kLevels[] = {Level::kDenied,  Level::kUnreachable, Level::kAttention,
                             Level::kUnknown, Level::kNote,        Level::kFine};

int64_t count(const DoctorReport& report, Level level) {
  return std::ranges::count(report.findings, level, &Finding::level);
}

std::string heading(const DoctorReport& report) {
  std::string text = report.flow ? fmt::format("flow '{}': ", *report.flow) : std::string();
  text += "source " + report.source;
  if (report.target) text += ", target " + *report.target;
  if (report.zookeeper) text += ", ZooKeeper " + *report.zookeeper;
  std::vector<std::string_view> jobs;
  for (const Job job : report.jobs) jobs.push_back(to_string(job));
  return escape_control(fmt::format("{}; rights for: {}", text, fmt::join(jobs, ", ")));
}

std::string summary(const DoctorReport& report) {
  std::vector<std::string> parts;
  for (const Level level : kLevels)
    if (const int64_t n = count(report, level); n > 0)
      parts.push_back(fmt::format("{} {}", n, to_string(level)));
  const int code = exit_code_of(report);
  return fmt::format("{}. {}\n", fmt::join(parts, ", "),
                     code == 0 ? "Nothing stands in the way."
                               : "See above what to do; nothing was written anywhere.");
}

void write(verify::JsonWriter& json, const Finding& finding) {
  const auto maybe = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
  };
  json.begin_object();
  json.field("level", to_string(finding.level));
  json.field("check", finding.check);
  json.field("where", finding.where);
  json.field("what", finding.what);
  json.field("why", maybe(finding.why));
  json.field("next", maybe(finding.next));
  json.end();
}

}  // namespace

DoctorReport describe(const DoctorFacts& facts, Findings findings) {
  DoctorReport report;
  report.generated_at_ms = facts.now_ms;
  report.tool_version = KFERRY_VERSION;
  if (facts.has_flow) report.flow = facts.scope.flow.name;
  report.source = facts.source.servers;
  if (facts.target) report.target = facts.target->servers;
  if (facts.zookeeper) report.zookeeper = facts.zookeeper->connect;
  report.jobs = facts.jobs;
  report.findings = std::move(findings);
  return report;
}

int exit_code_of(const DoctorReport& report) {
  if (count(report, Level::kDenied) > 0) return verify::exit_code_of(ErrorKind::kNotAuthorised);
  if (count(report, Level::kUnreachable) > 0) return verify::exit_code_of(ErrorKind::kUnreachable);
  constexpr int kNeedsAttention = 3;
  return count(report, Level::kAttention) > 0 ? kNeedsAttention : 0;
}

std::string to_json(const DoctorReport& report) {
  std::string document;
  verify::JsonWriter json([&](std::string_view piece) { document += piece; });
  json.begin_object();
  json.field("schema", DoctorReport::kSchema);
  json.field("generated_at", to_rfc3339(report.generated_at_ms));
  json.field("tool_version", report.tool_version);
  json.field("flow", report.flow);
  json.field("source", report.source);
  json.field("target", report.target);
  json.field("zookeeper", report.zookeeper);
  json.key("jobs").begin_array();
  for (const Job job : report.jobs) json.value(to_string(job));
  json.end();
  json.key("findings").begin_array();
  for (const Finding& finding : report.findings) write(json, finding);
  json.end();
  json.key("summary").begin_object();
  for (const Level level : kLevels) json.field(to_string(level), count(report, level));
  json.end();
  json.field("exit_code", exit_code_of(report));
  json.end();
  json.finish();
  return document;
}

std::string to_table(const DoctorReport& report) {
  TextTable table({"RESULT", "CHECK", "WHERE", "WHAT"});
  std::string advice;
  for (const Finding& finding : report.findings) {
    table.add({std::string(to_string(finding.level)), finding.check, finding.where, finding.what});
    if (finding.level == Level::kFine || (finding.why.empty() && finding.next.empty())) continue;
    advice += fmt::format("\n{}: {}: {}\n", to_string(finding.level), escape_control(finding.where),
                          escape_control(finding.what));
    if (!finding.why.empty()) advice += fmt::format("  why:  {}\n", escape_control(finding.why));
    if (!finding.next.empty()) advice += fmt::format("  next: {}\n", escape_control(finding.next));
  }
  return fmt::format("{}\n\n{}{}\n{}", heading(report), table.render(), advice, summary(report));
}

}  // namespace kferry::doctor
