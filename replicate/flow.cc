#include "replicate/flow.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "replicate/status.h"

namespace kferry::replicate {

bool NameFilter::selects(const std::string& name) const {
  const auto matches = [&](const std::regex& pattern) { return std::regex_match(name, pattern); };
  return std::ranges::any_of(include, matches) && std::ranges::none_of(exclude, matches);
}

bool is_internal_topic(const TopicName& topic) {
  using namespace std::string_view_literals;
  constexpr std::array kKafkas = {"__consumer_offsets"sv, "__transaction_state"sv,
                                  "__cluster_metadata"sv, "__share_group_state"sv};
  const std::string_view name = topic.value();
  return std::ranges::find(kKafkas, name) != kKafkas.end() || name.starts_with("__kferry.") ||
         name.ends_with(".checkpoints.internal") ||
         (name.starts_with("mm2-offset-syncs.") && name.ends_with(".internal"));
}

std::pair<std::string, std::string> aliases_of(const std::string& flow) {
  const size_t arrow = flow.find("->");
  if (arrow == flow.npos) return {"source", "target"};
  return {flow.substr(0, arrow), flow.substr(arrow + 2)};
}

FlowSettings reversed(FlowSettings flow) {
  flow.reverse_of = flow.name;
  const auto [from, to] = aliases_of(flow.name);
  flow.name = flow.name.contains("->") ? to + "->" + from : flow.name + "-reverse";
  std::swap(flow.source, flow.target);
  flow.sync_topic_configs = flow.sync_acls = false;
  flow.emit_offset_syncs = flow.emit_checkpoints = flow.emit_heartbeats = false;
  flow.zookeeper_login.reset();
  flow.zookeeper.reset();  // it guarded the way there
  return flow;
}

TopicName target_topic(const FlowSettings& flow, const TopicName& source_topic) {
  return TopicName(flow.topic_prefix + source_topic.value());
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kWaiting:
      return "waiting";
    case Phase::kPositioning:
      return "positioning";
    case Phase::kFilling:
      return "filling";
    case Phase::kCopying:
      return "copying";
    case Phase::kQuarantined:
      return "quarantined";
  }
  return "unknown";
}

}  // namespace kferry::replicate
