#include "cli/replicate_options.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "cli/config.h"
#include "cli/flow_config.h"
#include "cli/session.h"
#include "kafkaio/config.h"
#include "kafkaio/security.h"
#include "replicate/patterns.h"

namespace kferry::cli {

using replicate::ClusterSettings;
using replicate::FlowSettings;
using replicate::Mm2Flow;

namespace {

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
  warn_of_plain_secrets(*properties, file);
  return replicate::read_mm2_flow({std::move(*properties), file, flow, timeout});
}

// What all layers say: `changes` goes over `base`.
struct Layers {
  FlowSettings base;
  std::optional<std::regex> cycles;  // never copied, whatever topics_exclude says
  FlowChanges changes;
  Config config;
};

Result<Layers> read_layers(const Values& values, const CommonOptions& common,
                           std::vector<replicate::Mm2Note>* notes) {
  Layers layers{default_flow(), {}, {}, {}};
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
    KFERRY_TRY(layers.config, read_config(common.config_file));
    const Config& config = layers.config;
    KFERRY_TRY(layers.changes, choose(config, common.config_file, name, !mm2_file.empty()));
    // The guard is not to be forgotten: what `scan` and `migrate` look at is looked at here too.
    if (!config.zookeeper.empty() && !layers.changes.contains("zookeeper"))
      layers.changes["zookeeper"] = {common.config_file + ": zookeeper", config.zookeeper};
  }
  collect_changes(values, layers.changes);
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

}  // namespace

Result<CommonOptions> read_replicate_common(const Values& values) {
  KFERRY_TRY(CommonOptions common, read_common(values));
  if (text_of(values, "log-level").empty()) common.log_level = log::Level::kInfo;
  return common;
}

namespace {

Result<FlowSettings> make_flow(Layers layers, const Values& values, const CommonOptions& common) {
  const Duration timeout = common.request_timeout;
  FlowSettings flow = std::move(layers.base);
  for (const auto& [setting, value] : layers.changes) KFERRY_CHECK(apply(setting, value, flow));
  if (flow.zookeeper) {
    KFERRY_TRY(flow.zookeeper_login, read_zookeeper_login(common, layers.config));
  }
  name_clusters(flow);
  KFERRY_CHECK(read_cluster(layers.changes, "source", timeout, flow.source));
  KFERRY_CHECK(read_cluster(layers.changes, "target", timeout, flow.target));
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

using Properties = std::map<std::string, std::string>;

// Takes a cluster's file of client properties out of the changes: what it says, word for word.
Result<Properties> take_properties(FlowChanges& changes, const std::string& setting) {
  const auto file = changes.extract(setting);
  if (file.empty()) return Properties();
  KFERRY_TRY(const std::string text, read_file(file.mapped().text, file.mapped().origin));
  auto properties = kafkaio::parse_properties(text);
  if (!properties)
    return std::unexpected(in_context(std::move(properties).error(), file.mapped().text));
  return std::move(*properties);
}

Result<replicate::FlowPatterns> patterns_of(const FlowChanges& changes) {
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
    const auto found = changes.find(setting);
    if (found == changes.end()) continue;
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

}  // namespace

Result<FlowSettings> read_flow(const Values& values, std::vector<replicate::Mm2Note>* notes) {
  KFERRY_TRY(const CommonOptions common, read_replicate_common(values));
  KFERRY_TRY(Layers layers, read_layers(values, common, notes));
  return make_flow(std::move(layers), values, common);
}

Result<FlowSettings> read_target_of_flow(const Values& values) {
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(Layers layers, read_layers(values, common, nullptr));
  FlowSettings flow = std::move(layers.base);
  name_clusters(flow);
  KFERRY_CHECK(read_cluster(layers.changes, "target", common.request_timeout, flow.target));
  return flow;
}

namespace {

// "a, b" or a list, as the change has it; nothing: all.
std::vector<std::string> expressions_of(const FlowChanges& changes, const std::string& setting) {
  const auto found = changes.find(setting);
  if (found == changes.end()) return {".*"};
  if (!found->second.list.empty()) return found->second.list;
  std::vector<std::string> expressions(1);
  for (const char c : found->second.text) {
    if (c == ',')
      expressions.emplace_back();
    else if (c != ' ')
      expressions.back() += c;
  }
  std::erase(expressions, "");
  return expressions;
}

}  // namespace

Result<NamedFlow> read_named_flow(const Values& values) {
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(Layers layers, read_layers(values, common, nullptr));
  NamedFlow named;
  named.topics = expressions_of(layers.changes, "topics");
  named.groups = expressions_of(layers.changes, "groups");
  for (const auto& [setting, place] :
       {std::pair{"source", &named.source}, std::pair{"target", &named.target}})
    if (const auto found = layers.changes.find(setting); found != layers.changes.end())
      *place = found->second.text;
  named.flow = std::move(layers.base);
  for (const auto& [setting, value] : layers.changes)
    KFERRY_CHECK(apply(setting, value, named.flow));
  name_clusters(named.flow);
  return named;
}

Result<WrittenFlow> read_written_flow(const Values& values) {
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(Layers layers, read_layers(values, common, nullptr));
  WrittenFlow written;
  KFERRY_TRY(written.patterns, patterns_of(layers.changes));
  KFERRY_TRY(written.source_properties, take_properties(layers.changes, "source_config"));
  KFERRY_TRY(written.target_properties, take_properties(layers.changes, "target_config"));
  KFERRY_TRY(written.flow, make_flow(std::move(layers), values, common));
  return written;
}

}  // namespace kferry::cli
