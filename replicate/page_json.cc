#include "replicate/page_json.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "replicate/flow_health.h"
#include "replicate/flow_totals.h"
#include "replicate/status_json.h"
#include "verify/json_writer.h"

namespace kferry::replicate {
namespace {

using verify::JsonWriter;

// '%41' and '+' are turned back; what is malformed stays as it is.
std::string decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const at = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(at, at + 2, value, 16).ptr == at + 2) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

Result<size_t> number(std::string_view name, const std::string& text, size_t least, size_t most) {
  size_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || value < least || value > most)
    return fail(ErrorKind::kUsage, fmt::format("{}: takes {} to {}", name, least, most));
  return value;
}

Result<> take(ListQuery& query, std::string_view name, const std::string& value) {
  constexpr size_t kMostOffset = 1'000'000'000;
  if (name == "offset") {
    KFERRY_TRY(query.offset, number(name, value, 0, kMostOffset));
  } else if (name == "limit") {
    KFERRY_TRY(query.limit, number(name, value, 1, ListQuery::kMostRows));
  } else if (name == "q") {
    query.find = value;
  } else if (name == "topic") {
    query.topic = value;
  } else if (name == "order") {
    if (value == "lag")
      query.order = ListQuery::Order::kLag;
    else if (value == "name")
      query.order = ListQuery::Order::kName;
    else if (value != "trouble")
      return fail(ErrorKind::kUsage, "order: takes trouble, lag or name");
  } else {
    return fail(ErrorKind::kUsage, fmt::format("{}: no such parameter", name));
  }
  return {};
}

// {"total": ..., "offset": ..., "rows": [write(row, json), ...]} of those that are asked for.
template <class Row, class Write>
std::string listing(const std::vector<Row>& rows, const ListQuery& query, Write write) {
  std::string document;
  JsonWriter json([&](std::string_view piece) { document += piece; });
  json.begin_object();
  json.field("total", rows.size());
  json.field("offset", query.offset);
  json.key("rows").begin_array();
  const size_t from = std::min(query.offset, rows.size());
  const size_t to = from + std::min(query.limit, rows.size() - from);
  for (size_t i = from; i < to; ++i) write(rows[i], json);
  json.end();
  json.end();
  json.finish();
  return document;
}

void write_topic(const TopicTotals& topic, JsonWriter& json) {
  json.begin_line();
  json.field("topic", topic.topic.value());
  json.field("target_topic", topic.target_topic.value());
  json.field("partitions", topic.partitions);
  json.field("lag", topic.known > 0 ? std::optional(topic.lag) : std::nullopt);
  json.field("records", topic.records < 0 ? std::nullopt : std::optional(topic.records));
  json.field("identity_partitions", topic.identity);
  json.field("worst", to_string(topic.worst));
  json.key("phases").begin_line();
  for (const Phase phase : kPhases) json.field(to_string(phase), topic.in(phase));
  json.end();
  json.field("reason", topic.reason.empty() ? std::nullopt : std::optional(topic.why()));
  json.end();
}

std::vector<const PartitionStatus*> stuck_of(const FlowStatus& status) {
  std::vector<const PartitionStatus*> stuck;
  for (const PartitionStatus& one : status.partitions)
    if (one.phase == Phase::kQuarantined || one.phase == Phase::kWaiting) stuck.push_back(&one);
  std::ranges::stable_partition(
      stuck, [](const PartitionStatus* one) { return one->phase == Phase::kQuarantined; });
  return stuck;
}

}  // namespace

Result<ListQuery> parse_list_query(std::string_view query) {
  ListQuery parsed;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (one.empty()) continue;
    const size_t equals = std::min(one.find('='), one.size());
    KFERRY_CHECK(
        take(parsed, one.substr(0, equals), decode(one.substr(std::min(equals + 1, one.size())))));
  }
  return parsed;
}

std::string summary_json(const FlowStatus& status) {
  constexpr size_t kMostStuck = 20;
  const std::vector<const PartitionStatus*> stuck = stuck_of(status);
  std::string document;
  JsonWriter json([&](std::string_view piece) { document += piece; });
  json.begin_object();
  write_status_head(status, json);
  json.field("percent", percent_copied(totals_of(status)));
  json.field("stuck_total", stuck.size());
  json.key("stuck").begin_array();
  for (size_t i = 0; i < std::min(stuck.size(), kMostStuck); ++i) write_partition(*stuck[i], json);
  json.end();
  json.end();
  json.finish();
  return document;
}

std::string topics_json(const FlowStatus& status, const ListQuery& query) {
  std::vector<TopicTotals> topics = topics_of(status);
  if (!query.find.empty())
    std::erase_if(topics, [&](const TopicTotals& topic) {
      return topic.topic.value().find(query.find) == std::string::npos;
    });
  if (query.order == ListQuery::Order::kLag)
    std::ranges::stable_sort(topics, std::greater(), &TopicTotals::lag);
  if (query.order == ListQuery::Order::kTrouble)
    std::ranges::stable_sort(topics, [](const TopicTotals& one, const TopicTotals& other) {
      return is_worse(one.worst, other.worst);
    });
  return listing(topics, query, write_topic);
}

std::string partitions_json(const FlowStatus& status, const ListQuery& query) {
  std::vector<const PartitionStatus*> partitions;
  for (const PartitionStatus& one : status.partitions)
    if (query.topic.empty() || one.source.topic.value() == query.topic) partitions.push_back(&one);
  return listing(partitions, query,
                 [](const PartitionStatus* one, JsonWriter& json) { write_partition(*one, json); });
}

std::string groups_json(const FlowStatus& status, const ListQuery& query) {
  std::vector<const GroupStatus*> groups;
  for (const GroupStatus& one : status.groups)
    if (query.find.empty() || one.group.value().find(query.find) != std::string::npos)
      groups.push_back(&one);
  std::ranges::stable_partition(groups,
                                [](const GroupStatus* one) { return needs_attention(*one); });
  return listing(groups, query,
                 [](const GroupStatus* one, JsonWriter& json) { write_group(*one, json); });
}

}  // namespace kferry::replicate
