#include <fmt/format.h>

#include "base/clock.h"
#include "replicate/cutover_report.h"
#include "verify/html.h"

namespace kferry::replicate {
namespace {

using verify::HtmlPage;
using verify::Tone;

// "2026-11-27 21:55:32 UTC": for people, who have the JSON report for more.
std::string when(int64_t at_ms) {
  if (at_ms < 0) return "-";
  const std::string time = to_rfc3339(at_ms);
  return fmt::format("{} {} UTC", time.substr(0, 10), time.substr(11, 8));
}

HtmlPage::Cell pause_of(const MovedGroup& moved) {
  if (const auto pause = moved.pause_ms())
    return {fmt::format("{:.1f} s", static_cast<double>(*pause) / 1000)};
  if (moved.empty_at_ms < 0) return {"it had no consumers", Tone::kQuiet};
  if (moved.alive_at_ms < 0) return {"its consumers have not started there yet", Tone::kWarn};
  return {"-"};
}

HtmlPage::Cell verdict_of(const CutoverReport& report, int exit_code) {
  if (report.finished && report.alarms.empty()) return {"the move is over", Tone::kGood};
  if (report.finished) return {"the move is over, with alarms", Tone::kWarn};
  if (exit_code != 0)
    return {fmt::format("ended at {} with exit code {}", to_string(report.record.state), exit_code),
            Tone::kBad};
  return {fmt::format("at {}", to_string(report.record.state)), Tone::kWarn};
}

void add_groups(const CutoverReport& report, HtmlPage& page) {
  if (report.moved.empty()) return;
  page.section("Groups");
  std::vector<HtmlPage::Row> rows;
  for (const auto& [id, moved] : report.moved)
    rows.push_back({{id.value()},
                    {std::to_string(moved.offsets.size())},
                    {when(moved.empty_at_ms)},
                    {when(moved.moved_at_ms)},
                    {when(moved.alive_at_ms)},
                    pause_of(moved)});
  page.table({{"Group"},
              {"Offsets moved", true},
              {"Last consumer gone"},
              {"Offsets on the target"},
              {"At work on the target"},
              {"Without consumers", true}},
             rows);
}

// The change ticket wants the offsets too, but not without end.
void add_offsets(const CutoverReport& report, HtmlPage& page) {
  constexpr size_t kMostRows = 2'000;
  std::vector<HtmlPage::Row> rows;
  size_t offsets = 0;
  for (const auto& [id, moved] : report.moved) {
    offsets += moved.offsets.size();
    for (const auto& [partition, offset] : moved.offsets) {
      if (rows.size() == kMostRows) break;
      rows.push_back({{id.value()},
                      {fmt::format("{}", partition)},
                      {std::to_string(offset.first.value())},
                      {offset.second.value() < 0 ? "-" : std::to_string(offset.second.value())}});
    }
  }
  if (rows.empty()) return;
  page.section("Last offsets of the groups");
  page.table({{"Group"}, {"Partition"}, {"On the source", true}, {"On the target", true}}, rows);
  if (offsets > rows.size())
    page.paragraph(
        {fmt::format("... and {} more: the JSON report has all of them", offsets - rows.size()),
         Tone::kQuiet});
}

}  // namespace

std::string to_html(const CutoverReport& report, const FlowSettings& flow, int exit_code) {
  HtmlPage page(fmt::format("Cut-over of {}", flow.name), verdict_of(report, exit_code));
  page.section("The move");
  page.facts({{"Flow", flow.name},
              {"Source", flow.source.bootstrap_servers},
              {"Target", flow.target.bootstrap_servers},
              {"State", std::string(to_string(report.record.state))},
              {"Comparison", report.record.proof.empty() ? "none was made" : report.record.proof},
              {"Exit code", std::to_string(exit_code)}});
  if (!report.finished && !report.record.waiting.empty())
    page.paragraph({"It waits for: " + report.record.waiting, Tone::kWarn});
  if (!report.alarms.empty()) {
    page.section("Alarms");
    page.list(report.alarms, Tone::kBad);
  }
  page.section("Steps");
  std::vector<HtmlPage::Row> steps;
  for (const auto& [state, at_ms] : report.record.history)
    steps.push_back({{std::string(to_string(state))}, {when(at_ms)}});
  page.table({{"Reached"}, {"At"}}, steps);
  add_groups(report, page);
  add_offsets(report, page);
  return page.finish(when(wall_clock_ms()));
}

}  // namespace kferry::replicate
