#include "cli/scan_view.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/text_table.h"

namespace kferry::cli {
namespace {

using migrate::Facts;
using migrate::GroupFacts;
using nlohmann::ordered_json;

struct PartitionView {
  std::optional<Offset> offset;  // by the convention
  std::optional<Offset> kafka;
  std::optional<wire::LogRange> range;
  std::optional<int64_t> lag;
};

zkoffsets::Convention convention_of(const GroupFacts& group) {
  return group.configured_convention.value_or(
      zkoffsets::default_convention(group.zookeeper.layout));
}

PartitionView view_of(const Facts& facts, const GroupFacts& group,
                      const zkoffsets::OffsetNode& node) {
  PartitionView view;
  const TopicPartition tp{node.topic, node.partition};
  if (node.parsed.offset)
    view.offset = zkoffsets::to_kafka_offset(*node.parsed.offset, convention_of(group));
  if (group.kafka)
    if (const auto found = group.kafka->find(tp); found != group.kafka->end())
      view.kafka = found->second.offset;
  const auto range = facts.log_ranges.find(tp);
  if (range != facts.log_ranges.end() && range->second.error_code == 0) view.range = range->second;
  if (view.range && view.offset) view.lag = view.range->end.value() - view.offset->value();
  return view;
}

// What stands there instead of an offset; empty when there is one.
std::string problem_of(const zkoffsets::OffsetNode& node) {
  if (node.parsed.offset) return {};
  return node.parsed.detail.empty() ? "(empty)" : node.parsed.detail;
}

int64_t last_commit_ms(const GroupFacts& group) {
  int64_t latest = 0;
  for (const auto& node : group.zookeeper.offsets) latest = std::max(latest, node.node.mtime_ms);
  return latest;
}

std::string age(int64_t now_ms, int64_t then_ms) {
  const int64_t seconds = std::max<int64_t>(0, (now_ms - then_ms) / 1000);
  if (then_ms == 0) return "-";
  if (seconds < 120) return fmt::format("{}s ago", seconds);
  if (seconds < 2 * 3600) return fmt::format("{}m ago", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{}h ago", seconds / 3600);
  return fmt::format("{}d ago", seconds / 86400);
}

// Who is in it: by ZooKeeper's registrations and Kafka's members. Clients such as KafkaEx register
// nowhere, so that an empty answer proves nothing: that is why the time of the last commit stands
// beside it.
std::string alive(const Facts& facts, const GroupFacts& group) {
  std::string text = facts.zookeeper.empty() ? "ZooKeeper not seen" : "";
  if (const size_t n = group.zookeeper.registrations.size(); n > 0)
    text += fmt::format("{} in ZooKeeper", n);
  if (group.state && !group.state->members.empty())
    text += fmt::format("{}{} in Kafka", text.empty() ? "" : ", ", group.state->members.size());
  return text.empty() ? "nobody seen" : text;
}

std::string number(const std::optional<int64_t>& value) {
  return value ? fmt::format("{}", *value) : "-";
}
std::string number(const std::optional<Offset>& value) {
  return value ? fmt::format("{}", *value) : "-";
}

ordered_json to_json(const Facts& facts, const GroupFacts& group) {
  const auto& zk = group.zookeeper;
  ordered_json json = {{"group", zk.group.value()},
                       {"team", group.team ? ordered_json(*group.team) : ordered_json()},
                       {"layout", zkoffsets::to_string(zk.layout)},
                       {"layout_evidence", zk.layout_evidence},
                       {"convention", zkoffsets::to_string(convention_of(group))},
                       {"registered_consumers", ordered_json::array()},
                       {"owned_partitions", zk.owners.size()},
                       {"kafka_group_state", group.state ? group.state->state : ""},
                       {"kafka_members", ordered_json::array()},
                       {"last_commit_at", nullptr},
                       {"problems", zk.problems},
                       {"partitions", ordered_json::array()}};
  if (facts.zookeeper.empty())
    json["registered_consumers"] = json["owned_partitions"] = nullptr;
  else
    for (const auto& one : zk.registrations)
      json["registered_consumers"].push_back(one.consumer_id);
  if (group.state)
    for (const auto& member : group.state->members)
      json["kafka_members"].push_back({{"member_id", member.id.value()},
                                       {"client_id", member.client_id},
                                       {"client_host", member.client_host}});
  if (const int64_t last = last_commit_ms(group); last > 0)
    json["last_commit_at"] = to_rfc3339(last);
  for (const auto& topic : zk.kafka07_topics)
    json["problems"].push_back(
        fmt::format("topic '{}': offsets of Kafka 0.7, not convertible", topic));
  const auto optional = [](const auto& value) {
    return value ? ordered_json(value->value()) : ordered_json();
  };
  for (const auto& node : zk.offsets) {
    const PartitionView view = view_of(facts, group, node);
    const bool has_range = view.range.has_value();
    json["partitions"].push_back(
        {{"topic", node.topic.value()},
         {"partition", node.partition.value()},
         {"zookeeper_offset", optional(node.parsed.offset)},
         {"problem", node.parsed.offset ? ordered_json() : ordered_json(problem_of(node))},
         {"kafka_offset", optional(view.kafka)},
         {"log_start_offset", has_range ? ordered_json(view.range->start.value()) : ordered_json()},
         {"log_end_offset", has_range ? ordered_json(view.range->end.value()) : ordered_json()},
         {"lag", view.lag ? ordered_json(*view.lag) : ordered_json()}});
  }
  return json;
}

}  // namespace

std::string scan_table(const Facts& facts, size_t max_lines) {
  TextTable groups({"GROUP", "TEAM", "LAYOUT", "TOPICS", "PARTITIONS", "LAG", "ALIVE",
                    "LAST COMMIT", "IN KAFKA"});
  groups.align_right({3, 4, 5, 8});
  TextTable partitions(
      {"GROUP", "TOPIC", "PARTITION", "ZOOKEEPER", "KAFKA", "LOG START", "LOG END", "LAG", "NOTE"});
  partitions.align_right({2, 3, 4, 5, 6, 7});
  size_t lines = 0;
  size_t left_out = 0;
  std::string problems;
  for (const GroupFacts& group : facts.groups) {
    const auto& zk = group.zookeeper;
    std::set<TopicName> topics;
    int64_t lag = 0;
    for (const auto& node : zk.offsets) {
      topics.insert(node.topic);
      const PartitionView view = view_of(facts, group, node);
      lag += std::max<int64_t>(0, view.lag.value_or(0));
      if (++lines > max_lines) {
        ++left_out;
        continue;
      }
      std::string note = problem_of(node);
      if (view.range && view.offset && *view.offset < view.range->start)
        note = "before the log's start";
      if (view.lag && *view.lag < 0) note = "after the log's end";
      const auto topic = facts.topics.find(node.topic);
      if (topic == facts.topics.end())
        note = "the topic does not exist";
      else if (!topic->second.partitions.contains(node.partition))
        note = "the partition does not exist";
      const auto start = view.range ? std::optional(view.range->start) : std::nullopt;
      const auto end = view.range ? std::optional(view.range->end) : std::nullopt;
      partitions.add({zk.group.value(), node.topic.value(), fmt::format("{}", node.partition),
                      node.parsed.offset ? fmt::format("{}", *node.parsed.offset) : "-",
                      number(view.kafka), number(start), number(end), number(view.lag), note});
    }
    for (const auto& problem : zk.problems)
      problems += fmt::format("  {}: {}\n", zk.group, problem);
    for (const auto& topic : zk.kafka07_topics)
      problems +=
          fmt::format("  {}: topic '{}': offsets of Kafka 0.7, not convertible\n", zk.group, topic);
    groups.add({zk.group.value(), group.team.value_or("-"),
                std::string(zkoffsets::to_string(zk.layout)), fmt::format("{}", topics.size()),
                fmt::format("{}", zk.offsets.size()), fmt::format("{}", lag), alive(facts, group),
                age(facts.gathered_at_ms, last_commit_ms(group)),
                group.kafka ? fmt::format("{}", group.kafka->size()) : "?"});
  }
  std::string text = groups.render() + "\n" + partitions.render();
  if (left_out > 0)
    text += fmt::format("... and {} partitions more: --format json shows all, --group some\n",
                        left_out);
  if (!problems.empty()) text += "\nProblems:\n" + problems;
  text +=
      fmt::format("\n{} groups, {} offsets in ZooKeeper{}.\n", facts.groups.size(), lines,
                  facts.zookeeper.empty() ? ", read through the brokers" : " " + facts.zookeeper);
  return text;
}

std::string scan_json(const Facts& facts) {
  ordered_json json = {
      {"schema", "kferry/scan/v1"},
      {"generated_at", to_rfc3339(facts.gathered_at_ms)},
      {"tool_version", KFERRY_VERSION},
      {"source",
       {{"zookeeper", facts.zookeeper.empty() ? ordered_json() : ordered_json(facts.zookeeper)},
        {"cluster_id", facts.cluster_id ? ordered_json(*facts.cluster_id) : ordered_json()},
        {"bootstrap_servers", facts.bootstrap_servers}}},
      {"groups", ordered_json::array()},
      {"suggested_config", suggest_config(facts)}};
  for (const GroupFacts& group : facts.groups) json["groups"].push_back(to_json(facts, group));
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string suggest_config(const Facts& facts) {
  std::map<std::string, std::vector<const GroupFacts*>> teams;
  for (const GroupFacts& group : facts.groups) {
    const std::string& name = group.zookeeper.group.value();
    const size_t end = name.find_first_of("-_.");
    teams[group.team.value_or(end == std::string::npos ? name : name.substr(0, end))].push_back(
        &group);
  }
  std::string yaml =
      fmt::format("{}\nbootstrap_server: {}\nteams:\n",
                  facts.zookeeper.empty() ? "offset_source: broker"
                                          : "zookeeper: " + log::json_quote(facts.zookeeper),
                  log::json_quote(facts.bootstrap_servers));
  for (const auto& [team, groups] : teams) {
    yaml += fmt::format("  {}:\n    groups:\n", log::json_quote(team));
    for (const GroupFacts* group : groups)
      yaml += fmt::format("      - {}  # {}\n", log::json_quote(group->zookeeper.group.value()),
                          zkoffsets::to_string(group->zookeeper.layout));
  }
  return yaml;
}

}  // namespace kferry::cli
