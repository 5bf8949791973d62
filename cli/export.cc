// kferry export: the flow's settings for MirrorMaker 2, for those who stay with Kafka Connect.
#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/replicate_options.h"
#include "cli/session.h"
#include "cli/strimzi.h"
#include "cli/verbs.h"
#include "replicate/mm2_export.h"
#include "replicate/patterns.h"
#include "verify/handoff_report.h"
#include "verify/report_json.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription export_options() {
  OptionsDescription own("What is written");
  own.add_options()("handoff", po::value<std::string>()->value_name("FILE"),
                    "a report of `kferry handoff`: its groups that are not ready are excluded")(
      "out", po::value<std::string>()->value_name("FILE"), "write it there, not to stdout");
  OptionsDescription options;
  options.add(own).add(describe_settings());
  return options;
}

namespace {

// Excludes the groups that the hand-off found not to be ready.
Result<> leave_behind(const std::string& handoff_file, replicate::FlowPatterns& patterns) {
  KFERRY_TRY(const std::string text, read_file(handoff_file, "--handoff"));
  auto behind = verify::parse_not_ready(text);
  if (!behind) return std::unexpected(in_context(std::move(behind).error(), handoff_file));
  for (const GroupId& group : *behind)
    patterns.groups_exclude +=
        (patterns.groups_exclude.empty() ? "" : ", ") + replicate::quoted_pattern(group.value());
  return {};
}

}  // namespace

Result<int> run_export(const std::vector<std::string>& arguments, const StopToken&,
                       Output& output) {
  const std::string kind = arguments.empty() ? std::string() : arguments.front();
  if (kind != "mm2" && kind != "strimzi")
    return fail(
        ErrorKind::kUsage, "kferry export: what shall be written?",
        "`kferry export mm2` for a properties file, `kferry export strimzi` for a resource");
  KFERRY_TRY(const Values values,
             parse({arguments.begin() + 1, arguments.end()}, export_options()));
  log::configure(log::Format::kText, log::Level::kWarn);
  KFERRY_TRY(WrittenFlow written, read_written_flow(values));
  if (written.flow.reverse_of)
    return fail(ErrorKind::kUsage, "--reverse: MirrorMaker 2 cannot be the way back",
                "it would copy back what was copied there; `kferry replicate --reverse` does not");
  if (const std::string file = text_of(values, "handoff"); !file.empty())
    KFERRY_CHECK(leave_behind(file, written.patterns));
  KFERRY_TRY(const auto exported,
             replicate::export_mm2({written.flow, std::move(written.patterns),
                                    written.source_properties, written.target_properties}));
  const std::string text = kind == "mm2" ? replicate::to_properties(exported, KFERRY_VERSION)
                                         : to_strimzi(exported, KFERRY_VERSION);
  const std::string file = text_of(values, "out");
  if (file.empty())
    output.out = text;
  else
    KFERRY_CHECK(verify::write_file_atomically(file, text));
  return kDone;
}

}  // namespace kferry::cli
