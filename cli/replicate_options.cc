#include "cli/replicate_options.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "cli/config.h"
#include "cli/flow_config.h"
#include "cli/session.h"
#include "kafkaio/config.h"
#include "kafkaio/security.h"
#include "replicate/patterns.h"

namespace kferry::cli {

namespace po = boost::program_options;

using replicate::ClusterSettings;
using replicate::FlowSettings;
using replicate::Mm2Flow;

namespace {

struct Flag {
  const char* setting;  // as in flow_config.h; the option is called the same, with '-' for '_'
  const char* value;    // its name in the help; nullptr: a switch that means "true"
  const char* help;
};

constexpr Flag kClusterFlags[] = {
    {"source", "HOST:PORT,...", "brokers of the cluster that is copied"},
    {"target", "HOST:PORT,...", "brokers of the cluster that it is copied to"},
    {"source_config", "FILE", "client properties for the source (Java's or librdkafka's)"},
    {"target_config", "FILE", "client properties for the target"},
    {"zookeeper", "HOST:PORT,.../chroot",
     "check that groups with offsets in this ZooKeeper were migrated"},
};
constexpr Flag kSelectionFlags[] = {
    {"topics", "REGEX,...", "topics to copy, by their whole names"},
    {"topics_exclude", "REGEX,...", "but not these (as MM2: internal topics, *.replica, __*)"},
    {"groups", "REGEX,...", "consumer groups whose offsets are kept in sync (none)"},
    {"groups_exclude", "REGEX,...", "but not these (as MM2: console-consumer-*, connect-*, __*)"},
};
constexpr Flag kCopyFlags[] = {
    {"replication_factor", "N", "of topics that are created (the target's default)"},
    {"offsets", "identity|translate|auto",
     "the source's offsets for every record, exact translation, or identity where it is possible "
     "(auto)"},
    {"prefix", "TEXT", "put before the topics' names on the target, separator included"},
    {"config_exclude", "REGEX,...", "topic configs that are not synced (as MM2)"},
    {"guard", "refuse|warn", "what --zookeeper means for a group that was not migrated (refuse)"},
    {"sync_group_offsets", nullptr,
     "with --mm2-properties: into the target's groups even where the file does not say so"},
};
constexpr Flag kRunFlags[] = {
    {"until_caught_up", nullptr, "end once everything that was there at the start is copied"},
    {"listen", "HOST:PORT", "serve the status page, /metrics, /status, ... there"},
    {"mm2_metrics", nullptr, "MirrorMaker 2's metrics too, for existing dashboards"},
    {"max_bytes_per_second", "N", "at most that many, 0 for no limit (0)"},
    {"buffer_bytes", "N", "memory for records on their way (33554432)"},
};
struct Negation {
  const char* option;
  const char* setting;
  const char* help;
};
constexpr Negation kNegations[] = {
    {"no-sync-configs", "sync_configs", "leave the configs of existing topics alone"},
    {"no-sync-acls", "sync_acls", "copy no ACLs"},
    {"no-mm2-topics", "mm2_topics", "write no offset-syncs, checkpoints and heartbeats topics"},
};

std::string option_of(const char* setting) {
  std::string option = setting;
  std::ranges::replace(option, '_', '-');
  return option;
}

template <size_t N>
void add_flags(OptionsDescription& options, const Flag (&flags)[N]) {
  for (const Flag& flag : flags) {
    const std::string name = option_of(flag.setting);
    if (flag.value == nullptr)
      options.add_options()(name.c_str(), po::bool_switch(), flag.help);
    else
      options.add_options()(name.c_str(), po::value<std::string>()->value_name(flag.value),
                            flag.help);
  }
}

template <size_t N>
void collect_flags(const Values& values, const Flag (&flags)[N], FlowChanges& changes) {
  for (const Flag& flag : flags) {
    const std::string name = option_of(flag.setting);
    if (values.count(name) == 0) continue;
    if (flag.value != nullptr)
      changes[flag.setting] = {"--" + name, text_of(values, name)};
    else if (flag_of(values, name))
      changes[flag.setting] = {"--" + name, "true"};
  }
}

// The flow of kferry.yaml that is meant; with `other_base` (an MM2 file) there need not be one.
Result<FlowChanges> choose(const Config& config, const std::string& file, std::string& name,
                           bool other_base) {
  const auto found = config.flows.find(name);
  if (found != config.flows.end()) return found->second;
  if (config.flows.empty() || other_base) return FlowChanges();
  std::vector<std::string> names;
  for (const auto& [known, unused] : config.flows) names.push_back(known);
  const std::string hint = fmt::format("the flows are: {}", fmt::join(names, ", "));
  if (!name.empty())
    return fail(ErrorKind::kUsage, fmt::format("--flow '{}': no such flow in {}", name, file),
                hint);
  if (names.size() > 1)
    return fail(ErrorKind::kUsage,
                fmt::format("{} has several flows: choose one with --flow", file), hint);
  name = names.front();
  return config.flows.begin()->second;
}

Result<Mm2Flow> read_mm2(const std::string& file, const std::string& flow, Duration timeout) {
  KFERRY_TRY(const std::string text, read_file(file, "--mm2-properties"));
  auto properties = kafkaio::parse_properties(text);
  if (!properties) return std::unexpected(in_context(std::move(properties).error(), file));
  if (kafkaio::has_plain_secret(*properties)) warn_if_others_may_read(file);
  return replicate::read_mm2_flow({std::move(*properties), file, flow, timeout});
}

// What all layers say: `changes` goes over `base`.
struct Layers {
  FlowSettings base;
  std::optional<std::regex> cycles;  // never copied, whatever topics_exclude says
  FlowChanges changes;
};

Result<Layers> read_layers(const Values& values, const CommonOptions& common,
                           std::vector<replicate::Mm2Note>* notes) {
  Layers layers{default_flow(), {}, {}};
  std::string name = text_of(values, "flow");
  if (values.count("flow") != 0) KFERRY_CHECK(check_flow_name(name, "--flow"));
  const std::string mm2_file = text_of(values, "mm2-properties");
  if (!mm2_file.empty()) {
    KFERRY_TRY(Mm2Flow mm2, read_mm2(mm2_file, name, common.request_timeout));
    layers.base = std::move(mm2.settings);
    layers.cycles = std::move(mm2.cycles);
    name = layers.base.name;
    KFERRY_CHECK(check_flow_name(name, mm2_file + ": the flow"));
    if (notes != nullptr) *notes = std::move(mm2.notes);
  }
  if (!common.config_file.empty()) {
    KFERRY_TRY(const Config config, read_config(common.config_file));
    KFERRY_TRY(layers.changes, choose(config, common.config_file, name, !mm2_file.empty()));
    // The guard is not to be forgotten: what `scan` and `migrate` look at is looked at here too.
    if (!config.zookeeper.empty() && !layers.changes.contains("zookeeper"))
      layers.changes["zookeeper"] = {common.config_file + ": zookeeper", config.zookeeper};
  }
  collect_flags(values, kClusterFlags, layers.changes);
  collect_flags(values, kSelectionFlags, layers.changes);
  collect_flags(values, kCopyFlags, layers.changes);
  collect_flags(values, kRunFlags, layers.changes);
  for (const Negation& negation : kNegations)
    if (flag_of(values, negation.option))
      layers.changes[negation.setting] = {std::string("--") + negation.option, "false"};
  if (!name.empty()) layers.base.name = name;
  return layers;
}

// One cluster: what the changes say, or else what the base has.
Result<> read_cluster(const FlowChanges& changes, const std::string& side, Duration timeout,
                      ClusterSettings& cluster) {
  const auto servers = changes.find(side);
  const auto file = changes.find(side + "_config");
  const std::string bootstrap =
      servers != changes.end() ? servers->second.text : cluster.bootstrap_servers;
  if (bootstrap.empty())
    return fail(ErrorKind::kUsage, fmt::format("no {} cluster given", side),
                fmt::format("pass --{} HOST:PORT, or --config with a flow", side));
  if (file != changes.end()) {
    KFERRY_TRY(cluster, read_cluster_settings({bootstrap, file->second.text, file->second.origin,
                                               cluster.alias, timeout}));
  } else if (cluster.bootstrap_servers.empty()) {
    KFERRY_TRY(cluster,
               read_cluster_settings(
                   {.bootstrap = bootstrap, .alias = cluster.alias, .request_timeout = timeout}));
  } else {
    KFERRY_CHECK(replicate::set_bootstrap_servers(cluster, bootstrap));
  }
  return kafkaio::check(cluster.properties);
}

void name_clusters(FlowSettings& flow) {
  std::tie(flow.source.alias, flow.target.alias) = replicate::aliases_of(flow.name);
}

Result<> check_sense(const FlowSettings& flow) {
  if (flow.topics.include.empty())
    return fail(ErrorKind::kUsage, "no topics given",
                "pass --topics REGEX: '.*' for all, orders-.*, or several separated by commas");
  for (const wire::Address& address : flow.source.addresses)
    if (flow.topic_prefix.empty() && std::ranges::count(flow.target.addresses, address) > 0)
      return fail(ErrorKind::kUsage,
                  fmt::format("{} is in the source and in the target", wire::to_string(address)),
                  "a cluster can be copied to itself with a --prefix only");
  return {};
}

OptionsDescription describe_clusters() {
  OptionsDescription clusters("Clusters");
  add_flags(clusters, kClusterFlags);
  clusters.add_options()("flow", po::value<std::string>()->value_name("NAME"),
                         "the flow, of those in --config or --mm2-properties if there are any "
                         "(source->target)")(
      "reverse", po::bool_switch(), "the way back of that flow, from its target to its source");
  return clusters;
}

OptionsDescription describe_files() {
  OptionsDescription files("Configuration and output");
  files.add_options()("config", po::value<std::string>()->value_name("FILE"), "kferry.yaml: flows")(
      "mm2-properties", po::value<std::string>()->value_name("FILE"),
      "a properties file of MirrorMaker 2; what has no effect is named");
  return files;
}

}  // namespace

OptionsDescription describe_flow() {
  OptionsDescription selection("What is copied");
  add_flags(selection, kSelectionFlags);
  selection.add_options()("prefix", po::value<std::string>()->value_name("TEXT"),
                          "put before the topics' names on the target, separator included");
  OptionsDescription files = describe_files();
  add_output(files, log::Level::kWarn);
  OptionsDescription options;
  options.add(describe_clusters()).add(selection).add(files);
  return options;
}

namespace {

OptionsDescription describe_copy() {
  OptionsDescription copy("How it is copied");
  add_flags(copy, kCopyFlags);
  for (const Negation& negation : kNegations)
    copy.add_options()(negation.option, po::bool_switch(), negation.help);
  return copy;
}

OptionsDescription describe_all(bool with_dry_run) {
  OptionsDescription selection("What is copied");
  add_flags(selection, kSelectionFlags);
  OptionsDescription run("How it runs");
  if (with_dry_run)
    run.add_options()("dry-run", po::bool_switch(),
                      "print the differences that would be removed, and write nothing");
  add_flags(run, kRunFlags);
  OptionsDescription files = describe_files();
  add_output(files, log::Level::kInfo);
  OptionsDescription options;
  options.add(describe_clusters()).add(selection).add(describe_copy()).add(run).add(files);
  return options;
}

}  // namespace

OptionsDescription describe_replicate() {
  return describe_all(true);
}

OptionsDescription describe_mirror() {
  return describe_all(false);
}

OptionsDescription describe_settings() {
  OptionsDescription selection("What is copied");
  add_flags(selection, kSelectionFlags);
  OptionsDescription files("Configuration");
  files.add_options()("config", po::value<std::string>()->value_name("FILE"), "kferry.yaml: flows");
  OptionsDescription options;
  options.add(describe_clusters()).add(selection).add(describe_copy()).add(files);
  return options;
}

Result<CommonOptions> read_replicate_common(const Values& values) {
  KFERRY_TRY(CommonOptions common, read_common(values));
  if (text_of(values, "log-level").empty()) common.log_level = log::Level::kInfo;
  return common;
}

Result<FlowSettings> read_flow(const Values& values, std::vector<replicate::Mm2Note>* notes) {
  KFERRY_TRY(const CommonOptions common, read_replicate_common(values));
  KFERRY_TRY(Layers layers, read_layers(values, common, notes));
  FlowSettings flow = std::move(layers.base);
  for (const auto& [setting, value] : layers.changes) KFERRY_CHECK(apply(setting, value, flow));
  name_clusters(flow);
  KFERRY_CHECK(read_cluster(layers.changes, "source", common.request_timeout, flow.source));
  KFERRY_CHECK(read_cluster(layers.changes, "target", common.request_timeout, flow.target));
  KFERRY_CHECK(check_sense(flow));
  if (layers.cycles && layers.changes.contains("topics_exclude"))
    flow.topics.exclude.push_back(*layers.cycles);
  // Our own heartbeats go to the topic of that name; a copy of the source's would mix with them.
  if (flow.emit_heartbeats && flow.topic_prefix.empty()) {
    KFERRY_TRY(std::regex heartbeats, replicate::parse_pattern("heartbeats"));
    flow.topics.exclude.push_back(std::move(heartbeats));
  }
  if (!flag_of(values, "reverse")) return flow;
  if (!flow.topic_prefix.empty())
    return fail(ErrorKind::kUsage, "--reverse: this flow has a prefix",
                "the way back needs the same topic names on both clusters");
  return replicate::reversed(std::move(flow));
}

Result<FlowSettings> read_target_of_flow(const Values& values) {
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(Layers layers, read_layers(values, common, nullptr));
  FlowSettings flow = std::move(layers.base);
  name_clusters(flow);
  KFERRY_CHECK(read_cluster(layers.changes, "target", common.request_timeout, flow.target));
  return flow;
}

Result<replicate::FlowPatterns> read_flow_patterns(const Values& values) {
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(const Layers layers, read_layers(values, common, nullptr));
  replicate::FlowPatterns patterns{"", std::string(replicate::kDefaultTopicsExclude), "",
                                   std::string(replicate::kDefaultGroupsExclude),
                                   std::string(replicate::kDefaultConfigPropertiesExclude)};
  const std::pair<const char*, std::string*> places[] = {
      {"topics", &patterns.topics},
      {"topics_exclude", &patterns.topics_exclude},
      {"groups", &patterns.groups},
      {"groups_exclude", &patterns.groups_exclude},
      {"config_exclude", &patterns.config_exclude}};
  for (const auto& [setting, place] : places) {
    const auto found = layers.changes.find(setting);
    if (found == layers.changes.end()) continue;
    for (const std::string& one : found->second.list)
      if (one.contains(','))
        return fail(ErrorKind::kUsage,
                    fmt::format("{} '{}': MirrorMaker 2 separates expressions by commas, and "
                                "cannot have one inside",
                                found->second.origin, one),
                    "write the expression without a comma: a{1,2} as aa?");
    *place = found->second.text;
  }
  return patterns;
}

}  // namespace kferry::cli
