#include "cli/flow_config.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/yaml.h"
#include "replicate/http_routes.h"
#include "replicate/http_server.h"
#include "replicate/patterns.h"
#include "zkoffsets/zk_client.h"

namespace kferry::cli {
namespace {

using replicate::FlowSettings;

bool is_plain_name(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::unexpected<Error> takes(const FlowValue& value, std::string_view what) {
  return fail(ErrorKind::kUsage,
              fmt::format("{} '{}': takes {}", value.origin, escape_control(value.text), what));
}

Result<> patterns(const FlowValue& value, std::vector<std::regex>& out) {
  auto parsed = value.list.empty() ? replicate::parse_patterns(std::string_view(value.text))
                                   : replicate::parse_patterns(value.list);
  if (!parsed) return std::unexpected(in_context(std::move(parsed).error(), value.origin));
  out = std::move(*parsed);
  return {};
}

Result<> groups(const FlowValue& value, FlowSettings& flow) {
  KFERRY_CHECK(patterns(value, flow.groups.include));
  flow.groups.names = replicate::literal_names(
      value.list.empty() ? replicate::split_patterns(value.text) : value.list);
  return {};
}

template <class T>
Result<> number(const FlowValue& value, T lowest, T highest, T& out) {
  T parsed{};
  const char* const end = value.text.data() + value.text.size();
  const auto [rest, error] = std::from_chars(value.text.data(), end, parsed);
  if (error != std::errc() || rest != end || parsed < lowest || parsed > highest)
    return takes(value, fmt::format("a number from {} to {}", lowest, highest));
  out = parsed;
  return {};
}

Result<> truth(const FlowValue& value, bool& out) {
  if (value.text != "true" && value.text != "false") return takes(value, "true or false");
  out = value.text == "true";
  return {};
}

Result<> interval(const FlowValue& value, Duration& out) {
  const int64_t ms = parse_duration_ms(value.text);
  if (ms < 100 || ms > 24 * 3'600'000)
    return takes(value, "a time such as 500ms, 5s or 10m, from 100ms to 24h");
  out = Duration(ms);
  return {};
}

Result<> offsets(const FlowValue& value, FlowSettings& flow) {
  using enum replicate::OffsetsMode;
  if (value.text == "auto")
    flow.offsets = kAuto;
  else if (value.text == "identity")
    flow.offsets = kIdentity;
  else if (value.text == "translate")
    flow.offsets = kTranslate;
  else
    return takes(value, "identity, translate or auto");
  return {};
}

Result<> guard(const FlowValue& value, FlowSettings& flow) {
  if (value.text != "refuse" && value.text != "warn") return takes(value, "refuse or warn");
  flow.guard =
      value.text == "warn" ? replicate::GuardPolicy::kWarn : replicate::GuardPolicy::kRefuse;
  return {};
}

Result<> prefix(const FlowValue& value, FlowSettings& flow) {
  constexpr size_t kLongest = 100;  // a topic's name has 249 at most
  if (value.text.size() > kLongest || !is_plain_name(value.text))
    return takes(value, "up to 100 letters, digits, '.', '_' and '-', as topics have");
  flow.topic_prefix = value.text;
  return {};
}

// `checked` as a check alone.
template <class T>
Result<> in_place(const FlowValue& value, Result<T> checked) {
  if (checked) return {};
  return std::unexpected(in_context(std::move(checked).error(), value.origin));
}

Result<> listen(const FlowValue& value, FlowSettings& flow) {
  flow.listen = value.text;
  return in_place(value, replicate::parse_listen_address(value.text));
}

Result<> zookeeper(const FlowValue& value, FlowSettings& flow) {
  flow.zookeeper = value.text;
  return in_place(value, zkoffsets::check_connect_string(value.text));
}

Result<> byte_rate(const FlowValue& value, FlowSettings& flow) {
  const auto rate = replicate::parse_byte_rate(value.text);
  if (!rate) return takes(value, "a whole number of bytes per second, 0 for no limit");
  flow.max_bytes_per_second = *rate;
  return {};
}

Result<> mm2_topics(const FlowValue& value, FlowSettings& flow) {
  KFERRY_CHECK(truth(value, flow.emit_checkpoints));
  flow.emit_heartbeats = flow.emit_offset_syncs = flow.emit_checkpoints;
  return {};
}

Result<> cluster(const FlowValue& value, FlowSettings&) {
  return in_place(value, wire::parse_bootstrap_servers(value.text));
}

Result<> properties_file(const FlowValue& value, FlowSettings&) {
  return value.text.empty() ? takes(value, "the name of a file") : Result<>();
}

using Apply = Result<> (*)(const FlowValue&, FlowSettings&);

const std::map<std::string, Apply>& settings() {
  using V = const FlowValue&;
  using F = FlowSettings&;
  constexpr size_t kMiB = 1024UL * 1024;
  static const std::map<std::string, Apply> table{
      {"source", cluster},
      {"source_config", properties_file},
      {"target", cluster},
      {"target_config", properties_file},
      {"topics", [](V v, F f) { return patterns(v, f.topics.include); }},
      {"topics_exclude", [](V v, F f) { return patterns(v, f.topics.exclude); }},
      {"groups", groups},
      {"groups_exclude", [](V v, F f) { return patterns(v, f.groups.exclude); }},
      {"config_exclude", [](V v, F f) { return patterns(v, f.config_properties.exclude); }},
      {"replication_factor",
       [](V v, F f) { return number<int16_t>(v, 1, 32'767, f.replication_factor); }},
      {"offsets", offsets},
      {"prefix", prefix},
      {"sync_configs", [](V v, F f) { return truth(v, f.sync_topic_configs); }},
      {"sync_acls", [](V v, F f) { return truth(v, f.sync_acls); }},
      {"sync_group_offsets", [](V v, F f) { return truth(v, f.sync_group_offsets); }},
      {"mm2_topics", mm2_topics},
      {"mm2_metrics", [](V v, F f) { return truth(v, f.mm2_metrics); }},
      {"refresh_interval", [](V v, F f) { return interval(v, f.refresh_interval); }},
      {"group_interval", [](V v, F f) { return interval(v, f.group_interval); }},
      {"max_bytes_per_second", byte_rate},
      {"buffer_bytes",
       [](V v, F f) { return number<size_t>(v, kMiB, 64 * 1024 * kMiB, f.buffer_bytes); }},
      {"listen", listen},
      {"zookeeper", zookeeper},
      {"guard", guard},
      {"until_caught_up", [](V v, F f) { return truth(v, f.until_caught_up); }},
  };
  return table;
}

FlowValue value_of(const YAML::Node& node, const std::string& where) {
  if (!node.IsSequence()) return {where, text(node, where)};
  FlowValue value{where, "", texts(node, where)};
  value.text = fmt::format("{}", fmt::join(value.list, ", "));
  return value;
}

void add(FlowChanges& changes, const std::string& name, const YAML::Node& node,
         const std::string& where) {
  FlowValue value = value_of(node, where);
  FlowSettings scratch;
  if (const auto applied = apply(name, value, scratch); !applied)
    throw ConfigError{node.Mark(), applied.error().message};
  changes[name] = std::move(value);
}

FlowChanges read_one_flow(const YAML::Node& node, const std::string& where) {
  std::set<std::string> known;
  for (const auto& [name, unused] : settings())
    if (!name.ends_with("_config") && name != "until_caught_up") known.insert(name);
  check_keys(node, where, known);
  FlowChanges changes;
  for (const auto& entry : node) {
    const auto name = entry.first.as<std::string>();
    const std::string here = where + "." + name;
    if (name != "source" && name != "target") {
      add(changes, name, entry.second, here);
      continue;
    }
    check_keys(entry.second, here, {"bootstrap_server", "command_config"});
    if (const auto server = entry.second["bootstrap_server"])
      add(changes, name, server, here + ".bootstrap_server");
    if (const auto file = entry.second["command_config"])
      add(changes, name + "_config", file, here + ".command_config");
  }
  return changes;
}

}  // namespace

Result<> apply(const std::string& name, const FlowValue& value, FlowSettings& flow) {
  const auto found = settings().find(name);
  if (found == settings().end())
    return fail(ErrorKind::kFailed, fmt::format("{}: no such setting", name));
  return found->second(value, flow);
}

Result<> check_flow_name(const std::string& name, const std::string& origin) {
  constexpr size_t kLongest = 100;
  const size_t arrow = name.find("->");
  const std::string source = name.substr(0, arrow);
  const std::string target = arrow == std::string::npos ? "-" : name.substr(arrow + 2);
  if (name.size() <= kLongest && !source.empty() && !target.empty() && source != target &&
      is_plain_name(source) && is_plain_name(target))
    return {};
  return fail(ErrorKind::kUsage,
              fmt::format("{} '{}' is not the name of a flow", origin, escape_control(name)),
              "write SOURCE->TARGET, or any name of up to 100 letters, digits, '.', '_' and '-'");
}

FlowSettings default_flow() {
  using replicate::parse_patterns;
  FlowSettings flow;
  flow.topics.exclude = parse_patterns(replicate::kDefaultTopicsExclude).value();
  flow.groups.exclude = parse_patterns(replicate::kDefaultGroupsExclude).value();
  flow.config_properties.include = parse_patterns(".*").value();
  flow.config_properties.exclude =
      parse_patterns(replicate::kDefaultConfigPropertiesExclude).value();
  return flow;
}

std::map<std::string, FlowChanges> read_flows(const YAML::Node& node) {
  if (!node.IsMap()) throw ConfigError{node.Mark(), "flows must be a map"};
  std::map<std::string, FlowChanges> flows;
  for (const auto& entry : node) {
    const auto name = entry.first.as<std::string>();
    if (const auto named = check_flow_name(name, "flows"); !named)
      throw ConfigError{entry.first.Mark(), named.error().message};
    if (flows.contains(name))
      throw ConfigError{entry.first.Mark(), fmt::format("two flows are called '{}'", name)};
    flows[name] = read_one_flow(entry.second, "flows." + name);
  }
  return flows;
}

}  // namespace kferry::cli
