#include "cli/options.h"

#include <fmt/format.h>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>

namespace kferry::cli {

namespace po = boost::program_options;

namespace {

constexpr int kMaxParallel = 64;

std::unexpected<Error> bad_value(const Values& values, const std::string& name,
                                 std::string_view takes) {
  return fail(ErrorKind::kUsage,
              fmt::format("--{} '{}': takes {}", name, text_of(values, name), takes));
}

// Reads an option whose values have names, with the layer's own parser.
template <class T, class Parse>
Result<> read_named(const Values& values, const std::string& name, std::string_view takes,
                    Parse parse, T& out) {
  const std::string text = text_of(values, name);
  if (text.empty()) return {};
  const auto parsed = parse(text);
  if (!parsed) return bad_value(values, name, takes);
  out = *parsed;
  return {};
}

Result<> read_duration(const Values& values, const std::string& name, int64_t lowest_ms,
                       int64_t highest_ms, Duration& out) {
  const std::string text = text_of(values, name);
  if (text.empty()) return {};
  const int64_t ms = parse_duration_ms(text);
  if (ms < lowest_ms || ms > highest_ms)
    return bad_value(values, name,
                     fmt::format("a time such as 500ms, 30s, 5m, 12h or 30d, from {}ms to {}ms",
                                 lowest_ms, highest_ms));
  out = Duration(ms);
  return {};
}

constexpr int64_t kSecond = 1000;
constexpr int64_t kHour = 3600 * kSecond;

}  // namespace

OptionsDescription describe_common() {
  OptionsDescription options("Connections and output");
  auto add = options.add_options();
  add("zookeeper", po::value<std::string>()->value_name("HOST:PORT,.../chroot"),
      "ZooKeeper servers, with the chroot once at the end");
  add("zookeeper-auth-file", po::value<std::string>()->value_name("FILE"),
      "a file with ZooKeeper's login, user:password (scheme digest)");
  add("bootstrap-server", po::value<std::string>()->value_name("HOST:PORT,..."), "Kafka brokers");
  add("command-config", po::value<std::string>()->value_name("FILE"),
      "client properties for Kafka (as Java's or librdkafka's clients read them)");
  add("config", po::value<std::string>()->value_name("FILE"),
      "kferry.yaml: connections, teams, presets");
  add_offset_source(options);
  add_output(options, log::Level::kWarn);
  return options;
}

void add_offset_source(OptionsDescription& options) {
  options.add_options()(
      "offset-source", po::value<std::string>()->value_name("both|zookeeper|broker"),
      "read the old offsets in ZooKeeper and a second time through a broker, in ZooKeeper only, or "
      "through the brokers only, without a connection to ZooKeeper (both)");
}

void add_output(OptionsDescription& options, log::Level default_level) {
  auto add = options.add_options();
  add("format", po::value<std::string>()->value_name("table|json"), "what goes to stdout (table)");
  add("log-format", po::value<std::string>()->value_name("text|json"),
      "what log lines on stderr look like (text)");
  add("log-level", po::value<std::string>()->value_name("debug|info|warn|error"),
      default_level == log::Level::kInfo ? "which log lines are written (info)"
                                         : "which log lines are written (warn)");
  add("no-progress", po::bool_switch(), "no progress on stderr");
  add("request-timeout", po::value<std::string>()->value_name("TIME"),
      "for one request to a broker (30s)");
}

OptionsDescription describe_selection() {
  OptionsDescription options("Which groups");
  auto add = options.add_options();
  add("group", po::value<std::vector<std::string>>()->composing()->value_name("NAME"),
      "a consumer group; may be repeated");
  add("team", po::value<std::vector<std::string>>()->composing()->value_name("NAME"),
      "all groups of a team of --config; may be repeated");
  add("all-groups", po::bool_switch(), "every group found in ZooKeeper");
  add("topic", po::value<std::vector<std::string>>()->composing()->value_name("NAME"),
      "only the offsets of this topic; may be repeated");
  add("convention", po::value<std::string>()->value_name("next|last"),
      "what the number in ZooKeeper means: the next record, or the last one processed");
  return options;
}

OptionsDescription describe_planning() {
  OptionsDescription options("Judging");
  auto add = options.add_options();
  add("on-conflict", po::value<std::string>()->value_name("fail|zookeeper|kafka|min|max"),
      "two reads differ, or Kafka is ahead of ZooKeeper (fail)");
  add("on-range", po::value<std::string>()->value_name("fail|clamp|skip"),
      "an offset before the log's start or after its end (fail)");
  add("on-missing", po::value<std::string>()->value_name("fail|skip"),
      "the topic or partition does not exist any more (fail)");
  add("quiet-period", po::value<std::string>()->value_name("TIME"),
      "how long ZooKeeper's offsets are watched for somebody who still commits (10s; 65s with "
      "--offset-source broker)");
  add("quiet-samples", po::value<int>()->value_name("N"), "how often in that time, 1 to 100 (3)");
  return options;
}

OptionsDescription describe_apply() {
  OptionsDescription options("Writing");
  auto add = options.add_options();
  add("execute", po::bool_switch(), "write; without it kferry shows what it would do");
  add("commit-mode", po::value<std::string>()->value_name("member|simple"),
      "commit as the group's only member, or outside any generation: for assign() consumers and "
      "0.8 brokers (member)");
  add("retain", po::value<std::string>()->value_name("TIME"),
      "keep the committed offsets that long, whatever the broker's retention (e.g. 30d)");
  add("parallel", po::value<int>()->value_name("N"), "groups at once, 1 to 64 (8)");
  add("session-timeout", po::value<std::string>()->value_name("TIME"),
      "how long a group stays held when kferry dies (10s)");
  add("no-receipts", po::bool_switch(),
      "do not note in Kafka, in the group kferry.receipt.<group>, what was migrated");
  return options;
}

Result<Values> parse(const std::vector<std::string>& arguments,
                     const OptionsDescription& description) {
  try {
    const auto style = po::command_line_style::allow_long |
                       po::command_line_style::long_allow_adjacent |
                       po::command_line_style::long_allow_next;
    Values values;
    po::store(
        po::command_line_parser(arguments).options(description).positional({}).style(style).run(),
        values);
    po::notify(values);
    return values;
  } catch (const po::error& error) {
    return fail(ErrorKind::kUsage, error.what(), "see `kferry help VERB`");
  }
}

std::string text_of(const Values& values, const std::string& name) {
  return values.count(name) == 0 ? std::string() : values[name].as<std::string>();
}

bool flag_of(const Values& values, const std::string& name) {
  return values.count(name) != 0 && values[name].as<bool>();
}

Result<CommonOptions> read_common(const Values& values) {
  CommonOptions common;
  common.config_file = text_of(values, "config");
  common.zookeeper = text_of(values, "zookeeper");
  common.zookeeper_auth_file = text_of(values, "zookeeper-auth-file");
  common.bootstrap = text_of(values, "bootstrap-server");
  common.command_config = text_of(values, "command-config");
  common.progress = !flag_of(values, "no-progress");
  if (values.count("offset-source") != 0) {
    common.offset_reads = parse_offset_reads(text_of(values, "offset-source"));
    if (!common.offset_reads) return bad_value(values, "offset-source", kOffsetReadsNames);
  }
  const auto one_of = [](auto... pairs) {
    return [=](const std::string& text) {
      std::optional<std::common_type_t<decltype(pairs.second)...>> found;
      ((text == pairs.first ? (found = pairs.second, 0) : 0), ...);
      return found;
    };
  };
  using Name = std::string_view;
  KFERRY_CHECK(read_named(values, "format", "table or json",
                          one_of(std::pair{Name("table"), OutputFormat::kTable},
                                 std::pair{Name("json"), OutputFormat::kJson}),
                          common.format));
  KFERRY_CHECK(read_named(values, "log-format", "text or json",
                          one_of(std::pair{Name("text"), log::Format::kText},
                                 std::pair{Name("json"), log::Format::kJson}),
                          common.log_format));
  KFERRY_CHECK(read_named(
      values, "log-level", "debug, info, warn or error",
      one_of(std::pair{Name("debug"), log::Level::kDebug},
             std::pair{Name("info"), log::Level::kInfo}, std::pair{Name("warn"), log::Level::kWarn},
             std::pair{Name("error"), log::Level::kError}),
      common.log_level));
  KFERRY_CHECK(read_duration(values, "request-timeout", kSecond, kHour, common.request_timeout));
  return common;
}

Result<SelectionOptions> read_selection(const Values& values) {
  SelectionOptions selection;
  const auto list = [&](const std::string& name) {
    return values.count(name) == 0 ? std::vector<std::string>()
                                   : values[name].as<std::vector<std::string>>();
  };
  selection.groups = list("group");
  selection.teams = list("team");
  selection.topics = list("topic");
  selection.all_groups = flag_of(values, "all-groups");
  for (const std::string& group : selection.groups)
    if (group.empty() || group.find('/') != std::string::npos)
      return fail(ErrorKind::kUsage, fmt::format("--group '{}': not a group name", group));
  if (text_of(values, "convention").empty()) return selection;
  zkoffsets::Convention convention{};
  KFERRY_CHECK(
      read_named(values, "convention", "next or last", zkoffsets::parse_convention, convention));
  selection.convention = convention;
  return selection;
}

Result<PlanningOptions> read_planning(const Values& values) {
  PlanningOptions planning;
  auto& policies = planning.policies;
  KFERRY_CHECK(read_named(values, "on-conflict", "fail, zookeeper, kafka, min or max",
                          migrate::parse_conflict_policy, policies.on_conflict));
  KFERRY_CHECK(read_named(values, "on-range", "fail, clamp or skip", migrate::parse_range_policy,
                          policies.on_range));
  KFERRY_CHECK(read_named(values, "on-missing", "fail or skip", migrate::parse_missing_policy,
                          policies.on_missing));
  if (values.count("quiet-period") != 0) {
    Duration quiet_period{};
    KFERRY_CHECK(read_duration(values, "quiet-period", 0, kHour, quiet_period));
    planning.quiet_period = quiet_period;
  }
  if (values.count("quiet-samples") != 0) {
    planning.quiet_samples = values["quiet-samples"].as<int>();
    if (planning.quiet_samples < 1 || planning.quiet_samples > 100)
      return fail(ErrorKind::kUsage, "--quiet-samples: takes a number from 1 to 100");
  }
  return planning;
}

Result<ApplyOptions> read_apply(const Values& values) {
  ApplyOptions apply;
  apply.execute = flag_of(values, "execute");
  apply.write_receipts = !flag_of(values, "no-receipts");
  const std::string mode = text_of(values, "commit-mode");
  if (!mode.empty() && mode != "member" && mode != "simple")
    return bad_value(values, "commit-mode", "member or simple");
  if (mode == "simple") apply.commit_mode = migrate::CommitMode::kSimple;
  if (values.count("retain") != 0) {
    Duration retain{};
    KFERRY_CHECK(read_duration(values, "retain", 60 * kSecond, 3650 * 24 * kHour, retain));
    apply.retain = retain;
  }
  if (values.count("parallel") != 0) {
    apply.parallel = values["parallel"].as<int>();
    if (apply.parallel < 1 || apply.parallel > kMaxParallel)
      return fail(ErrorKind::kUsage,
                  fmt::format("--parallel: takes a number from 1 to {}", kMaxParallel));
  }
  KFERRY_CHECK(read_duration(values, "session-timeout", kSecond, kHour, apply.session_timeout));
  return apply;
}

}  // namespace kferry::cli
