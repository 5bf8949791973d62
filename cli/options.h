// The options that verbs share, parsed and checked before any I/O.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "cli/offset_reads.h"
#include "migrate/executor.h"
#include "migrate/plan.h"

namespace kferry::cli {

enum class OutputFormat { kTable, kJson };

// What every verb has.
struct CommonOptions {
  std::string config_file;          // kferry.yaml; empty: none
  std::string zookeeper;            // HOST:PORT,…/chroot
  std::string bootstrap;            // HOST:PORT,…
  std::string command_config;       // Java or librdkafka properties; empty: none
  std::string zookeeper_auth_file;  // user:password; empty: none
  std::optional<OffsetReads> offset_reads;
  OutputFormat format = OutputFormat::kTable;
  log::Format log_format = log::Format::kText;
  log::Level log_level = log::Level::kWarn;
  bool progress = true;
  Duration request_timeout{30'000};
};

// Which groups and topics.
struct SelectionOptions {
  std::vector<std::string> groups;
  std::vector<std::string> teams;
  std::vector<std::string> topics;
  bool all_groups = false;
  std::optional<zkoffsets::Convention>
      convention;  // for all selected groups; over the configuration's
};

// How facts are gathered and judged.
struct PlanningOptions {
  migrate::Policies policies;
  std::optional<Duration> quiet_period;  // nullopt: as long as where the offsets are read demands
  int quiet_samples = 3;
};

// How a plan is applied.
struct ApplyOptions {
  bool execute = false;
  migrate::CommitMode commit_mode = migrate::CommitMode::kMember;
  std::optional<Duration> retain;
  int parallel = 8;
  Duration session_timeout{10'000};
  bool write_receipts = true;
};

// The descriptions, for parsing and for `kferry help VERB`.
using OptionsDescription = boost::program_options::options_description;
OptionsDescription describe_common();
OptionsDescription describe_selection();
OptionsDescription describe_planning();
OptionsDescription describe_apply();
// --offset-source.
void add_offset_source(OptionsDescription& options);
// The part of describe_common() that is no connection: --format, --log-format, --log-level,
// --no-progress, --request-timeout.
void add_output(OptionsDescription& options, log::Level default_level);

// Parses `arguments` by `description`. kUsage: unknown option, missing value, positional argument.
using Values = boost::program_options::variables_map;
Result<Values> parse(const std::vector<std::string>& arguments,
                     const OptionsDescription& description);

// Reads and checks the values. kUsage names the option and what it takes.
Result<CommonOptions> read_common(const Values& values);
Result<SelectionOptions> read_selection(const Values& values);
Result<PlanningOptions> read_planning(const Values& values);
Result<ApplyOptions> read_apply(const Values& values);

// The value of a string option; empty when it is absent.
std::string text_of(const Values& values, const std::string& name);
bool flag_of(const Values& values, const std::string& name);

}  // namespace kferry::cli
