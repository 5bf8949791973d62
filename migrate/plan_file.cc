#include "migrate/plan_file.h"

#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "verify/json_reader.h"
#include "verify/json_writer.h"
#include "verify/report_fields.h"
#include "wire/digest.h"

namespace kferry::migrate {
namespace {

using verify::Fields;
using verify::JsonWriter;

// 100,000 partitions take about 35 MiB.
constexpr size_t kMaxPlanBytes = size_t{512} << 20;

template <class Value>
std::optional<int64_t> number_of(const std::optional<Value>& value) {
  return value.transform([](const Value& v) { return v.value(); });
}

void write(JsonWriter& writer, const PlannedPartition& partition) {
  writer.begin_line();
  writer.field("topic", partition.partition.topic.value());
  writer.field("partition", partition.partition.partition.value());
  writer.field("path", partition.path);
  writer.field("zookeeper_offset", number_of(partition.zookeeper_offset));
  writer.field("mzxid", partition.node.mzxid);
  writer.field("version", partition.node.version);
  writer.field("mtime_ms", partition.node.mtime_ms);
  writer.field("kafka_before", number_of(partition.kafka_before));
  writer.field("kafka_metadata_before", partition.kafka_metadata_before);
  writer.field("log_start", number_of(partition.log_start));
  writer.field("log_end", number_of(partition.log_end));
  writer.field("verdict", to_string(partition.verdict));
  writer.field("action", to_string(partition.action));
  writer.field("target", number_of(partition.target));
  writer.field("detail", partition.detail);
  writer.end();
}

void write(JsonWriter& writer, const PlannedGroup& group) {
  writer.begin_object();
  writer.field("group", group.group.value());
  writer.field("team", group.team);
  writer.field("layout", zkoffsets::to_string(group.layout));
  writer.field("convention", zkoffsets::to_string(group.convention));
  writer.key("external").begin_array();
  for (const auto& external : group.external) {
    const std::string& topic = external.topic.value();
    writer.begin_object();
    writer.field("path", external.path);
    writer.field("topic", topic.empty() ? std::nullopt : std::optional(topic));
    writer.field("offset_pointer", external.offset_pointer);
    writer.end();
  }
  writer.end();
  writer.key("evidence");
  verify::write_evidence(writer, group.evidence);
  writer.field("refusal", group.refusal);
  writer.key("warnings").begin_array();
  for (const std::string& warning : group.warnings) writer.value(warning);
  writer.end();
  writer.key("partitions").begin_array();
  for (const PlannedPartition& partition : group.partitions) write(writer, partition);
  writer.end();
  writer.end();
}

void write(JsonWriter& writer, const Policies& policies) {
  writer.begin_object();
  writer.field("on_conflict", to_string(policies.on_conflict));
  writer.field("on_range", to_string(policies.on_range));
  writer.field("on_missing", to_string(policies.on_missing));
  writer.end();
}

void write(const JsonWriter::Sink& sink, const Plan& plan, std::string_view id) {
  JsonWriter writer(sink);
  writer.begin_object();
  writer.field("schema", Plan::kSchema);
  writer.field("id", id);
  writer.field("created_at", to_rfc3339(plan.created_at_ms));
  writer.field("tool_version", plan.tool_version);
  writer.key("source");
  verify::write_source(writer, plan.source);
  writer.key("policies");
  write(writer, plan.policies);
  writer.key("topic_ids").begin_object();
  for (const auto& [topic, topic_id] : plan.topic_ids) writer.field(topic.value(), topic_id);
  writer.end();
  writer.field("offsets_retention_ms", plan.offsets_retention_ms);
  writer.key("groups").begin_array();
  for (const PlannedGroup& group : plan.groups) write(writer, group);
  writer.end();
  writer.end();
  writer.finish();
}

// Over the file's text with an empty id: two plans with equal content have equal ids, however a
// file of one was reformatted.
std::string digest_of(const Plan& plan) {
  wire::Sha256 digest;
  write([&](std::string_view piece) { digest.update(piece); }, plan, "");
  return digest.hex();
}

template <class Value>
std::optional<Value> maybe(std::optional<int64_t> number) {
  return number.transform([](int64_t n) { return Value(n); });
}

void check_target(Fields& fields, const PlannedPartition& partition) {
  const bool commits = partition.action == Action::kCommit;
  if (commits && !partition.target) fields.fail("target", "is null although action is 'commit'");
  if (!commits && partition.target)
    fields.fail("target", "is a number although action is not 'commit'");
  if (commits && (partition.path.empty() || !partition.zookeeper_offset))
    fields.fail("action", "is 'commit' although there is no offset in ZooKeeper");
}

PlannedPartition read_partition(Fields& fields) {
  constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();
  constexpr int64_t kMinInt64 = std::numeric_limits<int64_t>::min();
  PlannedPartition partition;
  partition.partition.topic = TopicName(fields.text("topic"));
  partition.partition.partition =
      Partition(static_cast<int32_t>(fields.number("partition", 0, kMaxInt32)));
  partition.path = fields.text("path");
  partition.zookeeper_offset = maybe<ZookeeperOffset>(fields.maybe_number("zookeeper_offset"));
  partition.node.mzxid = fields.number("mzxid");
  // ZooKeeper's counter wraps; its clock can be set to anything.
  partition.node.version = static_cast<int32_t>(
      fields.number("version", std::numeric_limits<int32_t>::min(), kMaxInt32));
  partition.node.mtime_ms = fields.number("mtime_ms", kMinInt64);
  partition.kafka_before = maybe<Offset>(fields.maybe_number("kafka_before"));
  partition.kafka_metadata_before = fields.text("kafka_metadata_before");
  partition.log_start = maybe<Offset>(fields.maybe_number("log_start"));
  partition.log_end = maybe<Offset>(fields.maybe_number("log_end"));
  partition.verdict = fields.named("verdict", parse_verdict);
  partition.action = fields.named("action", parse_action);
  partition.target = maybe<Offset>(fields.maybe_number("target"));
  partition.detail = fields.text("detail");
  fields.no_others();
  check_target(fields, partition);
  return partition;
}

PlannedGroup read_group(Fields& fields) {
  PlannedGroup group;
  group.group = GroupId(fields.text("group"));
  group.team = fields.maybe_text("team");
  group.layout = fields.named("layout", zkoffsets::parse_layout);
  group.convention = fields.named("convention", zkoffsets::parse_convention);
  for (Fields& external : fields.objects("external")) {
    group.external.push_back({group.group, group.layout, external.text("path"),
                              TopicName(external.maybe_text("topic").value_or("")),
                              external.maybe_text("offset_pointer")});
    external.no_others();
  }
  group.evidence = verify::read_evidence(fields.object("evidence"));
  group.refusal = fields.text("refusal");
  group.warnings = fields.texts("warnings");
  fields.taken_out("partitions");
  fields.no_others();
  return group;
}

Policies read_policies(Fields fields) {
  Policies policies{fields.named("on_conflict", parse_conflict_policy),
                    fields.named("on_range", parse_range_policy),
                    fields.named("on_missing", parse_missing_policy)};
  fields.no_others();
  return policies;
}

void read_head(Fields& fields, const nlohmann::json& root, Plan& plan) {
  fields.text("schema");
  plan.id = fields.text("id");
  plan.created_at_ms = fields.time("created_at");
  plan.tool_version = fields.text("tool_version");
  plan.source = verify::read_source(fields.object("source"));
  plan.policies = read_policies(fields.object("policies"));
  Fields topic_ids = fields.object("topic_ids");
  if (const auto ids = root.find("topic_ids"); ids != root.end() && ids->is_object())
    for (const auto& [topic, id] : ids->items())
      plan.topic_ids.emplace(TopicName(topic), topic_ids.text(topic));
  plan.offsets_retention_ms = fields.maybe_number("offsets_retention_ms");
  fields.taken_out("groups");
  fields.no_others();
}

Error in_plan(Error error) {
  if (error.hint.empty()) error.hint = "make a new plan with `kferry plan`";
  return in_context(std::move(error), "reading the plan");
}

Result<> check_schema(const nlohmann::json& root) {
  const auto schema = root.find("schema");
  if (schema != root.end() && *schema == Plan::kSchema) return {};
  const bool is_text = schema != root.end() && schema->is_string();
  return fail(
      ErrorKind::kUsage,
      fmt::format("/schema is {}, not '{}'",
                  is_text ? "'" + schema->get<std::string>().substr(0, 60) + "'" : "missing",
                  Plan::kSchema),
      "use the version of kferry that wrote the plan, or make a new plan");
}

}  // namespace

// The digest is over the text without the id, which is put into its place afterwards.
std::string to_json(Plan& plan) {
  constexpr std::string_view kPlace = "\"id\": \"\"";
  std::string json;
  write([&](std::string_view piece) { json += piece; }, plan, "");
  plan.id = wire::sha256_hex(json);
  json.insert(json.find(kPlace) + kPlace.size() - 1, plan.id);
  return json;
}

Result<Plan> parse_plan(const std::string& json) {
  if (json.size() > kMaxPlanBytes)
    return std::unexpected(in_plan({ErrorKind::kUsage, "the file is larger than 512 MiB", {}, 0}));
  Plan plan;
  std::vector<PlannedPartition> partitions;
  verify::Reading reading;
  const auto root =
      verify::parse_grouped(reading, json,
                            {[&](Fields& fields) { partitions.push_back(read_partition(fields)); },
                             [&](Fields& fields) {
                               plan.groups.push_back(read_group(fields));
                               plan.groups.back().partitions = std::exchange(partitions, {});
                             }});
  if (!root) return std::unexpected(in_plan(root.error()));
  // Before anything else: another version may have any other field.
  if (const auto known = check_schema(*root); !known)
    return std::unexpected(in_plan(known.error()));
  Fields fields(reading, *root, "");
  read_head(fields, *root, plan);
  if (reading.failed()) return std::unexpected(in_plan(reading.error()));
  if (plan.id != digest_of(plan))
    return fail(ErrorKind::kRefused,
                "reading the plan: its content does not fit its id: the file was edited or damaged",
                "make a new plan, and steer it with --on-conflict, --on-range and --on-missing "
                "instead of editing it");
  return plan;
}

}  // namespace kferry::migrate
