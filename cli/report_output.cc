#include "cli/report_output.h"

#include <boost/program_options/value_semantic.hpp>

#include "verify/report_json.h"

namespace kferry::cli {

namespace po = boost::program_options;

namespace {
constexpr size_t kMaxTableLines = 200;
constexpr size_t kMaxHtmlLines = 5'000;
}  // namespace

OptionsDescription describe_report() {
  OptionsDescription options("Reports");
  auto add = options.add_options();
  add("report", po::value<std::string>()->value_name("FILE"), "write the JSON diff report there");
  add("html", po::value<std::string>()->value_name("FILE"),
      "write it as one HTML file too, for a change ticket");
  add("csv", po::value<std::string>()->value_name("FILE"),
      "write the offsets as kafka-consumer-groups.sh --reset-offsets --from-file reads them");
  return options;
}

Result<int> emit_report(const verify::DiffReport& report, const Values& values, OutputFormat format,
                        Output& output) {
  const std::string report_file = text_of(values, "report");
  const std::string csv_file = text_of(values, "csv");
  std::optional<Error> not_written;
  const auto write = [&](const std::string& path, const std::string& text) {
    if (path.empty()) return;
    const auto written = verify::write_file_atomically(path, text);
    if (!written && !not_written) not_written = written.error();
  };
  if (!report_file.empty()) write(report_file, verify::to_json(report));
  if (const std::string file = text_of(values, "html"); !file.empty())
    write(file, verify::to_html(report, kMaxHtmlLines));
  if (!csv_file.empty()) write(csv_file, verify::to_csv(report));
  output.out += format == OutputFormat::kJson ? verify::to_json(report)
                                              : verify::to_table(report, kMaxTableLines);
  if (not_written) {
    not_written->hint =
        "what was done is shown on stdout; `kferry verify --report FILE` writes a report "
        "at any time";
    return std::unexpected(*not_written);
  }
  return verify::exit_code_of(report);
}

}  // namespace kferry::cli
