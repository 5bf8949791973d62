#include <fmt/format.h>

#include "base/clock.h"
#include "verify/html.h"
#include "verify/report_json.h"
#include "verify/report_lines.h"

namespace kferry::verify {
namespace {

Tone tone_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kMigrated:
    case Outcome::kEqual:
    case Outcome::kRestored:
    case Outcome::kDeleted:
      return Tone::kGood;
    case Outcome::kRefused:
    case Outcome::kFailed:
    case Outcome::kDenied:
    case Outcome::kNotAttempted:
    case Outcome::kDifferent:
    case Outcome::kMissing:
      return Tone::kBad;
    case Outcome::kPending:
      return Tone::kWarn;
    case Outcome::kKafkaAhead:
    case Outcome::kNoOffset:
    case Outcome::kSkipped:
      return Tone::kPlain;
  }
  return Tone::kPlain;
}

void add_partitions(const DiffReport& report, size_t most_lines, HtmlPage& page) {
  const std::vector<ReportLine> lines = pick_lines(report, most_lines);
  if (lines.empty()) return;
  page.section("Offsets");
  std::vector<HtmlPage::Row> rows;
  for (const ReportLine& line : lines) {
    HtmlPage::Row row;
    for (std::string& text : to_row(line)) row.push_back({std::move(text)});
    row.at(7).tone = tone_of(line.partition->outcome);
    rows.push_back(std::move(row));
  }
  page.table({{"Group"},
              {"Topic"},
              {"Partition", true},
              {"ZooKeeper", true},
              {"Kafka before", true},
              {"Kafka", true},
              {"Log", true},
              {"Outcome"},
              {"Detail"}},
             rows);
  const auto left_out = count_partitions(report) - std::ssize(lines);
  if (left_out > 0)
    page.paragraph(
        {fmt::format("... and {} more partitions: the JSON report has all of them", left_out),
         Tone::kQuiet});
}

void add_groups(const DiffReport& report, size_t most_lines, HtmlPage& page) {
  std::vector<std::string> words;
  for (const GroupReport& group : report.groups)
    if (!group.detail.empty() && words.size() < most_lines)
      words.push_back(fmt::format("{}: {}", group.group, group.detail));
  if (words.empty()) return;
  page.section("Groups");
  page.list(words, Tone::kPlain);
}

}  // namespace

std::string to_html(const DiffReport& report, size_t most_lines) {
  const int code = exit_code_of(report);
  HtmlPage page(fmt::format("kferry {}", report.verb),
                {std::string(advice(report)), code == 0   ? Tone::kGood
                                              : code == 3 ? Tone::kWarn
                                                          : Tone::kBad});
  page.section("Result");
  page.facts({{"Written", report.executed ? "yes" : "no, a dry run"},
              {"ZooKeeper", report.source.zookeeper.empty() ? "read through the brokers"
                                                            : report.source.zookeeper},
              {"Kafka", report.source.bootstrap_servers},
              {"Cluster", report.source.cluster_id.value_or("no id")},
              {"Exit code", std::to_string(code)}});
  page.paragraph({counts_line(report)});
  if (const std::string source = source_line(report); !source.empty())
    page.paragraph({source, Tone::kWarn});
  if (const std::string expiry = expiry_line(report); !expiry.empty())
    page.paragraph({expiry, Tone::kWarn});
  if (report.error) {
    page.paragraph({report.error->message, Tone::kBad});
    if (!report.error->hint.empty()) page.paragraph({report.error->hint});
  }
  add_partitions(report, most_lines, page);
  add_groups(report, most_lines, page);
  return page.finish(to_rfc3339(report.generated_at_ms));
}

}  // namespace kferry::verify
